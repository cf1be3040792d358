"""The service over a sidecar in memory: the flow, and that nothing happens twice or never."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from reminders.dapr import Retry
from reminders.main import create_app
from tests.fake import FakeSidecar, failure

BRIEF = Retry(budget=0.05, grace=0.02, first=0.001, longest=0.002)


@pytest.fixture
def sidecar() -> FakeSidecar:
    return FakeSidecar()


@pytest.fixture
async def client(sidecar: FakeSidecar) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(sidecar.client(BRIEF))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        yield client


async def add(client: httpx.AsyncClient) -> str:
    response = await client.post("/reminders", json={"text": "tea", "in_seconds": 60})
    assert response.status_code == 201, response.text
    reminder_id: str = response.json()["id"]
    return reminder_id


async def fire(client: httpx.AsyncClient, reminder_id: str) -> int:
    response = await client.post(f"/job/reminder-{reminder_id}", json={"id": reminder_id})
    return response.status_code


async def deliver(client: httpx.AsyncClient, reminder_id: object) -> str:
    event = {"id": "e", "topic": "reminders.due", "data": {"id": reminder_id}}
    response = await client.post("/events/reminders-due", json=event)
    assert response.status_code == 200
    status: str = response.json()["status"]
    return status


async def read(client: httpx.AsyncClient, reminder_id: str) -> tuple[str, int, int]:
    body = (await client.get(f"/reminders/{reminder_id}")).json()
    return body["status"], body["fired"], body["delivered"]


# ---------------------------------------------------------------- the flow


async def test_from_scheduled_to_delivered(client: httpx.AsyncClient, sidecar: FakeSidecar) -> None:
    response = await client.post("/reminders", json={"text": "tea", "in_seconds": 60})
    body = response.json()
    reminder_id = body["id"]
    assert body == {"id": reminder_id, "text": "tea", "status": "scheduled", "fired": 0, "delivered": 0}
    assert response.headers["location"] == f"/reminders/{reminder_id}"
    assert list(sidecar.jobs) == [f"reminder-{reminder_id}"]

    assert await fire(client, reminder_id) == 200
    assert await read(client, reminder_id) == ("fired", 1, 0)
    (message,) = sidecar.published
    assert (message["pubsub"], message["topic"]) == ("pubsub", "reminders.due")
    assert json.loads(message["data"]) == {"id": reminder_id, "text": "tea"}
    assert message["metadata"]["metadata.partitionKey"] == reminder_id

    assert await deliver(client, reminder_id) == "SUCCESS"
    assert await read(client, reminder_id) == ("delivered", 1, 1)


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "send an object"),
        (b'{"in_seconds": 1}', "text"),
        (b'{"text": "  ", "in_seconds": 1}', "text"),
        (b'{"text": 7, "in_seconds": 1}', "text"),
        (b'{"text": "\\ud800", "in_seconds": 1}', "Unicode"),
        (json.dumps({"text": "x" * 1001, "in_seconds": 1}).encode(), "text"),
        (b'{"text": "tea"}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": -1}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": true}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": "1"}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": NaN}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": 1e99}', "in_seconds"),
        (b'{"text": "tea", "in_seconds": 1' + b"0" * 400 + b"}", "in_seconds"),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(
    client: httpx.AsyncClient, sidecar: FakeSidecar, body: bytes, about: str
) -> None:
    response = await client.post("/reminders", content=body)
    assert response.status_code == 400
    assert about in response.json()["error"]
    assert not sidecar.requests


async def test_what_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/reminders/{uuid.uuid4()}")
    assert response.status_code == 404
    assert "no reminder" in response.json()["error"]
    assert (await client.get("/reminders/not-an-id")).status_code == 404


async def test_health_does_not_ask_the_sidecar(client: httpx.AsyncClient, sidecar: FakeSidecar) -> None:
    sidecar.fail(9, httpx.ConnectError("no sidecar"))
    assert (await client.get("/healthz")).status_code == 200
    assert not sidecar.requests


# ---------------------------------------------------------------- creating


async def test_a_reminder_that_cannot_be_scheduled_is_not_kept(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    sidecar.fail(999, failure(500, "DAPR_SCHEDULER_SCHEDULE_JOB", "no scheduler"), path="/jobs/")
    response = await client.post("/reminders", json={"text": "tea", "in_seconds": 1})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert not sidecar.state


async def test_without_a_sidecar_the_client_is_told_to_come_back(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    sidecar.fail(999, httpx.ConnectError("no sidecar"))
    response = await client.post("/reminders", json={"text": "tea", "in_seconds": 1})
    assert (response.status_code, response.json()) == (503, {"error": "try again later"})


@pytest.mark.parametrize("path", ["/state/", "/jobs/"])
async def test_a_lost_answer_does_not_make_two_of_it(
    client: httpx.AsyncClient, sidecar: FakeSidecar, path: str
) -> None:
    sidecar.lose_answer(path)
    await add(client)
    assert len(sidecar.state) == len(sidecar.jobs) == 1


# ---------------------------------------------------------------- firing


async def test_a_job_that_comes_twice_fires_once(client: httpx.AsyncClient, sidecar: FakeSidecar) -> None:
    reminder_id = await add(client)
    assert [await fire(client, reminder_id) for _ in range(2)] == [200, 200]
    assert [await deliver(client, reminder_id) for _ in sidecar.published] == ["SUCCESS", "SUCCESS"]
    assert await read(client, reminder_id) == ("delivered", 1, 1)


async def test_a_job_that_comes_after_the_delivery_publishes_nothing(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    reminder_id = await add(client)
    await fire(client, reminder_id)
    await deliver(client, reminder_id)
    assert await fire(client, reminder_id) == 200
    assert len(sidecar.published) == 1


async def test_a_publish_that_failed_is_made_up_for_by_the_next_callback(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    reminder_id = await add(client)
    broken = failure(500, "ERR_PUBSUB_PUBLISH_MESSAGE", "broker away")
    sidecar.fail(999, broken, path="/publish/")
    assert await fire(client, reminder_id) == 503
    assert await read(client, reminder_id) == ("fired", 1, 0)
    sidecar.mishaps.clear()
    assert await fire(client, reminder_id) == 200
    assert len(sidecar.published) == 1
    assert await read(client, reminder_id) == ("fired", 1, 0)


async def test_a_lost_answer_to_marking_it_fired_still_publishes(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    reminder_id = await add(client)

    def lose_the_save(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and request.url.path.endswith("/state/statestore"):
            sidecar.mishaps.clear()
            sidecar._do(request)
            raise httpx.ReadError("reset")
        return None

    sidecar.mishaps.append(lose_the_save)
    assert await fire(client, reminder_id) == 200
    assert len(sidecar.published) == 1
    assert await read(client, reminder_id) == ("fired", 1, 0)


@pytest.mark.parametrize("step", ["fired", "delivered"])
async def test_of_two_replicas_one_takes_the_step(
    client: httpx.AsyncClient, sidecar: FakeSidecar, step: str
) -> None:
    reminder_id = await add(client)
    if step == "delivered":
        await fire(client, reminder_id)
    key = f"reminder-{reminder_id}"
    competitors = 0

    def another_replica(request: httpx.Request) -> httpx.Response | None:
        nonlocal competitors
        if competitors == 0 and request.method == "POST" and "/state/" in request.url.path:
            competitors += 1
            sidecar.write(key, {**sidecar.state[key][0], step: 1})
        return None

    sidecar.mishaps.append(another_replica)
    if step == "fired":
        assert await fire(client, reminder_id) == 200
        assert await read(client, reminder_id) == ("fired", 1, 0)
    else:
        assert await deliver(client, reminder_id) == "SUCCESS"
        assert await read(client, reminder_id) == ("delivered", 1, 1)
    assert competitors == 1


async def test_a_job_for_a_forgotten_reminder_is_dropped(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    assert await fire(client, str(uuid.uuid4())) == 200
    assert not sidecar.published


async def test_a_job_is_answered_503_while_the_state_store_is_away(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    reminder_id = await add(client)
    sidecar.fail(999, failure(500, "ERR_STATE_GET", "no connection"), path="/state/")
    assert await fire(client, reminder_id) == 503


# ---------------------------------------------------------------- delivering


async def test_messages_that_can_never_be_delivered_are_dropped(client: httpx.AsyncClient) -> None:
    assert await deliver(client, str(uuid.uuid4())) == "DROP"
    assert await deliver(client, 7) == "DROP"
    assert await deliver(client, "not an id") == "DROP"
    for body in (b"", b"[]", b'{"data": null}', b'{"data": "text"}', b"\xff"):
        response = await client.post("/events/reminders-due", content=body)
        assert response.json() == {"status": "DROP"}


async def test_a_message_comes_again_while_the_state_store_is_away(
    client: httpx.AsyncClient, sidecar: FakeSidecar
) -> None:
    reminder_id = await add(client)
    await fire(client, reminder_id)
    sidecar.fail(999, failure(500, "ERR_STATE_SAVE", "no connection"), path="/state/")
    assert await deliver(client, reminder_id) == "RETRY"
    sidecar.mishaps.clear()
    assert await deliver(client, reminder_id) == "SUCCESS"
    assert await read(client, reminder_id) == ("delivered", 1, 1)


# ---------------------------------------------------------------- the sidecar's requests


async def test_callbacks_are_the_sidecars_alone(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_API_TOKEN", "t0ken")
    path = f"/job/reminder-{uuid.uuid4()}"
    assert (await client.post(path)).status_code == 401
    assert (await client.post("/events/reminders-due")).status_code == 401
    assert (await client.post(path, headers={"dapr-api-token": "t0ken"})).status_code == 200


async def test_the_trace_goes_on_to_the_sidecar(
    client: httpx.AsyncClient, sidecar: FakeSidecar, capsys: pytest.CaptureFixture[Any]
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"text": "tea", "in_seconds": 1}
    await client.post("/reminders", json=body, headers={"traceparent": parent})
    assert [request.headers["traceparent"] for request in sidecar.requests] == [parent, parent]
