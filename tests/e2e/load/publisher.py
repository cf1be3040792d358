"""Publishes numbers at a steady rate through a sidecar, and knows of each whether it was acknowledged.

    POST /start     a run: {"publisher": "a", "mode": "one", "rate": 200, "count": 1000, "topic": "orders"}
    POST /stop      {"publisher": "a"}: ends it, waits for what is in flight, answers its report
    GET  /report    ?publisher=a: its report so far

Runs with different names go on side by side. The modes:

    one      one keep-alive connection, one request at a time
    new      a new connection for each message
    many     20 keep-alive connections, dealt in turn
    sample   the sample's `dapr.py` with its own connections and retries

None but `sample` repeats anything. A *lane* is a connection that one message at a time uses; what `new` and `sample` send at the
same time is on different lanes. With `invoke` in place of `topic` another app is called by its id.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise

from reminders.dapr import Dapr, DaprError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ranges import ranges
from wire import Connection, Refused

MODES = ("one", "new", "many", "sample")
MANY = 20
LONGEST_LIST = 200

current: ContextVar[Run] = ContextVar("current")


@dataclass
class Plan:
    """What was asked for."""

    publisher: str
    endpoint: str
    mode: str = "one"
    rate: float = 200.0
    """Messages a second."""
    count: int | None = None
    """None: until it is stopped."""
    pubsub: str = "pubsub"
    topic: str = ""
    invoke: str = ""
    """`app-id/path`: call it instead of publishing."""
    connections: int = MANY
    """Of mode `many`."""

    def __post_init__(self) -> None:
        if self.mode not in MODES or bool(self.topic) == bool(self.invoke):
            raise ValueError(f"a mode of {MODES}, and either a topic or an app to invoke")

    @property
    def path(self) -> str:
        """Where a message is posted to."""
        if self.topic:
            return f"/v1.0/publish/{self.pubsub}/{self.topic}"
        app_id, _, path = self.invoke.partition("/")
        return f"/v1.0/invoke/{app_id}/method/{path}"


@dataclass
class Run:
    """One series of numbers, 0, 1, 2, …"""

    plan: Plan
    began: float = 0.0
    ended: float = 0.0
    stopped: float | None = None
    """When it was told to end; what is in flight then may take longer."""
    sent: list[int] = field(default_factory=list)
    acknowledged: list[tuple[float, int]] = field(default_factory=list)
    """When, and which."""
    refused: list[tuple[float, int, int, str]] = field(default_factory=list)
    """When, which, on which lane, why."""
    latencies: list[float] = field(default_factory=list)
    late: float = 0.0
    """The most that a message was sent after its time, in seconds."""
    peers: Counter[str] = field(default_factory=Counter)
    lanes: int = 0
    dialed: int = 0
    retries: int = 0
    task: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """All of it."""
        current.set(self)
        self.began = time.monotonic() + 0.05
        try:
            if self.plan.mode == "one":
                await self._steadily(0, 1)
            elif self.plan.mode == "many":
                step = self.plan.connections
                await asyncio.gather(*(self._steadily(lane, step) for lane in range(step)))
            elif self.plan.mode == "new":
                await self._side_by_side(lambda lane: self._post(Connection(self.plan.endpoint, keep=False)))
            else:
                async with Dapr(self.plan.endpoint) as dapr:
                    await self._side_by_side(lambda lane: self._by_sample(dapr))
        finally:
            self.ended = time.monotonic()

    async def _due(self, number: int) -> bool:
        """Waits for the number's time on the schedule; False when it is not to be sent any more."""
        if self.plan.count is not None and number >= self.plan.count:
            return False
        due = self.began + number / self.plan.rate
        if (pause := due - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        self.late = max(self.late, time.monotonic() - due)
        return self.stopped is None

    async def _steadily(self, lane: int, step: int) -> None:
        """Every `step`-th number, on one connection that stays."""
        connection, number = Connection(self.plan.endpoint), lane
        self.lanes += 1
        while await self._due(number):
            await self._send(number, lane, self._post(connection))
            number += step
        connection.close()

    async def _side_by_side(self, send: Callable[[int], Callable[[int], Awaitable[str]]]) -> None:
        """Each number at its time, whatever has become of those before it."""
        free: list[int] = []

        async def one(number: int, lane: int) -> None:
            await self._send(number, lane, send(lane))
            heappush(free, lane)

        number = 0
        async with asyncio.TaskGroup() as tasks:
            while await self._due(number):
                if not free:
                    heappush(free, self.lanes)
                    self.lanes += 1
                tasks.create_task(one(number, heappop(free)))
                number += 1

    async def _send(self, number: int, lane: int, send: Callable[[int], Awaitable[str]]) -> None:
        self.sent.append(number)
        begin = time.monotonic()
        try:
            peer = await send(number)
        except (Refused, DaprError) as error:
            self.refused.append((time.monotonic(), number, lane, str(error)))
            return
        end = time.monotonic()
        self.acknowledged.append((end, number))
        self.latencies.append(end - begin)
        if peer:
            self.peers[peer] += 1

    def _message(self, number: int) -> dict[str, object]:
        return {"publisher": self.plan.publisher, "number": number, "sent": time.monotonic()}

    def _post(self, connection: Connection) -> Callable[[int], Awaitable[str]]:
        async def send(number: int) -> str:
            dialed = connection.dialed
            try:
                await connection.post(self.plan.path, json.dumps(self._message(number)).encode())
            finally:
                self.dialed += connection.dialed - dialed
            return connection.peer

        return send

    def _by_sample(self, dapr: Dapr) -> Callable[[int], Awaitable[str]]:
        async def send(number: int) -> str:
            if self.plan.topic:
                await dapr.publish(self.plan.pubsub, self.plan.topic, self._message(number))
                return ""
            # PUT: what may be done twice, and so is repeated.
            app_id, _, path = self.plan.invoke.partition("/")
            answer = await dapr.invoke(app_id, path, verb="PUT", json=self._message(number))
            if not answer.is_success:
                raise Refused(f"{answer.status_code} {answer.text}")
            return ""

        return send

    def report(self) -> dict[str, object]:
        """How it stands. Times are Unix seconds, durations milliseconds."""
        latencies = sorted(self.latencies)
        gap, gap_at = self._longest_gap()
        refused_on = Counter(lane for _, _, lane, _ in self.refused)
        return {
            "publisher": self.plan.publisher,
            "mode": self.plan.mode,
            "is_running": self.task is not None and not self.task.done(),
            "failed": repr(self.task.exception()) if self.task and self.task.done() and self.task.exception() else None,
            "seconds": (self.ended or time.monotonic()) - self.began,
            "sent": ranges(self.sent),
            "acknowledged": ranges(number for _, number in self.acknowledged),
            "refused": ranges(number for _, number, _, _ in self.refused),
            "refusals": [
                {"number": number, "lane": lane, "at": _unix(at), "reason": reason}
                for at, number, lane, reason in self.refused[:LONGEST_LIST]
            ],
            "reasons": dict(Counter(reason for _, _, _, reason in self.refused).most_common(20)),
            "lanes": self.lanes,
            "most_refused_on_a_lane": max(refused_on.values(), default=0),
            "longest_gap_ms": gap * 1000,
            "longest_gap_at": _unix(gap_at),
            "p50_ms": _quantile(latencies, 0.50) * 1000,
            "p99_ms": _quantile(latencies, 0.99) * 1000,
            "slowest_ms": _quantile(latencies, 1.0) * 1000,
            "late_ms": self.late * 1000,
            "dialed": self.dialed,
            "retries": self.retries,
            "peers": dict(self.peers),
        }

    def _longest_gap(self) -> tuple[float, float]:
        """Between two acknowledgements, or from the last one until it was told to end: how long, and since when."""
        times = [self.began, *sorted(at for at, _ in self.acknowledged)]
        if not self.ended or self.stopped or (self.refused and self.refused[-1][0] > times[-1]):
            times.append(max(times[-1], self.stopped or self.ended or time.monotonic()))
        return max(((after - before, before) for before, after in pairwise(times)), default=(0.0, self.began))


def _quantile(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def _unix(monotonic: float) -> float:
    return round(time.time() - time.monotonic() + monotonic, 4)


class CountRetries(logging.Handler):
    """The sample's client says when it repeats a call; the run it belongs to is that of the calling task."""

    def emit(self, record: logging.LogRecord) -> None:
        if "again in" in record.getMessage() and (run := current.get(None)):
            run.retries += 1


runs: dict[str, Run] = {}


async def start(request: Request) -> Response:
    """A name that was used begins anew."""
    plan = Plan(**await request.json())
    if (before := runs.get(plan.publisher)) and before.task and not before.task.done():
        return JSONResponse({"error": f"{plan.publisher} is running"}, 409)
    run = runs[plan.publisher] = Run(plan)
    run.task = asyncio.create_task(run.publish())
    return JSONResponse(run.report(), 201)


async def stop(request: Request) -> Response:
    """The report is final: nothing is in flight any more."""
    run = runs[(await request.json())["publisher"]]
    run.stopped = run.stopped or time.monotonic()
    await asyncio.wait([run.task])
    return JSONResponse(run.report())


async def report(request: Request) -> Response:
    """As it stands."""
    return JSONResponse(runs[request.query_params["publisher"]].report())


async def healthz(request: Request) -> Response:
    """It answers."""
    return Response(status_code=204)


async def wrong(request: Request, error: Exception) -> Response:
    """The driver made a mistake."""
    return JSONResponse({"error": repr(error)}, 400)


app = Starlette(
    routes=[
        Route("/start", start, methods=["POST"]),
        Route("/stop", stop, methods=["POST"]),
        Route("/report", report),
        Route("/healthz", healthz),
    ],
    exception_handlers={KeyError: wrong, ValueError: wrong, TypeError: wrong},
)

retries = logging.getLogger("dapr")
retries.setLevel(logging.DEBUG)
retries.addHandler(CountRetries())
retries.propagate = False
