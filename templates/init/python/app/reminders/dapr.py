"""A small Dapr client on httpx. One file, one dependency: copy it into your service.

    async with Dapr() as dapr:
        await dapr.publish("pubsub", "orders", {"id": 7}, key="customer-3")
        order = await dapr.get_state("statestore", "order-7")

**Where the sidecar is** comes from the environment: `DAPR_HTTP_ENDPOINT`, else `DAPR_RUNTIME_HOST`
and `DAPR_HTTP_PORT`, else http://127.0.0.1:3500. `DAPR_API_TOKEN` is sent where it is set.

**What is repeated.** Only what is safe to repeat, with exponential backoff and full jitter, and never
beyond `Retry.budget` seconds in all. A call that cannot have had an effect (no connection, component
not loaded) is always safe. So are calls that may be made twice: reads, saves, deletes, scheduling
with `overwrite`, and publishing, because delivery is at least once anyway. What may have reached
another app by `invoke` with POST or PATCH is not repeated. An answer that was lost makes a call with
an etag fail on its second try: after `EtagConflict` read again and look whether the write was yours.

When a call fails, the pooled connections are left behind with it: the next try dials anew, looks the
name up again, and does not meet the sidecar on its way out that just refused. That is why a sidecar
can be replaced under its name while messages are being published, and no caller sees an error.

**What goes wrong** is a `DaprError`, or one of its subclasses where a caller would act differently.

**Traces.** With the `TraceContext` middleware, calls made while a request is handled carry the
request's `traceparent` and `tracestate`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import logging
import math
import os
import random
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx

__all__ = [
    "AlreadyExists",
    "ComponentNotFound",
    "Dapr",
    "DaprError",
    "Delete",
    "Denied",
    "EtagConflict",
    "NotFound",
    "Retry",
    "Secret",
    "StateItem",
    "TraceContext",
    "Unavailable",
    "Upsert",
    "trace_id",
]

log = logging.getLogger("dapr")


# ---------------------------------------------------------------- errors


class DaprError(Exception):
    """A call to the sidecar failed.

    `status` is the HTTP status, 0 where there was no answer. `error_code` is Dapr's own, such as
    `ERR_STATE_SAVE`, or empty. `happened` is False where the call certainly had no effect.
    """

    def __init__(
        self, call: str, message: str, *, status: int = 0, error_code: str = "", happened: bool = True
    ) -> None:
        answer = f"{error_code or 'HTTP'} ({status}): " if status else ""
        super().__init__(f"{call}: {answer}{message}")
        self.message = message
        self.status = status
        self.error_code = error_code
        self.happened = happened


class Unavailable(DaprError):
    """No sidecar, no answer in time, or it cannot do this now: shutting down, broker away."""


class ComponentNotFound(DaprError):
    """The sidecar has not loaded this component: a wrong name, a wrong scope, or it is reloading."""


class EtagConflict(DaprError):
    """The stored value is not the one this etag was read from. Read it again and decide again."""


class AlreadyExists(DaprError):
    """There is a job of this name already, and `overwrite` was off."""


class NotFound(DaprError):
    """What the call names is not there."""


class Denied(DaprError):
    """Missing or wrong `DAPR_API_TOKEN`, or a policy or scope forbids the call."""


_COMPONENT_NOT_FOUND = re.compile(r"ERR_(PUBSUB|STATE_STORES?|SECRET_STORES?)_NOT_(FOUND|CONFIGURED)")
_CONFLICT = ("etag mismatch", "invalid etag", "no item was updated")  # the last: Postgres, with `create`
_NOT_READY = {"ERR_PUBSUB_PUBLISH_MESSAGE", "ERR_HEALTH_NOT_READY", "ERR_OUTBOUND_HEALTH_NOT_READY"}


def _error_body(response: httpx.Response) -> tuple[str, str]:
    """Dapr's `errorCode` and `message`, in the old and the rich shape; plain text as message.

    The message becomes one line: it goes into logs.
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    text = " ".join(response.text.split())[:500]
    if not isinstance(body, dict):
        return "", text
    details = body.get("details")
    reasons = [d.get("reason") for d in details if isinstance(d, dict)] if isinstance(details, list) else []
    reason = next(filter(None, reasons), "")
    return str(body.get("errorCode") or reason), " ".join(str(body.get("message") or text).split())


def _error(call: str, response: httpx.Response) -> DaprError:
    """The exception for an answer of 400 and above."""
    status, (code, message) = response.status_code, _error_body(response)
    happened = True
    kind: type[DaprError] = DaprError
    if _COMPONENT_NOT_FOUND.fullmatch(code):  # before the status: this comes as 400, 401, 404 and 500
        kind, happened = ComponentNotFound, False
    elif any(text in message for text in _CONFLICT):  # before the status: a transaction has it as 500
        kind = EtagConflict
    elif code.endswith("SCHEDULER_GET_JOB") and "not found" in message:  # comes as 500
        kind = NotFound
    elif "component is closed" in message or code in _NOT_READY or status in (502, 503, 504):
        kind = Unavailable
    elif status in (401, 403):
        kind = Denied
    elif status == 404:
        kind = NotFound
    elif status == 409:
        kind = EtagConflict if code.startswith("ERR_STATE") else AlreadyExists
    return kind(call, message, status=status, error_code=code, happened=happened)


# ---------------------------------------------------------------- retries


@dataclasses.dataclass(frozen=True)
class Retry:
    """How long, in seconds, a call that is safe to repeat is repeated.

    `budget` bounds the whole call, and is used up where the sidecar is away or says "not now".
    `grace` is the patience with an answer that may well be final: a component that is not loaded,
    another 5xx. The n-th pause is random between 0 and `first` x 2^n, at most `longest`.
    """

    budget: float = 10.0
    grace: float = 2.0
    first: float = 0.025
    longest: float = 1.0

    def patience(self, error: DaprError, repeatable: bool) -> float:
        """For how long after its start a call that ended so may be made again; 0: not at all."""
        if error.happened and not repeatable:
            return 0
        if isinstance(error, Unavailable):
            return self.budget
        if isinstance(error, ComponentNotFound):
            return self.grace
        return self.grace if type(error) is DaprError and error.status >= 500 else 0

    def pause(self, attempt: int) -> float:
        """The pause after attempt number 0, 1, …"""
        return random.uniform(0, min(self.longest, self.first * 2 ** min(attempt, 30)))


# ---------------------------------------------------------------- traces

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Scope]]
_Send = Callable[[_Scope], Awaitable[None]]
_Asgi = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

_trace: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("dapr_trace", default=())


class TraceContext:
    """ASGI middleware: what a handler asks of Dapr belongs to the trace of its request."""

    def __init__(self, app: _Asgi) -> None:
        self.app = app

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        token = _trace.set(_trace_headers(scope.get("headers") or ()))
        try:
            await self.app(scope, receive, send)
        finally:
            _trace.reset(token)


def _trace_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    found = {n.decode(): v.decode("latin-1") for n, v in headers if n in (b"traceparent", b"tracestate")}
    # With tracing off, daprd sends one of zeros only: there is no trace to go on with.
    real = re.match(r"00-(?!0{32})[0-9a-f]{32}-", found.get("traceparent", ""))
    return tuple(found.items()) if real else ()


def trace_id() -> str:
    """The trace id of the request being handled, for log lines; empty outside of one."""
    return dict(_trace.get()).get("traceparent", "")[3:35]


# ---------------------------------------------------------------- values


class StateItem(NamedTuple):
    """A stored value and the etag that proves which one it was."""

    value: Any
    etag: str | None


@dataclasses.dataclass(frozen=True)
class Upsert:
    """Save `value` under `key`: over whatever is there, only over the value with `etag`, or, with
    `create`, only where there is none. It expires after `ttl` seconds."""

    key: str
    value: Any
    etag: str | None = None
    create: bool = False
    ttl: int | None = None


@dataclasses.dataclass(frozen=True)
class Delete:
    """Delete `key`; with `etag` only while that value is still there."""

    key: str
    etag: str | None = None


class Secret(dict[str, str]):
    """A secret's keys and values, whose values stay out of logs and tracebacks."""

    def __repr__(self) -> str:
        return f"Secret({', '.join(self)})"

    __str__ = __repr__


# ---------------------------------------------------------------- the client

# Calls under way at once; more wait their turn here, where a queue costs nothing: in httpx's pool it
# costs so much that a client that fell behind would never catch up. Invocations have their own, so
# that a slow app does not hold up what is published.
_SLOTS = 20
_IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
_JOB_ROUTES = ("/v1.0/jobs/", "/v1.0-alpha1/jobs/")  # stable since Dapr 1.18; alpha since 1.14


class Dapr:
    """The sidecar's HTTP API. Make one for the whole application, and close it at the end.

    Every method may raise `Unavailable`, `Denied` or `DaprError`; what else is said where it is so.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        retry: Retry | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`endpoint` and `token` override the environment; `transport` is for tests."""
        self.endpoint = (endpoint or _endpoint(os.environ)).rstrip("/")
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"the sidecar's address must begin with http:// or https://: {self.endpoint}")
        self._retry = retry or Retry()
        self._job_routes: tuple[str, ...] = _JOB_ROUTES
        self._token = token or os.environ.get("DAPR_API_TOKEN")
        self._transport = transport
        # Certificates are read only where they are needed: it takes longer than to start the app.
        self._tls = httpx.create_ssl_context(verify=self.endpoint.startswith("https:"))
        self._invoke_slots = asyncio.Semaphore(_SLOTS)
        self._slots = asyncio.Semaphore(_SLOTS)
        self._pool = self._new_pool()
        self._renewed = -math.inf

    def __repr__(self) -> str:
        return f"Dapr({self.endpoint})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.retire()

    # -- pub/sub

    async def publish(
        self,
        pubsub: str,
        topic: str,
        data: Any,
        *,
        key: str | None = None,
        ttl: int | None = None,
        raw: bool = False,
        event_id: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Publish `data` (JSON, or bytes as they are); it is on the broker when this returns.

        Messages with one partition `key` keep their order (Kafka). `ttl` is in seconds. `raw` leaves
        out the CloudEvents envelope. The message can be delivered more than once, and this call can
        cause that too: give it an `event_id` and the subscriber sees the same CloudEvent id twice.
        Raises `ComponentNotFound`; `Unavailable` where the broker did not take it in time.
        """
        extra = {
            "partitionKey": key,
            "ttlInSeconds": None if ttl is None else str(ttl),
            "rawPayload": "true" if raw else None,
            "cloudevent.id": event_id,
        }
        fields = {**(metadata or {}), **{k: v for k, v in extra.items() if v is not None}}
        binary = isinstance(data, bytes)
        default_type = "application/octet-stream" if binary else "application/json"
        await self._call(
            "POST",
            f"/v1.0/publish/{_quote(pubsub)}/{quote(topic)}",
            params={f"metadata.{name}": value for name, value in fields.items()},
            content=data if binary else _json(data),
            headers={"content-type": content_type or default_type},
        )

    # -- state

    async def get_state(self, store: str, key: str) -> StateItem | None:
        """The JSON value under `key` with its etag, or None. Raises `ComponentNotFound`."""
        response = await self._call("GET", f"{_state(store)}/{_quote(key)}")
        if response.status_code == 204:
            return None
        return StateItem(response.json(), response.headers.get("etag"))

    async def get_states(self, store: str, keys: Iterable[str]) -> dict[str, StateItem]:
        """The values that are there, by key, in one call. Raises `ComponentNotFound`."""
        response = await self._call("POST", f"{_state(store)}/bulk", json={"keys": list(keys)})
        items = response.json()
        if failed := next((item for item in items if item.get("error")), None):
            raise DaprError(f"get {failed['key']} from {store}", failed["error"])
        return {i["key"]: StateItem(i["data"], i.get("etag")) for i in items if "data" in i}

    async def save_state(
        self,
        store: str,
        key: str,
        value: Any,
        *,
        etag: str | None = None,
        create: bool = False,
        ttl: int | None = None,
    ) -> None:
        """Save one JSON value; the arguments are those of `Upsert`.

        Raises `EtagConflict` where `etag` is out of date or, with `create`, the key is taken; and
        `ComponentNotFound`.
        """
        item = _upsert(Upsert(key, value, etag, create, ttl))
        await self._call("POST", _state(store), json=[item])

    async def delete_state(self, store: str, key: str, *, etag: str | None = None) -> None:
        """Delete a value; one that is not there is no error. Raises as `save_state` does."""
        guard: dict[str, Any] = {}
        if etag is not None:
            guard = {"headers": {"if-match": etag}, "params": {"concurrency": "first-write"}}
        await self._call("DELETE", f"{_state(store)}/{_quote(key)}", **guard)

    async def transaction(self, store: str, operations: Iterable[Upsert | Delete]) -> None:
        """Do all of it or nothing. Raises `EtagConflict` where one of the etags is out of date."""
        body = [
            {"operation": "upsert", "request": _upsert(operation)}
            if isinstance(operation, Upsert)
            else {"operation": "delete", "request": _guarded({"key": operation.key}, operation.etag)}
            for operation in operations
        ]
        await self._call("POST", f"{_state(store)}/transaction", json={"operations": body})

    # -- secrets

    async def get_secret(self, store: str, name: str) -> Secret:
        """A secret's keys and values. Raises `ComponentNotFound`, `Denied`."""
        response = await self._call("GET", f"/v1.0/secrets/{_quote(store)}/{_quote(name)}")
        return Secret(response.json())

    # -- jobs

    async def schedule_job(
        self,
        name: str,
        *,
        due: datetime | timedelta | None = None,
        schedule: str | None = None,
        repeats: int | None = None,
        data: Any = None,
        overwrite: bool = True,
        retry_every: float = 1.0,
        max_retries: int = 3,
    ) -> None:
        """Have the sidecar POST `data` to /job/`name` on this app, once `due` or on a `schedule`
        (six-field cron, or `@every 1m`); with both, `due` is when the schedule begins.

        A job runs at least once. A callback that answers 5xx is repeated after `retry_every` seconds
        up to `max_retries` times (before Dapr 1.16: never); one that answers 404 is dropped for ever.
        Raises `AlreadyExists` where `overwrite` is off and the name is taken (before 1.16 it is
        overwritten all the same).
        """
        fields = {
            "dueTime": _due_time(due),
            "schedule": schedule,
            "repeats": repeats,
            "data": data,
            "overwrite": overwrite,
            "failurePolicy": {"constant": {"interval": f"{retry_every}s", "maxRetries": max_retries}},
        }
        job = {name: value for name, value in fields.items() if value is not None}
        job.setdefault("data", None)  # without any, daprd 1.18 cannot call the app
        await self._job("POST", name, repeatable=overwrite, json=job)

    async def get_job(self, name: str) -> dict[str, Any] | None:
        """The job as the scheduler has it, or None once it is done, or was never there."""
        try:
            response = await self._job("GET", name)
        except NotFound:
            return None
        job: dict[str, Any] = response.json()
        return job

    async def delete_job(self, name: str) -> None:
        """Forget a job; one that is not there is no error."""
        with contextlib.suppress(NotFound):
            await self._job("DELETE", name)

    # -- other apps, and the sidecar itself

    async def invoke(
        self,
        app_id: str,
        path: str,
        *,
        verb: str = "GET",
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> httpx.Response:
        """Call another app; the answer is that app's, whatever its status.

        Raises `DaprError` only where Dapr itself failed: no such app, not allowed, no sidecar, or no
        answer within `timeout` seconds. Repeats by the verb, as the module's text says.
        """
        return await self._call(
            verb,
            f"/v1.0/invoke/{_quote(app_id)}/method/{path.lstrip('/')}",
            repeatable=verb.upper() in _IDEMPOTENT,
            retry=dataclasses.replace(self._retry, budget=timeout),
            failed=_invoke_failed,
            timeout=httpx.Timeout(timeout, connect=1.0),
            slots=self._invoke_slots,
            params=params,
            headers=headers,
            json=json,
        )

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Return when the sidecar can publish and store. For an app that needs it while it starts.

        This is `healthz/outbound`, not `healthz`: that one waits for the app, and an app that waits
        for it waits for ever. Raises `Unavailable` after `timeout` seconds.
        """
        retry = dataclasses.replace(self._retry, budget=timeout, longest=0.1)
        await self._call("GET", "/v1.0/healthz/outbound", retry=retry)

    # -- one call

    async def _job(self, verb: str, name: str, *, repeatable: bool = True, **request: Any) -> httpx.Response:
        """A call to the jobs API by the route this sidecar has; another may follow it, so ask again."""
        for route in self._job_routes:
            try:
                response = await self._call(verb, route + _quote(name), repeatable=repeatable, **request)
            except NotFound as error:
                if error.error_code not in ("", "ERR_DIRECT_INVOKE"):
                    raise  # the job is not there; without the route, Dapr takes it for an invocation
            else:
                self._job_routes = (route, *(r for r in _JOB_ROUTES if r != route))
                return response
        raise DaprError(f"{verb} job {name}", "this sidecar has no jobs API: it came with Dapr 1.14")

    async def _call(
        self,
        verb: str,
        path: str,
        *,
        repeatable: bool = True,
        retry: Retry | None = None,
        failed: Callable[[httpx.Response], bool] = lambda response: response.status_code >= 400,
        slots: asyncio.Semaphore | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send, and send again as `Retry` says. Raises the last failure."""
        retry, slots = retry or self._retry, slots or self._slots
        request["headers"] = {**dict(_trace.get()), **(request.get("headers") or {})}
        now = asyncio.get_running_loop().time
        start = now()
        for attempt in itertools.count():
            try:
                async with asyncio.timeout_at(start + retry.budget), slots:
                    return await self._attempt(verb, path, failed, request)
            except TimeoutError as error:
                raise Unavailable(f"{verb} {path}", f"no answer within {retry.budget:g} s") from error
            except DaprError as error:
                pause = retry.pause(attempt)
                if now() - start + pause >= retry.patience(error, repeatable):
                    raise
                log.log(logging.DEBUG if attempt else logging.INFO, "%s; again in %d ms", error, pause * 1000)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _attempt(
        self, verb: str, path: str, failed: Callable[[httpx.Response], bool], request: dict[str, Any]
    ) -> httpx.Response:
        """Send once; whatever the transport has to say becomes `Unavailable`."""
        call, pool = f"{verb} {path}", self._pool
        try:
            response = await pool.request(verb, path, **request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            reason = f"no connection to the sidecar at {self.endpoint} ({_name(error)})"
            raise Unavailable(call, reason, happened=False) from error
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            await self._leave(pool)
            raise Unavailable(call, f"no answer from the sidecar ({_name(error)})") from error
        if not failed(response):
            return response
        failure = _error(call, response)
        if self._retry.patience(failure, repeatable=True):
            await self._leave(pool)
        raise failure

    async def _leave(self, pool: _Pool) -> None:
        """Go on with new connections; at most ten times a second, for a broker may be away for long."""
        now = asyncio.get_running_loop().time()
        if pool is self._pool and now - self._renewed > 0.1:
            self._renewed = now
            self._pool = self._new_pool()
            await pool.retire()

    def _new_pool(self) -> _Pool:
        transport = self._transport or httpx.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_SLOTS, keepalive_expiry=2.0),
            socket_options=_socket_options(),
        )
        client = httpx.AsyncClient(
            base_url=self.endpoint,
            headers={"dapr-api-token": self._token} if self._token else None,
            timeout=httpx.Timeout(5.0, connect=1.0),
            trust_env=False,  # the way to the sidecar never leads through HTTP_PROXY
            transport=transport,
        )
        return _Pool(client)


class _Pool:
    """Pooled connections. Once retired, it closes as soon as what it has begun is finished."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._active = 0
        self._retired = False

    async def request(self, verb: str, path: str, **request: Any) -> httpx.Response:
        self._active += 1
        try:
            return await self._client.request(verb, path, **request)
        finally:
            self._active -= 1
            await self._close_if_done()

    async def retire(self) -> None:
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and not self._active:
            await self._client.aclose()


def _endpoint(env: Mapping[str, str]) -> str:
    if endpoint := env.get("DAPR_HTTP_ENDPOINT"):
        return endpoint
    return f"http://{env.get('DAPR_RUNTIME_HOST') or '127.0.0.1'}:{env.get('DAPR_HTTP_PORT') or '3500'}"


def _socket_options() -> list[tuple[int, int, int]]:
    """A peer that vanished without a word (its host, its network) is noticed within 3 s."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000))
    return options


def _invoke_failed(response: httpx.Response) -> bool:
    """Whether this is Dapr's own failure, and not the answer of the app that was called."""
    if response.status_code < 400:
        return False
    code, message = _error_body(response)
    return code == "ERR_DIRECT_INVOKE" or message == "invalid api token"


def _state(store: str) -> str:
    return f"/v1.0/state/{_quote(store)}"


def _upsert(operation: Upsert) -> dict[str, Any]:
    item: dict[str, Any] = {"key": operation.key, "value": operation.value}
    if operation.ttl is not None:
        item["metadata"] = {"ttlInSeconds": str(operation.ttl)}
    return _guarded(item, operation.etag, operation.create)


def _guarded(item: dict[str, Any], etag: str | None, create: bool = False) -> dict[str, Any]:
    """First write wins: with an etag only over that value, without one only over none."""
    if etag is not None:
        item["etag"] = etag
    if etag is not None or create:
        item["options"] = {"concurrency": "first-write"}
    return item


def _due_time(due: datetime | timedelta | None) -> str | None:
    if isinstance(due, timedelta):
        return f"{due.total_seconds()}s"
    if due is None:
        return None
    if due.tzinfo is None:
        raise ValueError("a due time needs a time zone")
    return due.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _quote(segment: str) -> str:
    return quote(segment, safe="")


def _name(error: BaseException) -> str:
    return str(error) or type(error).__name__
