"""Whether sessions may start, as far as the disk is concerned.

A session that meets a full disk half-way has cost an agent's time for nothing, and the next one would meet it again.
So nothing starts while the disk has less than a floor of free space, takes no file, or takes many seconds for a small
one; and when a session says that it failed for the disk although nothing of this is seen (its tree needs more than
there is), nothing starts until there is more space than it found, or a pause is over that doubles each time. Whatever
needs no disk goes on, with what was recorded so far where nothing can be recorded any more. What is seen stays one and
the same sentence until it is over, so that the status comment which quotes it is not edited for every megabyte.

Asking takes the thread that asks along where the disk hangs, never the event loop; it is asked anew once that one is
back, and sound only where that answer is in time. Until then nothing is recorded either, from the second time on that
the same question finds no answer, since that would wait as well. What sessions write on their way (transcripts, what
they came to) is written on the event loop, and waits there for the kernel: that is quick while it can buffer, whatever
the disk does, and not on one that is gone for good, as a network's may be.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Protocol

import structlog

from bot.disk.trouble import DiskTrouble, sentence, trouble_of
from bot.journal import DISK_IN_TROUBLE, NO_SESSION_STARTS, tell

SLOW = 10.0
FIRST_PAUSE = 4
LONGEST_PAUSE = 60
"""Of `every`."""
RELIEVED_EVERY = 20
"""Rounds."""
PROBE = b"crewline" * 8192
log = structlog.get_logger(__name__)


class Disk(Protocol):
    """What is asked of a disk. Both may block, and raise OSError."""

    def free(self) -> int:
        """Bytes that we may still write."""
        ...

    def probe(self) -> None:
        """Write a small file and take it away again."""
        ...


class DataDisk:
    """The disk that `folder` is on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def free(self) -> int:
        return shutil.disk_usage(self._folder).free

    def probe(self) -> None:
        path = self._folder / f".probe-{token_hex(4)}"
        try:
            with path.open("xb") as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
        finally:
            path.unlink(missing_ok=True)


class Suspecting(Protocol):
    """For those who write, and may fail."""

    def suspect(self, error: BaseException) -> str | None: ...

    async def check(self) -> str | None: ...


class DiskState(Suspecting, Protocol):
    """For those who decide what may start."""

    def hindrance(self) -> str | None: ...

    def unwritable(self) -> bool: ...


class SoundDisk:
    """Nothing is ever wrong with it: where nobody watches the disk."""

    def suspect(self, error: BaseException) -> str | None:
        return None

    async def check(self) -> str | None:
        return None

    def hindrance(self) -> str | None:
        return None

    def unwritable(self) -> bool:
        return False


async def nothing_to_free() -> None:
    """Where nobody may delete anything."""


class DiskWatch:
    """`floor` in bytes. `relieve` is awaited where the disk is full, before it is asked once more; `changed` is called
    when sessions may start again, or may not any more. `every` and `slow` in seconds."""

    def __init__(
        self,
        disk: Disk,
        floor: int,
        *,
        every: float = 15.0,
        slow: float = SLOW,
    ) -> None:
        self._disk = disk
        self._floor = floor
        self._every, self._slow = every, slow
        self._seen: DiskTrouble | None = None
        self._text = ""
        self._takes_nothing = False
        self._told: DiskTrouble | None = None
        """By a session, although nothing is seen."""
        self._told_until = 0.0
        self._told_free = 0
        self._times_told = 0
        self._asking: asyncio.Future[OSError | int] | None = None
        self._overdue: asyncio.Future[OSError | int] | None = None
        """What found no answer in time."""
        self._wake = asyncio.Event()
        self.relieve: Callable[[], Awaitable[None]] = nothing_to_free
        self.changed: Callable[[], None] = lambda: None

    def hindrance(self) -> str | None:
        """Why no session may start now, in one sentence."""
        return self._text if self._seen is not None else None

    def unwritable(self) -> bool:
        """Whether not even a small file can be written, so that nothing can be recorded."""
        return self._takes_nothing

    def suspect(self, error: BaseException) -> str | None:
        """Somebody failed with `error`. The sentence to tell where that was for the disk, else None."""
        trouble = trouble_of(error)
        if trouble is None:
            return None
        tell(DISK_IN_TROUBLE, error=str(error))
        pause = self._every * min(FIRST_PAUSE << min(self._times_told, 8), LONGEST_PAUSE)
        if self._told is None:
            self._times_told += 1
        self._told, self._told_until, self._told_free = trouble, monotonic() + pause, -1
        if self._seen is None:
            self._note(trouble, 0)
        self._wake.set()
        return self._text

    async def check(self) -> str | None:
        """Ask the disk now; `hindrance` afterwards."""
        waited_for = self._overdue
        found = await self._ask()
        self._takes_nothing = isinstance(found, OSError) or (found is None and self._overdue is waited_for)
        if isinstance(found, OSError):
            self._note(trouble_of(found) or DiskTrouble.FAILING, 0)
        elif found is None:
            self._note(DiskTrouble.SLOW, 0)
        elif found < self._floor:
            self._note(DiskTrouble.FULL, found)
        else:
            self._note(self._still_told(found), self._floor)
        return self.hindrance()

    async def run(self) -> None:
        """Look after the disk until cancelled."""
        rounds = 0
        while True:
            self._wake.clear()
            await self.check()
            rounds = rounds + 1 if self._seen is DiskTrouble.FULL else 0
            if rounds % RELIEVED_EVERY == 1:  # looking through all that lies there takes the disk's time too
                await self.relieve()
                await self.check()
            try:
                async with asyncio.timeout(self._every):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _still_told(self, free: int) -> DiskTrouble | None:
        """What a session told, until there is more room than it found or the pause is over."""
        if self._told is None:
            return None
        if self._told_free < 0:
            self._told_free = free
        more = free - self._told_free > max(self._floor, 100_000_000)
        if more or monotonic() >= self._told_until:
            self._told = None
            self._times_told = 0 if more else self._times_told
        return self._told

    def _note(self, trouble: DiskTrouble | None, free: int) -> None:
        if trouble is self._seen:
            return
        if trouble is None:
            log.info("the disk is sound again")
        else:
            self._text = sentence(trouble, free or self._floor, self._floor)
            tell(NO_SESSION_STARTS, reason=self._text)
        self._seen = trouble
        self.changed()

    async def _ask(self) -> OSError | int | None:
        """The free bytes, the error of writing, or None where the disk has not answered in time."""
        asking = self._asking = self._asking or _in_a_thread(self._disk)
        done, _ = await asyncio.wait({asking}, timeout=self._slow)
        if not done:
            self._overdue = asking
            return None
        if self._asking is asking:  # of those who wait for one answer, the first
            self._asking = None
        if asking is self._overdue:
            return await self._ask()  # what came too late says nothing of how it is now
        return asking.result()


def _in_a_thread(disk: Disk) -> asyncio.Future[OSError | int]:
    """Not one of the loop's own: those are waited for at the end of the process, a disk that hangs is not."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[OSError | int] = loop.create_future()

    def tell(found: OSError | int) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found: OSError | int
        try:
            disk.probe()
            found = disk.free()
        except OSError as error:
            found = error
        with suppress(RuntimeError):  # the loop may be over
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name="asks the disk", daemon=True).start()
    return answer
