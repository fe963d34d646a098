"""Reading refs and objects through one git process that stays: a look costs well under a millisecond.

``git cat-file --batch-command`` (git 2.36) sees new refs and packs of its repository without a restart. A request
that is cancelled half-way would leave its answer in the pipe, so the process is then replaced.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.git.errors import GitFailed
from bot.git.process import drained, git_environment

_HEADER = re.compile(rb"^(?P<name>[0-9a-f]{40}) (?P<kind>[a-z]+) (?P<size>[0-9]+)$")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """`size` in bytes."""

    name: str
    kind: str
    size: int


class ObjectReader:
    """Raises GitFailed where the process cannot be used. `close` ends it; the next request starts a new one."""

    def __init__(self, repository: Path, take_up: Callable[[], Awaitable[None]]) -> None:
        """`take_up` sees before each request that `repository` is there."""
        self._repository = repository
        self._take_up = take_up
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def info(self, revision: str) -> ObjectInfo | None:
        """What `revision` (anything that git-rev-parse takes, without line ends) names, or None."""
        async with self._lock:
            return (await self._ask("info", revision))[0]

    async def contents(self, revision: str, most: int = 64_000_000) -> tuple[ObjectInfo, bytes] | None:
        """The object itself, or None. Raises ValueError where it is larger than `most` bytes."""
        async with self._lock:
            info, _ = await self._ask("info", revision)
            if info is None:
                return None
            if info.size > most:
                raise ValueError(f"{revision} has {info.size} bytes, more than {most}")
            again, payload = await self._ask("contents", info.name)
            return (again, payload) if again is not None else None

    async def close(self) -> None:
        async with self._lock:
            await self._end()

    async def _ask(self, verb: str, revision: str) -> tuple[ObjectInfo | None, bytes]:
        if "\n" in revision or "\0" in revision:
            return None, b""
        await self._take_up()
        for fresh in (False, True):
            try:
                return await self._exchange(verb, revision)
            except (BrokenPipeError, ConnectionResetError, asyncio.IncompleteReadError):
                await self._end()
                if fresh:
                    raise GitFailed(("cat-file", "--batch-command"), None, "it ended unexpectedly") from None
            except BaseException:
                await self._end()
                raise
        raise AssertionError("unreachable")

    async def _exchange(self, verb: str, revision: str) -> tuple[ObjectInfo | None, bytes]:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{verb} {revision}\n".encode(errors="surrogateescape"))
        await process.stdin.drain()
        header = (await process.stdout.readuntil(b"\n"))[:-1]
        match = _HEADER.match(header)
        if match is None:
            return None, b""  # "missing", "ambiguous"
        info = ObjectInfo(match["name"].decode(), match["kind"].decode(), int(match["size"]))
        if verb == "info":
            return info, b""
        payload = await process.stdout.readexactly(info.size + 1)
        return info, payload[:-1]

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            "git",
            "cat-file",
            "--batch-command",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=git_environment(self._repository),
            start_new_session=True,
            limit=1 << 20,
        )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await asyncio.shield(drained(process))
