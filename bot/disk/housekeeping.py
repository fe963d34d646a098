"""The server's own collection: every so often, and at once where the disk is full. In a thread, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from bot.disk.bounds import MEGABYTE, bounds_of
from bot.disk.collection import Deletion, collect
from bot.disk.watch import Disk
from bot.journal import NOT_DELETED, tell
from bot.settings import StoreSettings

AFTER_THE_START = 60.0
log = structlog.get_logger(__name__)


async def nothing_rests() -> None:
    """Whatever is in use stays so."""


class Housekeeping:
    """`clock` tells the machine's time, as files have it. `rest` lets go of what the server holds and does not need."""

    def __init__(self, settings: StoreSettings, disk: Disk, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._disk = disk
        self._clock = clock
        self._at_work = asyncio.Lock()
        self.rest: Callable[[], Awaitable[None]] = nothing_rests

    async def run(self) -> None:
        """Until cancelled."""
        pause = min(AFTER_THE_START, self._settings.gc_seconds)
        while True:
            await asyncio.sleep(pause)
            await self.collect()
            pause = self._settings.gc_seconds

    async def relieve(self) -> None:
        """The disk is full: make room for twice the floor, as far as anything may go."""
        await self.collect(2 * self._settings.disk_floor_mb * MEGABYTE)

    async def collect(self, room: int = 0) -> None:
        """Delete what the settings let go, and beyond that the oldest until `room` bytes are free."""
        async with self._at_work:
            await self.rest()
            deletions = await asyncio.to_thread(self._collect, room)
        for deletion in deletions:
            item = deletion.item
            if deletion.problem is None:
                log.info("deleted", kind=item.kind.value, name=item.name, megabytes=round(item.size / MEGABYTE, 1))
            else:
                tell(NOT_DELETED, name=item.name, problem=deletion.problem)

    def _collect(self, room: int) -> tuple[Deletion, ...]:
        try:
            wanted = room - self._disk.free() if room else 0
        except OSError:  # `DiskWatch` tells that; what is old goes all the same
            wanted = 0
        return collect(self._settings.data, bounds_of(self._settings), self._clock(), wanted=max(0, wanted))
