"""Throwing folders away: a rename now, the deletion in the background.

Deleting a large tree takes seconds; renaming it takes none. A session's end is followed by what everybody waits for,
its push and the review: so the deletion begins a few seconds later. What was being deleted when the machine died is
deleted after the next start.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

REST = 3.0
"""Seconds between the first thing thrown away and the beginning of its deletion."""


class Trash:
    """A folder on the same file system as what is thrown into it. Leaving the context waits for the deletions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._work: asyncio.Queue[Path | None] = asyncio.Queue()
        self._leaving = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.iterdir():
            self._work.put_nowait(left)
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._work.put_nowait(None)
        if self._sweeper is not None:
            await self._sweeper

    def throw(self, path: Path) -> None:
        """`path` is gone when this returns; a link is thrown away itself, not what it names."""
        target = self._folder / token_hex(8)
        with suppress(FileNotFoundError):
            path.rename(target)
            self._work.put_nowait(target)

    async def _sweep(self) -> None:
        """All that is there, each time after a rest; nothing is waited for any more once the context is left."""
        while (path := await self._work.get()) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(REST):
                    await self._leaving.wait()
            await asyncio.to_thread(_delete, path)
            while not self._work.empty():
                more = self._work.get_nowait()
                if more is None:
                    return
                await asyncio.to_thread(_delete, more)


def _delete(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):  # it stays in the trash, and housekeeping tells
            path.unlink()
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():  # an agent may have taken away the right to write
        for folder in [path, *(below for below in path.rglob("*") if below.is_dir() and not below.is_symlink())]:
            with suppress(OSError):  # the same
                folder.chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)
