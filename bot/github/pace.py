"""When a request may go out: writes one after another with a pause between, the urgent ones first.

GitHub asks for writes that are serial and at least a second apart, and allows 80 requests a minute and 500
an hour that create content ("Best practices for using the REST API", "Rate limits for the REST API"). A limit
that it has announced holds back everything on the same resource until it ends.

The choice among waiting writes falls when the pause is over, not when it begins: a person's command that
arrives during the pause is answered before the housekeeping that has waited longer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import count

from bot.github.clock import Clock
from bot.github.errors import Unavailable

CONTENT_PER_MINUTE = 80
CONTENT_PER_HOUR = 500
EVERYTHING = "everything"
"""Stands for all resources at once: a secondary limit names none."""


class Urgency(IntEnum):
    """Who waits for a write. The smaller goes first."""

    PERSON = 0
    WORK = 1
    HOUSEKEEPING = 2


@dataclass(order=True, slots=True)
class _Ticket:
    urgency: Urgency
    ordinal: int
    called: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class Pace:
    """The turns of one installation. `patience` is the longest a caller is kept waiting, in seconds, for a limit
    of GitHub's; beyond it `Unavailable` says when to come back."""

    def __init__(self, clock: Clock, write_interval: float, patience: float, concurrent_reads: int = 16) -> None:
        self._clock = clock
        self._interval = timedelta(seconds=write_interval)
        self._patience = patience
        self._reads = asyncio.Semaphore(concurrent_reads)
        self._closed_until: dict[str, datetime] = {}
        self._waiting: list[_Ticket] = []
        self._ordinals = count()
        self._busy = False
        self._next_write = clock.now()
        self._created: deque[datetime] = deque(maxlen=CONTENT_PER_HOUR)

    def close(self, resource: str, until: datetime) -> None:
        """Hold back requests on `resource` (``core``, ``graphql`` or EVERYTHING) until then."""
        self._closed_until[resource] = max(until, self._closed_until.get(resource, until))

    @asynccontextmanager
    async def reading(self, resource: str) -> AsyncIterator[None]:
        """Raises Unavailable."""
        async with self._reads:
            while (wait := self._seconds_until(self._opens(resource))) > 0:
                await self._clock.sleep(wait)
            yield

    @asynccontextmanager
    async def writing(self, resource: str, urgency: Urgency, creates: int) -> AsyncIterator[None]:
        """The one turn to write. `creates` is how many pieces of content the request makes. Raises Unavailable."""
        await self._take_turn(resource, urgency, creates)
        started = self._clock.now()
        try:
            yield
        finally:
            self._next_write = started + self._interval
            self._created.extend([started] * creates)
            self._pass_on()

    async def _take_turn(self, resource: str, urgency: Urgency, creates: int) -> None:
        ticket = _Ticket(urgency, next(self._ordinals))
        heapq.heappush(self._waiting, ticket)
        try:
            while True:
                if self._busy or self._waiting[0] is not ticket:
                    ticket.called.clear()
                    await ticket.called.wait()
                    continue
                self._busy = True
                try:
                    await self._wait_for_write(resource, creates)
                except BaseException:
                    self._busy = False
                    raise
                if self._waiting[0] is ticket:
                    return
                self._pass_on()
        finally:
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            if not self._busy:
                self._pass_on()

    async def _wait_for_write(self, resource: str, creates: int) -> None:
        while True:
            opens = max(self._opens(resource), self._content_allowed(creates))
            limited = self._seconds_until(opens)
            pause = (self._next_write - self._clock.now()).total_seconds()
            if max(limited, pause) <= 0:
                return
            await self._clock.sleep(max(limited, pause))

    def _pass_on(self) -> None:
        self._busy = False
        if self._waiting:
            self._waiting[0].called.set()

    def _opens(self, resource: str) -> datetime:
        now = self._clock.now()
        return max(self._closed_until.get(resource, now), self._closed_until.get(EVERYTHING, now))

    def _content_allowed(self, creates: int) -> datetime:
        """When `creates` more pieces stay within GitHub's numbers for a minute and for an hour."""
        allowed = self._clock.now()
        for most, span in ((CONTENT_PER_MINUTE, 60), (CONTENT_PER_HOUR, 3600)):
            excess = len(self._created) + min(creates, most) - most
            recent = list(self._created)
            if creates and excess > 0:
                allowed = max(allowed, recent[excess - 1] + timedelta(seconds=span))
        return allowed

    def _seconds_until(self, opens: datetime) -> float:
        wait = (opens - self._clock.now()).total_seconds()
        if wait > self._patience:
            raise Unavailable(f"GitHub's limit is reached until {opens:%H:%M:%S} UTC", opens)
        return wait
