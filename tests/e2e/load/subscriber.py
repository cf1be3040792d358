"""A Dapr app that remembers every numbered message it was given.

    GET  /dapr/subscribe   what it wants, from its environment
    POST /messages/TOPIC   a message, or a bulk of them
    POST|PUT /echo         for those who call it by its app id
    GET  /seen             what arrived, by publisher and topic; ?since=N leaves out what had arrived by then
    POST /behave           {"slow_ms": 100, "answer": "RETRY", "first": 1, "publisher": "a"}; GET tells

The environment: `TOPICS` (commas between), `PUBSUB`, `BULK=1`, `DEAD_LETTER=topic` (it is subscribed to too), `SLOW_MS`.
Everything is held in this process: the sidecar may come and go.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ranges import ranges

PUBSUB = os.environ.get("PUBSUB", "pubsub")
TOPICS = [topic for topic in os.environ.get("TOPICS", "orders").split(",") if topic]
DEAD_LETTER = os.environ.get("DEAD_LETTER", "")
BULK = os.environ.get("BULK", "") == "1"


@dataclass
class Behaviour:
    """What becomes of a message."""

    slow_ms: float = float(os.environ.get("SLOW_MS", "0"))
    """How long handling one takes; those of a bulk one after the other."""
    answer: str = "SUCCESS"
    """RETRY, DROP, or FAIL for HTTP 500."""
    first: int | None = None
    """So many deliveries of each number get `answer`, later ones SUCCESS; None: all."""
    publisher: str = ""
    """Only this publisher's; empty: everybody's."""


@dataclass
class Seen:
    """One publisher's messages on one topic."""

    taken: Counter[int] = field(default_factory=Counter)
    """How often each was answered with SUCCESS."""
    offered: Counter[int] = field(default_factory=Counter)
    """How often each arrived."""
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """Which was taken for the first time when, in this order."""
    inversions: int = 0
    """First arrivals of a number below the highest so far."""
    highest: int = -1
    longest_gap: float = 0.0
    """Between two first arrivals, in seconds."""
    slowest: float = 0.0
    """From publish to first arrival, in seconds: all containers of a machine share the monotonic clock."""


behaviour = Behaviour()
seen: dict[tuple[str, str], Seen] = {}
progress = 0
"""Counts every message that is taken, repeats too."""
marks: list[tuple[str, str, int]] = []
"""The same messages, in order."""
others = 0


async def take(topic: str, event: dict) -> str:
    """One message: waits as long as handling it takes, and says what is to become of it."""
    global progress, others
    if behaviour.slow_ms:
        await asyncio.sleep(behaviour.slow_ms / 1000)
    try:
        publisher, number, sent = (event["data"][key] for key in ("publisher", "number", "sent"))
    except (KeyError, TypeError):
        others += 1
        return "DROP"
    record = seen.setdefault((publisher, topic), Seen())
    record.offered[number] += 1
    concerned = behaviour.publisher in ("", publisher) and topic != DEAD_LETTER
    again = behaviour.first is None or record.offered[number] <= behaviour.first
    if behaviour.answer != "SUCCESS" and concerned and again:
        return behaviour.answer
    now = time.monotonic()
    if not record.taken[number]:
        record.inversions += number < record.highest
        record.highest = max(record.highest, number)
        record.slowest = max(record.slowest, now - sent)
        if record.arrivals:
            record.longest_gap = max(record.longest_gap, now - record.arrivals[-1][1])
        record.arrivals.append((number, now))
    record.taken[number] += 1
    progress += 1
    marks.append((publisher, topic, number))
    return "SUCCESS"


async def messages(request: Request) -> Response:
    """The sidecar's call: a CloudEvent, or with bulk subscription several."""
    topic, body = request.path_params["topic"], json.loads(await request.body())
    if "entries" not in body:
        return answer(await take(topic, body))
    statuses = [{"entryId": entry["entryId"], "status": await take(topic, entry["event"])} for entry in body["entries"]]
    if any(one["status"] == "FAIL" for one in statuses):
        return answer("FAIL")
    return JSONResponse({"statuses": statuses})


def answer(status: str) -> Response:
    """What the sidecar understands."""
    return Response(status_code=500) if status == "FAIL" else JSONResponse({"status": status})


async def subscribe(request: Request) -> Response:
    """Its subscriptions."""
    wanted = []
    for topic in TOPICS:
        one: dict = {"pubsubname": PUBSUB, "topic": topic, "route": f"/messages/{topic}"}
        if BULK:
            one["bulkSubscribe"] = {"enabled": True, "maxMessagesCount": 50, "maxAwaitDurationMs": 50}
        if DEAD_LETTER:
            one["deadLetterTopic"] = DEAD_LETTER
        wanted.append(one)
    if DEAD_LETTER:
        wanted.append({"pubsubname": PUBSUB, "topic": DEAD_LETTER, "route": f"/messages/{DEAD_LETTER}"})
    return JSONResponse(wanted)


async def tell_seen(request: Request) -> Response:
    """`progress` is what to ask `since` the next time."""
    since = int(request.query_params.get("since", 0))
    recent: dict[tuple[str, str], set[int]] = {}
    for publisher, topic, number in marks[since:] if since else ():
        recent.setdefault((publisher, topic), set()).add(number)
    streams = []
    for (publisher, topic), record in seen.items():
        numbers = recent.get((publisher, topic), set()) if since else record.taken.keys()
        streams.append(
            {
                "publisher": publisher,
                "topic": topic,
                "seen": ranges(numbers),
                "taken": record.taken.total(),
                "offered": record.offered.total(),
                "distinct": len(record.taken),
                "most_often": max(record.taken.values(), default=0),
                "inversions": record.inversions,
                "slowest_ms": record.slowest * 1000,
                "longest_gap_ms": record.longest_gap * 1000,
            }
        )
    return JSONResponse({"progress": progress, "others": others, "streams": streams})


async def behave(request: Request) -> Response:
    """What is not given becomes what it was at the start."""
    global behaviour
    if request.method == "POST":
        behaviour = Behaviour(**await request.json())
    return JSONResponse(asdict(behaviour))


async def echo(request: Request) -> Response:
    """The caller's own words."""
    return Response(await request.body(), media_type="application/json")


async def healthz(request: Request) -> Response:
    """It answers."""
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/messages/{topic}", messages, methods=["POST"]),
        Route("/dapr/subscribe", subscribe),
        Route("/seen", tell_seen),
        Route("/behave", behave, methods=["GET", "POST"]),
        Route("/echo", echo, methods=["POST", "PUT"]),
        Route("/healthz", healthz),
    ],
)
