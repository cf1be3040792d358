"""Reminders in the state store.

Jobs and messages arrive at least once, so each step here can be asked for twice, at the same time,
by two replicas. The etag decides: of two writers one wins, the other reads again and finds the step
taken. `fired` and `delivered` count the steps that had an effect, so neither ever exceeds 1.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from reminders.dapr import Dapr, EtagConflict


class UnknownReminder(Exception):
    """There is no reminder of this id."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reminder:
    """What is stored under `reminder-ID`."""

    id: str
    text: str
    due: str
    fired: int = 0
    delivered: int = 0

    @property
    def status(self) -> str:
        """scheduled, then fired, then delivered."""
        return "delivered" if self.delivered else "fired" if self.fired else "scheduled"

    def public(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "text": self.text,
            "status": self.status,
            "fired": self.fired,
            "delivered": self.delivered,
        }


class Reminders:
    """All reminders, in one Dapr state store. Every method may raise `DaprError`."""

    def __init__(self, dapr: Dapr, store: str) -> None:
        self._dapr = dapr
        self._store = store

    async def add(self, text: str, in_seconds: float) -> Reminder:
        """Store a new reminder."""
        due = datetime.now(UTC) + timedelta(seconds=in_seconds)
        reminder = Reminder(id=str(uuid.uuid4()), text=text, due=due.isoformat())
        # No etag: the key is new, so saving it twice, when an answer was lost, changes nothing.
        await self._dapr.save_state(self._store, _key(reminder.id), dataclasses.asdict(reminder))
        return reminder

    async def get(self, reminder_id: str) -> Reminder:
        """Read one. Raises `UnknownReminder`."""
        return (await self._read(reminder_id))[0]

    async def remove(self, reminder_id: str) -> None:
        """Forget one."""
        await self._dapr.delete_state(self._store, _key(reminder_id))

    async def mark_fired(self, reminder_id: str) -> tuple[Reminder, bool]:
        """The reminder, and whether this call fired it. Raises `UnknownReminder`."""
        return await self._step(
            reminder_id, lambda r: r if r.fired else dataclasses.replace(r, fired=r.fired + 1)
        )

    async def mark_delivered(self, reminder_id: str) -> tuple[Reminder, bool]:
        """The reminder, and whether this call delivered it. Raises `UnknownReminder`."""
        return await self._step(
            reminder_id, lambda r: r if r.delivered else dataclasses.replace(r, delivered=r.delivered + 1)
        )

    async def _step(self, reminder_id: str, step: Callable[[Reminder], Reminder]) -> tuple[Reminder, bool]:
        """Take a step, unless `step` finds it taken and returns what it was given."""
        while True:
            before, etag = await self._read(reminder_id)
            after = step(before)
            if after is before:
                return before, False
            try:
                await self._dapr.save_state(
                    self._store, _key(reminder_id), dataclasses.asdict(after), etag=etag
                )
            except EtagConflict:
                continue  # somebody took a step in between: see which, and decide again
            return after, True

    async def _read(self, reminder_id: str) -> tuple[Reminder, str | None]:
        item = await self._dapr.get_state(self._store, _key(reminder_id))
        if item is None:
            raise UnknownReminder(reminder_id)
        return Reminder(**item.value), item.etag


def _key(reminder_id: str) -> str:
    return f"reminder-{reminder_id}"
