"""The hub's clock. Tests turn it; nothing in the localhub asks the machine for the time otherwise."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says the time and waits for it."""

    def now(self) -> datetime:
        """The present, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` of this clock have passed."""


class SystemClock:
    """The machine's clock, ahead by what `turn` was given."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def turn(self, seconds: float) -> None:
        """Move the time on at once. Those who sleep are not woken: their span is real time."""
        self._ahead += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class StoppedClock:
    """A clock that moves only when turned, and wakes those whose time has come."""

    def __init__(self, now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def turn(self, seconds: float) -> None:
        """Move the time on by `seconds`."""
        self._now += timedelta(seconds=seconds)
        for until, awake in self._sleepers:
            if until <= self._now:
                awake.set()
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[1].is_set()]

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        if until <= self._now:
            return
        awake = asyncio.Event()
        self._sleepers.append((until, awake))
        await awake.wait()
