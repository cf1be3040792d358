"""The reminders service: a reminder is stored, fires as a Dapr job, and is delivered by a message.

    POST /reminders          the client      → state store, scheduler
    POST /job/reminder-ID    the scheduler   → state store, topic reminders.due
    POST /events/…           the broker      → state store
    GET  /reminders/ID       the client      ← state store

Each arrow may fail, and jobs and messages come at least once. What makes the effect happen once is
described where it happens: in the two callbacks here, and in `store.py`.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reminders import logs
from reminders.dapr import Dapr, DaprError, TraceContext
from reminders.store import Reminder, Reminders, UnknownReminder

STORE = "statestore"
PUBSUB = "pubsub"
TOPIC = "reminders.due"

MAX_TEXT = 1000
MAX_SECONDS = 366 * 24 * 3600

log = logging.getLogger("reminders")


class Service:
    """The routes."""

    def __init__(self, dapr: Dapr) -> None:
        self.dapr = dapr
        self.reminders = Reminders(dapr, STORE)

    async def create(self, request: Request) -> Response:
        """Store the reminder first: the job may fire before the answer to its scheduling arrives."""
        text, in_seconds = _new_reminder(await request.body())
        reminder = await self.reminders.add(text, in_seconds)
        try:
            await self._schedule(reminder)
        except DaprError:
            await self._undo(reminder)
            raise
        log.info("reminder %s is due at %s", reminder.id, reminder.due)
        return JSONResponse(reminder.public(), 201, {"location": f"/reminders/{reminder.id}"})

    async def read(self, request: Request) -> Response:
        """One reminder, as it stands."""
        return JSONResponse((await self.reminders.get(_id(request))).public())

    async def fire(self, request: Request) -> Response:
        """The job's callback: mark the reminder fired, then publish that it is due.

        In this order, so that whoever hears of it finds it fired. Should publishing fail, or this
        process die, the job comes again, finds the reminder fired and publishes still; only once it
        is delivered is there nothing left to do. So a message can be published twice, but not never.
        Any failure leaves as 503, and the scheduler tries again (404 would drop the job for ever).
        """
        _only_sidecar(request)
        reminder_id = _id(request)
        try:
            reminder, first = await self.reminders.mark_fired(reminder_id)
        except UnknownReminder:
            log.warning("job for unknown reminder %s: dropped", reminder_id)
            return JSONResponse({"dropped": reminder_id})
        if reminder.delivered:
            log.info("reminder %s fired again after its delivery: nothing to do", reminder_id)
            return JSONResponse(reminder.public())
        await self.dapr.publish(
            PUBSUB, TOPIC, {"id": reminder_id, "text": reminder.text}, key=reminder_id, event_id=reminder_id
        )
        log.info("reminder %s fired%s", reminder_id, "" if first else " again")
        return JSONResponse(reminder.public())

    async def deliver(self, request: Request) -> Response:
        """The subscription's callback: mark the reminder delivered, once.

        Marking it is the delivery here. If yours sends a mail, hand it the reminder's id as the key by
        which the receiver recognises a duplicate: no order of sending and marking does it alone.
        """
        _only_sidecar(request)
        reminder_id = _event_reminder(await request.body())
        if reminder_id is None:
            log.error("a message on %s is not a reminder: dropped", TOPIC)
            return _answer("DROP")
        try:
            _, first = await self.reminders.mark_delivered(reminder_id)
        except UnknownReminder:
            log.warning("message for unknown reminder %s: dropped", reminder_id)
            return _answer("DROP")
        except DaprError as error:
            log.warning("reminder %s cannot be delivered now: %s", reminder_id, error)
            return _answer("RETRY")
        log.info("reminder %s %s", reminder_id, "delivered" if first else "was delivered already")
        return _answer("SUCCESS")

    async def _schedule(self, reminder: Reminder) -> None:
        await self.dapr.schedule_job(
            f"reminder-{reminder.id}",
            # A point in time, not "in 5 s": said twice, after a lost answer, it is still the same.
            due=datetime.fromisoformat(reminder.due),
            data={"id": reminder.id},
            retry_every=2,
            max_retries=150,
        )

    async def _undo(self, reminder: Reminder) -> None:
        """Forget a reminder that could not be scheduled. A job that got there after all is dropped."""
        try:
            await self.reminders.remove(reminder.id)
        except DaprError as error:
            log.error("reminder %s is stored but will never fire: %s", reminder.id, error)


def _new_reminder(body: bytes) -> tuple[str, float]:
    """Text and seconds of a valid request; else HTTP 400 that says what is wrong."""
    try:
        new = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(new, dict):
        raise HTTPException(400, 'send an object: {"text": "…", "in_seconds": 5}')
    return _text(new.get("text")), _seconds(new.get("in_seconds"))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise HTTPException(400, f"text: a string of 1 to {MAX_TEXT} characters is required")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair: JSON lets it through
        raise HTTPException(400, "text: it is not valid Unicode") from error
    return value


def _seconds(value: object) -> float:
    # True is an int in Python, and NaN is in no range.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        raise HTTPException(400, f"in_seconds: a number from 0 to {MAX_SECONDS} is required")
    return float(value)


def _id(request: Request) -> str:
    """The reminder's id in the path; the route lets only UUIDs through."""
    return str(request.path_params["id"])


def _event_reminder(body: bytes) -> str | None:
    """The reminder's id in a CloudEvent; None for anything else."""
    try:
        return str(uuid.UUID(json.loads(body)["data"]["id"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _only_sidecar(request: Request) -> None:
    """Where `APP_API_TOKEN` is set, callbacks are the sidecar's alone."""
    token = os.environ.get("APP_API_TOKEN", "")
    if token and not hmac.compare_digest(request.headers.get("dapr-api-token", ""), token):
        raise HTTPException(401, "only the sidecar may call this")


def _answer(status: str) -> Response:
    """What the sidecar does with the message: SUCCESS, RETRY or DROP."""
    return JSONResponse({"status": status})


async def _healthz(request: Request) -> Response:
    """The process answers. It must not ask the sidecar, which waits for this before it is ready."""
    return PlainTextResponse("ok")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _unknown(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"there is no reminder {error}"}, 404)


async def _dapr_error(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, error)
    return JSONResponse({"error": "try again later"}, 503, {"retry-after": "1"})


def create_app(dapr: Dapr | None = None) -> Starlette:
    """The ASGI application; tests give it a `Dapr` of their own."""
    dapr = dapr or Dapr()
    service = Service(dapr)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with dapr:
            yield {}

    return Starlette(
        routes=[
            Route("/reminders", service.create, methods=["POST"]),
            Route("/reminders/{id:uuid}", service.read),
            Route("/job/reminder-{id:uuid}", service.fire, methods=["POST"]),
            Route("/events/reminders-due", service.deliver, methods=["POST"]),
            Route("/healthz", _healthz),
        ],
        middleware=[Middleware(TraceContext)],
        exception_handlers={
            HTTPException: _http_error,
            UnknownReminder: _unknown,
            DaprError: _dapr_error,
        },
        lifespan=lifespan,
    )


logs.configure()
app = create_app()
