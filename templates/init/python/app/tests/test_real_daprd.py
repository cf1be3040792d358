"""The client and the service against a real daprd, with whatever broker and store are behind it.

    DAPR_HTTP_ENDPOINT=http://127.0.0.1:3500 REMINDERS_URL=http://127.0.0.1:8000
    pytest tests/test_real_daprd.py

Without these two it is skipped, and says so; with SANDBOX_E2E=1 it fails instead.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest

from reminders.dapr import (
    AlreadyExists,
    ComponentNotFound,
    Dapr,
    DaprError,
    Delete,
    EtagConflict,
    NotFound,
    Retry,
    Upsert,
)

PUBSUB = "pubsub"
STORE = "statestore"
TOPIC = "reminders.due"
PATIENCE = 90.0  # what was in flight when a subscription stopped, Redis gives back after 60 to 75 s

missing = [name for name in ("DAPR_HTTP_ENDPOINT", "REMINDERS_URL") if not os.environ.get(name)]
if missing:
    reason = f"no real daprd: set {' and '.join(missing)}"
    if os.environ.get("SANDBOX_E2E") == "1":
        pytest.fail(f"SANDBOX_E2E=1, but {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)

T = TypeVar("T")


@pytest.fixture
async def dapr() -> AsyncIterator[Dapr]:
    async with Dapr() as dapr:
        await dapr.wait_until_ready(PATIENCE)
        yield dapr


@pytest.fixture
async def app() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=os.environ["REMINDERS_URL"], trust_env=False, timeout=30) as app:
        yield app


@pytest.fixture
def key() -> str:
    return f"test-{uuid.uuid4()}"


async def eventually(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """What `look` sees once it is `wanted`; fails with what it saw last after `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(seen := await look()):
        assert time.monotonic() < deadline, f"still {seen} after {PATIENCE} s"
        await asyncio.sleep(0.05)
    return seen


async def add(app: httpx.AsyncClient, in_seconds: float) -> str:
    response = await app.post("/reminders", json={"text": "tea", "in_seconds": in_seconds})
    assert response.status_code == 201, response.text
    reminder_id: str = response.json()["id"]
    return reminder_id


async def delivered(app: httpx.AsyncClient, reminder_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        body: dict[str, Any] = (await app.get(f"/reminders/{reminder_id}")).json()
        return body

    return await eventually(look, lambda body: body["status"] == "delivered")


def once(reminder_id: str) -> dict[str, Any]:
    return {"id": reminder_id, "text": "tea", "status": "delivered", "fired": 1, "delivered": 1}


# ---------------------------------------------------------------- the service


@pytest.mark.parametrize("in_seconds", [0, 1])
async def test_a_reminder_is_delivered_once(app: httpx.AsyncClient, in_seconds: float) -> None:
    reminder_id = await add(app, in_seconds)
    assert await delivered(app, reminder_id) == once(reminder_id)


async def test_many_reminders_at_once(app: httpx.AsyncClient) -> None:
    ids = await asyncio.gather(*(add(app, 1) for _ in range(20)))
    assert await asyncio.gather(*(delivered(app, i) for i in ids)) == [once(i) for i in ids]


async def test_a_message_and_a_job_that_come_again_change_nothing(app: httpx.AsyncClient, dapr: Dapr) -> None:
    first, second = await add(app, 0), await add(app, 0)
    await delivered(app, first)
    await dapr.publish(PUBSUB, TOPIC, {"id": first}, key=first, event_id=first)
    await dapr.schedule_job(f"reminder-{first}", due=timedelta(milliseconds=1))

    async def job() -> Any:
        return await dapr.get_job(f"reminder-{first}")

    await eventually(job, lambda job: job is None)  # it ran
    assert await delivered(app, second) == once(second)
    assert await delivered(app, first) == once(first)


async def test_a_bad_message_does_not_stop_the_next(app: httpx.AsyncClient, dapr: Dapr) -> None:
    await dapr.publish(PUBSUB, TOPIC, {"not": "a reminder"})
    await dapr.publish(PUBSUB, TOPIC, {"id": str(uuid.uuid4())})
    reminder_id = await add(app, 0)
    assert await delivered(app, reminder_id) == once(reminder_id)


# ---------------------------------------------------------------- pub/sub, secrets, invocation


async def test_what_is_not_there_has_its_own_error(key: str) -> None:
    async with Dapr(retry=Retry(grace=0)) as dapr:
        with pytest.raises(ComponentNotFound):
            await dapr.publish(key, TOPIC, {})
        with pytest.raises(ComponentNotFound):
            await dapr.get_state(key, "k")
        with pytest.raises(ComponentNotFound):
            await dapr.get_secret(key, "k")
        with pytest.raises(DaprError):
            await dapr.invoke(key, "healthz", timeout=10)


async def test_an_app_is_invoked(app: httpx.AsyncClient, dapr: Dapr) -> None:
    reminder_id = await add(app, 3600)
    response = await dapr.invoke("reminders", f"reminders/{reminder_id}")
    assert response.json()["status"] == "scheduled"
    assert (await dapr.invoke("reminders", f"reminders/{uuid.uuid4()}")).status_code == 404
    await dapr.delete_job(f"reminder-{reminder_id}")


# ---------------------------------------------------------------- state


async def test_with_an_etag_the_first_write_wins(dapr: Dapr, key: str) -> None:
    assert await dapr.get_state(STORE, key) is None
    await dapr.save_state(STORE, key, {"n": 1}, create=True)
    with pytest.raises(EtagConflict):
        await dapr.save_state(STORE, key, {"n": 2}, create=True)
    item = await dapr.get_state(STORE, key)
    assert item is not None
    assert item.value == {"n": 1}
    await dapr.save_state(STORE, key, {"n": 2}, etag=item.etag)
    with pytest.raises(EtagConflict):
        await dapr.save_state(STORE, key, {"n": 3}, etag=item.etag)
    with pytest.raises(EtagConflict):
        await dapr.delete_state(STORE, key, etag=item.etag)
    latest = await dapr.get_state(STORE, key)
    assert latest is not None
    assert latest.value == {"n": 2}
    await dapr.delete_state(STORE, key, etag=latest.etag)
    assert await dapr.get_state(STORE, key) is None
    await dapr.delete_state(STORE, key)


async def test_of_many_writers_one_wins(dapr: Dapr, key: str) -> None:
    await dapr.save_state(STORE, key, 0)
    item = await dapr.get_state(STORE, key)
    assert item is not None
    results = await asyncio.gather(
        *(dapr.save_state(STORE, key, n, etag=item.etag) for n in range(10)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, EtagConflict) for result in results) == 9
    await dapr.delete_state(STORE, key)


async def test_a_transaction_is_all_or_nothing(dapr: Dapr, key: str) -> None:
    one, two = f"{key}-1", f"{key}-2"
    await dapr.transaction(STORE, [Upsert(one, "a"), Upsert(two, "b")])
    before = await dapr.get_states(STORE, [one, two, f"{key}-3"])
    assert {k: item.value for k, item in before.items()} == {one: "a", two: "b"}
    stale = before[one].etag
    await dapr.save_state(STORE, one, "c")
    with pytest.raises(EtagConflict):
        await dapr.transaction(STORE, [Delete(two), Upsert(one, "d", etag=stale)])
    now = await dapr.get_states(STORE, [one, two])
    assert {k: item.value for k, item in now.items()} == {one: "c", two: "b"}
    await dapr.transaction(STORE, [Upsert(one, "e", etag=now[one].etag), Delete(two, etag=now[two].etag)])
    assert {k: i.value for k, i in (await dapr.get_states(STORE, [one, two])).items()} == {one: "e"}
    await dapr.delete_state(STORE, one)


@pytest.mark.parametrize("value", [0, False, "", "ü€😀", [1, {"a": [None]}], {"nested": {"x": 1.5}}])
async def test_values_come_back_as_they_were(dapr: Dapr, key: str, value: Any) -> None:
    await dapr.save_state(STORE, f"{key}/with a space", value, ttl=60)
    item = await dapr.get_state(STORE, f"{key}/with a space")
    assert item is not None
    assert item.value == value
    assert await dapr.get_states(STORE, [f"{key}/with a space"]) == {f"{key}/with a space": item}


# ---------------------------------------------------------------- jobs


async def test_a_job_is_scheduled_found_overwritten_and_forgotten(dapr: Dapr, key: str) -> None:
    due = timedelta(hours=1)
    await dapr.schedule_job(key, due=due, data={"n": 1}, max_retries=5)
    assert await dapr.get_job(key) is not None
    await dapr.schedule_job(key, due=due, data={"n": 2})
    if await _minor_version() >= 16:
        with pytest.raises(AlreadyExists):
            await dapr.schedule_job(key, due=due, overwrite=False)
    await dapr.delete_job(key)
    assert await dapr.get_job(key) is None
    await dapr.delete_job(key)


async def test_a_job_without_a_time_is_refused(dapr: Dapr, key: str) -> None:
    with pytest.raises(DaprError) as caught:
        await dapr.schedule_job(key, data={})
    assert caught.value.status == 400
    assert not isinstance(caught.value, NotFound)


async def _minor_version() -> int:
    headers = {"dapr-api-token": os.environ.get("DAPR_API_TOKEN", "")}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        metadata = await client.get(os.environ["DAPR_HTTP_ENDPOINT"].rstrip("/") + "/v1.0/metadata")
    return int(metadata.json()["runtimeVersion"].split(".")[1])
