"""Running an agent, or a verify command, behind the guard: limits, a clean environment, bounded output."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

from bot.sessions.guards import GUARDS, MARK, Descriptors, Order, start_guard

GRACE = 5.0
"""Seconds between TERM and KILL."""

_PATIENCE = 30.0
"""Seconds that the guard itself may take beyond the grace."""
_GREETING = 10.0
"""Seconds for a guard to be forked."""

OnOutput = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a guarded program ended.

    `code` is its exit code, or 128 and the number of the signal that ended it, as a shell counts. `problem` is
    set where it could not be started, or where its guard was killed. `leftover` counts processes that it left.
    """

    code: int
    seconds: float
    timed_out: bool = False
    leftover: int = 0
    problem: str | None = None


async def run_guarded(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    on_output: OnOutput,
    on_error_output: OnOutput | None = None,
    grace: float = GRACE,
    enough: asyncio.Future[None] | None = None,
    on_guard: Callable[[int], None] = lambda pid: None,
) -> Ending:
    """Run `argv` in `folder` with exactly `environment` (and a mark), for at most `seconds`; when this returns,
    also by cancellation, nothing of it runs any more. Output is handed over in pieces as it comes; without
    `on_error_output` both streams are one. It is ended, too, when `enough` is done. `on_guard` is told the process id
    of the guard, which all of it is below.
    """
    began = time.monotonic()
    mark = environment.get(MARK, "") + token_hex(16)
    order = Order(argv, folder, {**environment, MARK: mark}, grace)
    forked = _Conversation(on_output, on_error_output, on_guard)
    try:
        if await forked.fork(order):
            return await _to_the_end(forked, order, mark, seconds, began, enough)
    finally:
        forked.close()
    alone = _Conversation(on_output, on_error_output, on_guard)
    try:
        if (error := await alone.start(order)) is not None:
            return Ending(127, 0.0, problem=f"it could not be started: {error.strerror}")
        return await _to_the_end(alone, order, mark, seconds, began, enough)
    finally:
        alone.close()


async def _to_the_end(
    guard: _Conversation, order: Order, mark: str, seconds: float, began: float, enough: asyncio.Future[None] | None
) -> Ending:
    wanted = {guard.ended, enough} if enough is not None else {guard.ended}
    try:
        ended, _ = await asyncio.wait(wanted, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        took = time.monotonic() - began
    finally:
        await asyncio.shield(_end(guard, mark, order.grace))
    return _ending(guard.said(), took, timed_out=not ended)


async def _end(guard: _Conversation, mark: str, grace: float) -> None:
    """Have the guard end everything, and wait for it. A second cancellation leaves it to the guard."""
    guard.ask_to_end()
    await asyncio.wait({guard.ended}, timeout=grace + _PATIENCE)
    if not guard.ended.done():
        guard.kill()
        await asyncio.wait({guard.ended}, timeout=5)
    if not guard.said():
        await asyncio.to_thread(_kill_marked, mark)
    await asyncio.wait(guard.closed, timeout=1)
    await guard.reap()


class _Pipe(asyncio.Protocol):
    """The reading end of a pipe: what comes is handed on; `closed` is done when nobody can write to it any more."""

    def __init__(self, sink: OnOutput) -> None:
        self._sink = sink
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._sink(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class _Conversation:
    """The pipes between us and one guard.

    It is the only one that holds the writing end of the status pipe, so that `ended` is done when it has ended, by
    whatever means. `closed` are the agent's outputs, which a process that got away could keep open.
    """

    def __init__(self, on_output: OnOutput, on_error_output: OnOutput | None, on_guard: Callable[[int], None]) -> None:
        self._status = bytearray()
        self._on_guard = on_guard
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sinks = [self._hear, on_output, *([on_error_output] if on_error_output else [])]
        self._pipes: list[_Pipe] = []
        self._transports: list[asyncio.BaseTransport] = []
        self._lifeline: int | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def fork(self, order: Order) -> bool:
        """Have the guard forked; False where there is no server, or it does not answer."""
        server = GUARDS.get()
        if server is None:
            return False
        descriptors = await self._open()
        try:
            asked = await server.fork(order, descriptors)
        finally:
            _close(descriptors)
        if not asked:
            return False
        try:
            await asyncio.wait({self._greeted, self.ended}, timeout=_GREETING, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.ask_to_end()
            await asyncio.wait({self.ended}, timeout=order.grace + _PATIENCE)
            raise
        if not self._greeted.done() and not self.ended.done():
            server.kill()  # it was stopped, perhaps by an agent
        return self._greeted.done()

    async def start(self, order: Order) -> OSError | None:
        """Start the guard on its own; what is returned is why it could not be."""
        descriptors = await self._open()
        try:
            self._process = await start_guard(order, descriptors)
        except OSError as error:
            return error
        finally:
            _close(descriptors)
        return None

    async def _open(self) -> Descriptors:
        """Our ends are connected; the other ones are returned."""
        loop = asyncio.get_running_loop()
        reading, self._lifeline = os.pipe()
        writing: list[int] = []
        try:
            for sink in self._sinks:
                read, write = os.pipe()
                writing.append(write)
                transport, pipe = await loop.connect_read_pipe(partial(_Pipe, sink), os.fdopen(read, "rb", 0))
                self._transports.append(transport)
                self._pipes.append(pipe)
        except BaseException:
            for one in (reading, *writing):
                os.close(one)
            raise
        return Descriptors(lifeline=reading, output=writing[1], errors=writing[-1], status=writing[0])

    def _hear(self, data: bytes) -> None:
        self._status += data
        if b"\n" in self._status and not self._greeted.done():
            self._greeted.set_result(None)
            self._on_guard(int(self._status.split()[1]))

    @property
    def ended(self) -> asyncio.Future[None]:
        return self._pipes[0].closed

    @property
    def closed(self) -> set[asyncio.Future[None]]:
        return {pipe.closed for pipe in self._pipes}

    def said(self) -> list[str]:
        """The words of its last line; none where it was killed."""
        lines = self._status.decode().splitlines()
        return lines[1].split() if len(lines) > 1 else []

    def ask_to_end(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def kill(self) -> None:
        """As long as it has not ended, its process id is its own."""
        greeting = self._status.decode().split()
        if len(greeting) > 1 and not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(int(greeting[1]), signal.SIGKILL)

    async def reap(self) -> None:
        if self._process is not None:
            await self._process.wait()

    def close(self) -> None:
        self.ask_to_end()
        for transport in self._transports:
            transport.close()


def _close(descriptors: Descriptors) -> None:
    for one in {descriptors.lifeline, descriptors.output, descriptors.errors, descriptors.status}:
        os.close(one)


def _kill_marked(mark: str) -> None:
    """The guard was killed: end what carries its mark in its environment. What cleared its environment as well
    is beyond the reach of anything but a process namespace."""
    wanted = f"{MARK}={mark}".encode()
    for _ in range(100):
        pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if _has(path, wanted)]
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not pids:
            return
        time.sleep(0.01)


def _has(environ: Path, wanted: bytes) -> bool:
    try:
        return wanted in environ.read_bytes().split(b"\0")
    except OSError:
        return False


def _ending(status: list[str], seconds: float, timed_out: bool) -> Ending:
    match status:
        case ["exit", code, left]:
            return Ending(int(code), seconds, timed_out, int(left))
        case ["signal", number, left]:
            return Ending(128 + int(number), seconds, timed_out, int(left))
        case ["exec", number, _]:
            return Ending(127, seconds, problem=f"it could not be started: {os.strerror(int(number))}")
        case _:
            return Ending(137, seconds, timed_out, problem="its guard was killed")


class Tail:
    """The end of an output, bounded; a sink for `run_guarded`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self.total = 0

    def __call__(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._kept += chunk
        if len(self._kept) > 2 * self._most:
            del self._kept[: -self._most]

    @property
    def text(self) -> str:
        kept = bytes(self._kept[-self._most :])
        text = kept.decode(errors="replace").replace("\0", "�")
        return text if self.total <= len(kept) else "…" + text
