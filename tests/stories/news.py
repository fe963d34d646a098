"""What agents tell the story while they run: lines in a named pipe, so that the story can wait without looking."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


class News:
    """Lines that were written to the pipe at `path` since the block was entered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heard: set[str] = set()
        self._rest = b""
        self._came = asyncio.Event()

    def __enter__(self) -> News:
        os.mkfifo(self._path)
        self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._pipe, self._read)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)

    async def wait(self, line: str, within: float) -> None:
        """Return once `line` came. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while line not in self._heard:
                self._came.clear()
                await self._came.wait()

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._pipe, 65536)).split(b"\n")
        self._heard.update(line.decode() for line in lines)
        self._came.set()
