"""How guards come about: forked by a process of ours that stays, or, where that cannot be had, started on their own.

An interpreter takes some twenty milliseconds of processor time to start, three times a task: for the worker, for
the verify command and for the reviewer. A fork of one that stands ready takes one. Both forms are the same guard
(see `guard`) with the same promises; nothing but time depends on the process that forks. An agent could kill it, as
it could kill its own guard: running guards do not notice, and the next request finds it gone and starts another.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

GUARD = Path(__file__).with_name("guard.py")

MARK = "CREWLINE_RUN"
"""Names, in the environment of everything that a session starts, the guard that it belongs to."""

_LARGEST = 60_000
"""Bytes of a request. A larger one (an agent with its prompt as an argument) has a guard started on its own."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a guard runs, where, with which environment and with how many seconds between TERM and KILL."""

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    grace: float


@dataclass(frozen=True, slots=True)
class Descriptors:
    """A guard's ends of its pipes: the one that ends it, its agent's two outputs, and where it says how it went."""

    lifeline: int
    output: int
    errors: int
    status: int


class GuardServer:
    """The process that forks. `mark` begins the mark in its environment. It starts with the first `prepare` or
    `fork`; to be used as an async context manager, which ends it."""

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._process: asyncio.subprocess.Process | None = None
        self._line: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        async with self._starting:
            await self._end()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """It does not answer: the next request starts another."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def prepare(self) -> None:
        """See that it runs. Raises OSError where it cannot be started."""
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            await self._end()
            if not self._closed:
                await self._start()

    async def fork(self, order: Order, descriptors: Descriptors) -> bool:
        """Ask for a guard; False where none will come. That one came is known by what it writes."""
        request = _request(order)
        if len(request) > _LARGEST:
            return False
        with suppress(OSError):  # then the guard is started without a fork
            await self.prepare()
            if self._line is not None:
                ends = (descriptors.lifeline, descriptors.output, descriptors.errors, descriptors.status)
                sent = socket.send_fds(self._line, [len(request).to_bytes(4), request], ends)
                if sent == len(request) + 4:
                    return True
                self._line.close()  # half a request: it can understand nothing that follows
                self._line = None
        return False

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(1.0)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(GUARD), "--serve", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={MARK: f"{self._mark}{token_hex(16)}"},
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._line = ours

    async def _end(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        process, self._process = self._process, None
        if process is None:
            return
        try:
            async with asyncio.timeout(5):
                await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


GUARDS: ContextVar[GuardServer | None] = ContextVar("GUARDS", default=None)
"""The one that a session's guards are forked by."""


async def start_guard(order: Order, descriptors: Descriptors) -> asyncio.subprocess.Process:
    """A guard on its own. Raises OSError where it cannot be started."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(GUARD), str(descriptors.status), str(order.grace), *order.argv),
        stdin=descriptors.lifeline,
        stdout=descriptors.output,
        stderr=descriptors.errors,
        env=order.environment,
        cwd=order.folder,
        pass_fds=(descriptors.status,),
        start_new_session=True,
    )


def _request(order: Order) -> bytes:
    pairs = [text for pair in order.environment.items() for text in pair]
    words = (str(order.grace), str(order.folder), str(len(order.argv)), *order.argv, *pairs)
    return b"\0".join(os.fsencode(word) for word in words)
