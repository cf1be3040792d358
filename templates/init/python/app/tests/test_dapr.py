"""The client's rules: what is repeated and for how long, what an answer means, what is sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reminders import dapr as module
from reminders.dapr import (
    AlreadyExists,
    ComponentNotFound,
    Dapr,
    DaprError,
    Delete,
    Denied,
    EtagConflict,
    NotFound,
    Retry,
    Secret,
    StateItem,
    TraceContext,
    Unavailable,
    Upsert,
    trace_id,
)
from tests.fake import FAST, FakeSidecar, failure

RESET = httpx.RemoteProtocolError("Server disconnected without sending a response.")
REFUSED = httpx.ConnectError("connection refused")


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


# ---------------------------------------------------------------- address, token


@pytest.mark.parametrize(
    ("env", "endpoint"),
    [
        ({}, "http://127.0.0.1:3500"),
        ({"DAPR_HTTP_PORT": "3601"}, "http://127.0.0.1:3601"),
        ({"DAPR_RUNTIME_HOST": "sidecar", "DAPR_HTTP_PORT": "1"}, "http://sidecar:1"),
        ({"DAPR_HTTP_ENDPOINT": "http://app-dapr:3500/", "DAPR_HTTP_PORT": "1"}, "http://app-dapr:3500"),
    ],
)
def test_the_address_comes_from_the_environment(
    env: dict[str, str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAPR_HTTP_ENDPOINT", "DAPR_RUNTIME_HOST", "DAPR_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert Dapr().endpoint == endpoint


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Dapr("app-dapr:3500")


async def test_the_token_is_sent_and_never_shown(
    sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "s3cret")
    dapr = sidecar.client()
    await dapr.get_state("statestore", "k")
    assert sidecar.requests[0].headers["dapr-api-token"] == "s3cret"
    assert "s3cret" not in repr(dapr)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            404,
            {"errorCode": "ERR_PUBSUB_NOT_FOUND", "message": "m"},
            ComponentNotFound,
            "ERR_PUBSUB_NOT_FOUND",
        ),
        (400, {"errorCode": "ERR_PUBSUB_NOT_CONFIGURED", "message": "m"}, ComponentNotFound, None),
        (400, {"errorCode": "ERR_STATE_STORE_NOT_FOUND", "message": "m"}, ComponentNotFound, None),
        (500, {"errorCode": "ERR_STATE_STORE_NOT_CONFIGURED", "message": "m"}, ComponentNotFound, None),
        (401, {"errorCode": "ERR_SECRET_STORE_NOT_FOUND", "message": "m"}, ComponentNotFound, None),
        (500, {"errorCode": "ERR_SECRET_STORES_NOT_CONFIGURED", "message": "m"}, ComponentNotFound, None),
        (409, {"errorCode": "ERR_STATE_SAVE", "message": "possible etag mismatch"}, EtagConflict, None),
        (400, {"errorCode": "ERR_STATE_SAVE", "message": "invalid etag value: x"}, EtagConflict, None),
        (
            500,
            {"errorCode": "ERR_STATE_TRANSACTION", "message": "… possible etag mismatch …"},
            EtagConflict,
            None,
        ),
        (409, {"errorCode": "DAPR_SCHEDULER_SCHEDULE_JOB", "message": "exists"}, AlreadyExists, None),
        (500, {"errorCode": "DAPR_SCHEDULER_GET_JOB", "message": "job not found: j"}, NotFound, None),
        (500, {"errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE", "message": "broker away"}, Unavailable, None),
        (500, {"errorCode": "ERR_STATE_SAVE", "message": "component is closed"}, Unavailable, None),
        (500, {"errorCode": "ERR_STATE_SAVE", "message": "…: no item was updated"}, EtagConflict, None),
        (500, {"errorCode": "ERR_STATE_GET", "message": "one\n\tline"}, DaprError, "ERR_STATE_GET"),
        (500, {"errorCode": "ERR_STATE_SAVE", "message": "syntax"}, DaprError, "ERR_STATE_SAVE"),
        (403, {"errorCode": "ERR_PUBSUB_FORBIDDEN", "message": "m"}, Denied, None),
        (401, "invalid api token\n", Denied, ""),
        (503, "upstream connect error", Unavailable, ""),
        (404, "404 page not found", NotFound, ""),
        (400, [1, 2], DaprError, ""),
        (
            403,
            {"message": "m", "details": [{"@type": "…ErrorInfo", "reason": "DAPR_PUBSUB_FORBIDDEN"}]},
            Denied,
            "DAPR_PUBSUB_FORBIDDEN",
        ),
    ],
)
def test_an_answer_becomes_a_typed_error(
    status: int, body: Any, kind: type[DaprError], code: str | None
) -> None:
    plain = isinstance(body, str)
    response = httpx.Response(status, text=body) if plain else httpx.Response(status, json=body)
    error = module._error("call", response)
    assert type(error) is kind
    assert error.status == status
    said = body if plain else body["message"] if isinstance(body, dict) else "[1,2]"
    assert error.message == " ".join(said.split())
    if code is not None:
        assert error.error_code == code


async def test_an_error_says_which_call_failed_and_why(sidecar: FakeSidecar) -> None:
    sidecar.fail(9, failure(403, "ERR_PUBSUB_FORBIDDEN", "topic t is not allowed for app id a"))
    with pytest.raises(Denied) as caught:
        await sidecar.client().publish("pubsub", "t", {})
    assert str(caught.value) == (
        "POST /v1.0/publish/pubsub/t: ERR_PUBSUB_FORBIDDEN (403): topic t is not allowed for app id a"
    )


# ---------------------------------------------------------------- retries


@pytest.mark.parametrize(
    "mishap",
    [
        REFUSED,
        RESET,
        httpx.ReadError("connection reset by peer"),
        httpx.ReadTimeout("slow"),
        failure(500, "ERR_PUBSUB_PUBLISH_MESSAGE", "component is closed"),
        failure(404, "ERR_PUBSUB_NOT_FOUND"),
        failure(400, "ERR_PUBSUB_NOT_CONFIGURED"),
        failure(500, "ERR_PUBSUB_PUBLISH_MESSAGE", "broker away"),
        failure(503, "ERR_OUTBOUND_HEALTH_NOT_READY"),
    ],
    ids=repr,
)
async def test_publishing_outlasts_what_a_hand_over_does(
    sidecar: FakeSidecar, mishap: httpx.Response | Exception
) -> None:
    sidecar.fail(3, mishap)
    await sidecar.client().publish("pubsub", "t", {"n": 1})
    assert len(sidecar.published) == 1
    assert len(sidecar.requests) == 4


@pytest.mark.parametrize(
    "final",
    [
        failure(400, "ERR_MALFORMED_REQUEST"),
        failure(403, "ERR_PUBSUB_FORBIDDEN"),
        failure(409, "ERR_STATE_SAVE"),
        failure(500, "ERR_STATE_TRANSACTION", "possible etag mismatch"),
        httpx.Response(401, text="invalid api token"),
    ],
    ids=repr,
)
async def test_a_final_answer_is_not_asked_for_again(sidecar: FakeSidecar, final: httpx.Response) -> None:
    sidecar.fail(9, final)
    with pytest.raises(DaprError):
        await sidecar.client().save_state("statestore", "k", 1)
    assert len(sidecar.requests) == 1


@pytest.mark.parametrize(
    ("mishap", "kind", "patience"),
    [
        (REFUSED, Unavailable, FAST.budget),
        (failure(404, "ERR_PUBSUB_NOT_FOUND"), ComponentNotFound, FAST.grace),
        (failure(500, "ERR_INTERNAL"), DaprError, FAST.grace),
    ],
    ids=["no sidecar", "no component", "another 5xx"],
)
async def test_patience_ends(
    sidecar: FakeSidecar, mishap: httpx.Response | Exception, kind: type[DaprError], patience: float
) -> None:
    sidecar.fail(1_000_000, mishap)
    start = time.monotonic()
    with pytest.raises(kind) as caught:
        await sidecar.client().publish("pubsub", "t", {})
    assert type(caught.value) is kind
    assert patience * 0.8 < time.monotonic() - start < patience + 0.2
    assert len(sidecar.requests) > 3


async def test_an_invoked_post_is_not_repeated_once_it_may_have_arrived(sidecar: FakeSidecar) -> None:
    sidecar.fail(9, RESET)
    with pytest.raises(Unavailable) as caught:
        await sidecar.client().invoke("other", "orders", verb="POST", json={"n": 1})
    assert caught.value.happened
    assert len(sidecar.requests) == 1


async def test_an_invoked_post_is_repeated_while_nothing_was_sent(sidecar: FakeSidecar) -> None:
    sidecar.fail(2, REFUSED)
    sidecar.fail(9, httpx.Response(201, json={"ok": True}), path="invoke")
    response = await sidecar.client().invoke("other", "/orders", verb="POST", json={"n": 1})
    assert response.status_code == 201
    assert len(sidecar.requests) == 3
    assert sidecar.requests[-1].url.path == "/v1.0/invoke/other/method/orders"


async def test_an_invoked_get_is_repeated(sidecar: FakeSidecar) -> None:
    sidecar.fail(2, RESET)
    sidecar.fail(9, httpx.Response(200), path="invoke")
    assert (await sidecar.client().invoke("other", "orders")).status_code == 200


@pytest.mark.parametrize("status", [404, 409, 500, 503])
async def test_the_answer_of_an_invoked_app_is_its_own(sidecar: FakeSidecar, status: int) -> None:
    sidecar.fail(9, httpx.Response(status, json={"error": "the app's own"}))
    assert (await sidecar.client().invoke("other", "orders")).status_code == status
    assert len(sidecar.requests) == 1


async def test_invoking_an_app_that_is_not_there_is_an_error(sidecar: FakeSidecar) -> None:
    sidecar.fail(9, failure(500, "ERR_DIRECT_INVOKE", "couldn't find service: other"))
    with pytest.raises(DaprError, match="couldn't find service"):
        await sidecar.client().invoke("other", "orders", verb="POST")
    assert len(sidecar.requests) == 1


async def test_pauses_are_random_grow_and_stay_below_the_cap() -> None:
    retry = Retry(first=0.01, longest=0.1)
    for attempt, most in [(0, 0.01), (1, 0.02), (2, 0.04), (5, 0.1), (5000, 0.1)]:
        pauses = [retry.pause(attempt) for _ in range(200)]
        assert 0 <= min(pauses) < most / 4
        assert most * 3 / 4 < max(pauses) <= most


# ---------------------------------------------------------------- retries on real connections

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextlib.asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[int]:
    async def until_hung_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(until_hung_up, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.startswith(b"Content-Length")), 0)
    return head + await reader.readexactly(length)


async def test_a_kept_connection_that_is_reset_is_replaced() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(NO_CONTENT)
        await read_request(reader)
        writer.transport.abort()

    async with listening(handler) as port, Dapr(f"http://127.0.0.1:{port}", retry=FAST) as dapr:
        for n in range(4):
            await dapr.publish("pubsub", "t", n)
    assert connections > 2


async def test_a_repeated_call_never_meets_the_sidecar_that_is_shutting_down() -> None:
    """The old one still answers on its kept connections, and would refuse for seconds."""
    closed = json.dumps(
        {"errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE", "message": "component is closed"}
    ).encode()
    refusal = b"HTTP/1.1 500 x\r\nContent-Length: %d\r\n\r\n%s" % (len(closed), closed)
    stopping = False
    refusals = 0

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refusals
        while True:
            await read_request(reader)
            refusals += stopping
            writer.write(refusal if stopping else NO_CONTENT)

    async def new(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(NO_CONTENT)

    async with listening(old) as port:
        dapr = Dapr(f"http://127.0.0.1:{port}", retry=FAST)
        await dapr.publish("pubsub", "t", 1)
    stopping = True  # its listener is closed, the kept connection is not
    async with listening(new, port), dapr:
        await dapr.publish("pubsub", "t", 2)
    assert refusals == 1


async def test_no_publish_fails_while_the_sidecar_is_replaced() -> None:
    taken = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        while True:
            await read_request(reader)
            taken += 1
            writer.write(NO_CONTENT)

    async def publish(dapr: Dapr, n: int) -> None:
        await asyncio.sleep(n / 400)
        await dapr.publish("pubsub", "t", n)

    writers: list[asyncio.StreamWriter] = []

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handler(reader, writer)

    async with listening(tracked) as port:
        dapr = Dapr(f"http://127.0.0.1:{port}")
        load = asyncio.gather(*(publish(dapr, n) for n in range(200)))
        await asyncio.sleep(0.2)
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0.1)  # nobody listens
    async with listening(handler, port), dapr:
        await load
    assert taken >= 200


async def test_a_sidecar_that_says_nothing_costs_no_more_than_the_budget() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(handler) as port, Dapr(f"http://127.0.0.1:{port}", retry=FAST) as dapr:
        start = time.monotonic()
        with pytest.raises(Unavailable, match="no answer"):
            await dapr.publish("pubsub", "t", {})
        assert time.monotonic() - start < FAST.budget + 0.2


# ---------------------------------------------------------------- pub/sub


async def test_what_is_published(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    await dapr.publish("pubsub", "a/b c", {"ü": 1}, key="k 1", ttl=60, event_id="e", metadata={"x": "y"})
    await dapr.publish("pubsub", "t", b"\x00\xff", raw=True)
    json_event, raw_event = sidecar.published
    assert json_event["topic"] == "a/b c"
    assert json_event["type"] == "application/json"
    assert json.loads(json_event["data"]) == {"ü": 1}
    assert json_event["metadata"] == {
        "metadata.x": "y",
        "metadata.partitionKey": "k 1",
        "metadata.ttlInSeconds": "60",
        "metadata.cloudevent.id": "e",
    }
    assert raw_event["data"] == b"\x00\xff"
    assert raw_event["type"] == "application/octet-stream"
    assert raw_event["metadata"] == {"metadata.rawPayload": "true"}


async def test_what_is_not_json_is_not_published(sidecar: FakeSidecar) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        await sidecar.client().publish("pubsub", "t", float("nan"))
    assert not sidecar.requests


# ---------------------------------------------------------------- state


async def test_state_is_read_saved_and_deleted(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    assert await dapr.get_state("statestore", "k/1") is None
    await dapr.save_state("statestore", "k/1", {"n": 1})
    assert await dapr.get_state("statestore", "k/1") == StateItem({"n": 1}, "1")
    await dapr.delete_state("statestore", "k/1")
    await dapr.delete_state("statestore", "k/1")
    assert await dapr.get_state("statestore", "k/1") is None


async def test_with_an_etag_the_first_write_wins(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    await dapr.save_state("statestore", "k", "one")
    item = await dapr.get_state("statestore", "k")
    assert item is not None
    await dapr.save_state("statestore", "k", "two", etag=item.etag)
    with pytest.raises(EtagConflict):
        await dapr.save_state("statestore", "k", "three", etag=item.etag)
    with pytest.raises(EtagConflict):
        await dapr.delete_state("statestore", "k", etag=item.etag)
    with pytest.raises(EtagConflict):
        await dapr.save_state("statestore", "k", "four", create=True)
    assert sidecar.state["k"][0] == "two"


async def test_a_lost_answer_shows_as_a_conflict_with_ones_own_write(sidecar: FakeSidecar) -> None:
    sidecar.lose_answer("state")
    with pytest.raises(EtagConflict):
        await sidecar.client().save_state("statestore", "k", "mine", create=True)
    assert sidecar.state["k"][0] == "mine"


async def test_several_values_are_read_at_once(sidecar: FakeSidecar) -> None:
    sidecar.write("a", 1)
    assert await sidecar.client().get_states("statestore", ["a", "b"]) == {"a": StateItem(1, "1")}


async def test_a_transaction_is_all_or_nothing(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    sidecar.write("old", 1)
    with pytest.raises(EtagConflict):
        await dapr.transaction("statestore", [Upsert("new", 2), Delete("old", etag="other")])
    assert set(sidecar.state) == {"old"}
    assert len(sidecar.requests) == 1
    await dapr.transaction("statestore", [Upsert("new", 2, ttl=9), Delete("old", etag="1")])
    assert set(sidecar.state) == {"new"}
    assert json.loads(sidecar.requests[-1].content)["operations"] == [
        {"operation": "upsert", "request": {"key": "new", "value": 2, "metadata": {"ttlInSeconds": "9"}}},
        {
            "operation": "delete",
            "request": {"key": "old", "etag": "1", "options": {"concurrency": "first-write"}},
        },
    ]


# ---------------------------------------------------------------- secrets


async def test_a_secret_is_not_printed(sidecar: FakeSidecar) -> None:
    secret = await sidecar.client().get_secret("kubernetes", "db")
    assert secret["password"] == "hunter2"
    assert isinstance(secret, Secret)
    assert "hunter2" not in f"{secret} {secret!r}"


# ---------------------------------------------------------------- jobs


async def test_a_job_is_scheduled_found_and_forgotten(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    due = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    await dapr.schedule_job("j", due=due, data={"n": 1}, retry_every=2, max_retries=5)
    assert await dapr.get_job("j") == {
        "dueTime": "2030-01-02T03:04:05Z",
        "data": {"n": 1},
        "overwrite": True,
        "failurePolicy": {"constant": {"interval": "2s", "maxRetries": 5}},
    }
    await dapr.schedule_job("j", due=timedelta(seconds=1.5))
    assert sidecar.jobs["j"]["dueTime"] == "1.5s"
    assert sidecar.jobs["j"]["data"] is None  # sent, not left out: daprd needs it
    with pytest.raises(AlreadyExists):
        await dapr.schedule_job("j", schedule="@every 1m", overwrite=False)
    await dapr.delete_job("j")
    await dapr.delete_job("j")
    assert await dapr.get_job("j") is None


async def test_a_due_time_without_a_zone_is_refused(sidecar: FakeSidecar) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await sidecar.client().schedule_job("j", due=datetime(2030, 1, 1))


async def test_the_jobs_route_is_found_and_remembered() -> None:
    sidecar = FakeSidecar(job_routes=("v1.0-alpha1",))
    dapr = sidecar.client()
    await dapr.schedule_job("j", schedule="@hourly")
    await dapr.schedule_job("j", schedule="@hourly")
    assert [r.url.path for r in sidecar.requests] == [
        "/v1.0/jobs/j",
        "/v1.0-alpha1/jobs/j",
        "/v1.0-alpha1/jobs/j",
    ]
    sidecar.job_routes = ("v1.0",)  # a newer sidecar took over
    assert await dapr.get_job("j") is not None


async def test_a_sidecar_without_jobs_is_an_error_and_not_a_missing_job() -> None:
    with pytest.raises(DaprError, match="no jobs API"):
        await FakeSidecar(job_routes=()).client().get_job("j")


async def test_scheduling_is_repeated_only_where_it_overwrites(sidecar: FakeSidecar) -> None:
    sidecar.lose_answer("jobs")
    await sidecar.client().schedule_job("j", schedule="@hourly")
    sidecar.lose_answer("jobs")
    with pytest.raises(Unavailable):
        await sidecar.client().schedule_job("k", schedule="@hourly", overwrite=False)


# ---------------------------------------------------------------- readiness, traces


async def test_waiting_for_the_sidecar(sidecar: FakeSidecar) -> None:
    sidecar.fail(2, REFUSED)
    sidecar.fail(2, failure(500, "ERR_OUTBOUND_HEALTH_NOT_READY"))
    await sidecar.client().wait_until_ready(timeout=5)
    sidecar.fail(1_000_000, REFUSED)
    with pytest.raises(Unavailable):
        await sidecar.client().wait_until_ready(timeout=0.1)


async def test_calls_belong_to_the_trace_of_the_request_being_handled(sidecar: FakeSidecar) -> None:
    dapr = sidecar.client()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(trace_id())
        await dapr.get_state("statestore", "k")

    async def unused(*_: Any) -> Any: ...

    headers = [(b"traceparent", parent.encode()), (b"tracestate", b"a=b"), (b"cookie", b"no")]
    zeros = [(b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00")]
    await TraceContext(app)({"type": "http", "headers": headers}, unused, unused)
    await TraceContext(app)({"type": "http", "headers": zeros}, unused, unused)
    await TraceContext(app)({"type": "lifespan"}, unused, unused)
    traced, *untraced = sidecar.requests
    assert (traced.headers["traceparent"], traced.headers["tracestate"]) == (parent, "a=b")
    assert "cookie" not in traced.headers
    assert not any("traceparent" in request.headers for request in untraced)
    assert seen == ["0af7651916cd43dd8448eb211c80319c", "", ""]
