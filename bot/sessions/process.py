"""Running an agent, or a verify command, behind the guard: limits, a clean environment, bounded output."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

GUARD = Path(__file__).with_name("guard.py")
GRACE = 5.0
"""Seconds between TERM and KILL."""

MARK = "CREWLINE_RUN"
"""Names, in the environment of everything that a session starts, the guard that it belongs to."""
_PATIENCE = 30.0
"""Seconds that the guard itself may take beyond the grace."""

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
) -> Ending:
    """Run `argv` in `folder` with exactly `environment` (and a mark), for at most `seconds`; when this returns,
    also by cancellation, nothing of it runs any more. Output is handed over in pieces as it comes; without
    `on_error_output` both streams are one.
    """
    began = time.monotonic()
    mark = environment.get(MARK, "") + token_hex(16)
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    try:
        transport, guard = await loop.subprocess_exec(
            lambda: _Guard(on_output, on_error_output or on_output),
            *(sys.executable, "-I", "-S", str(GUARD), str(writing), str(grace), *argv),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if on_error_output else asyncio.subprocess.STDOUT,
            env={**environment, MARK: mark},
            cwd=folder,
            pass_fds=(writing,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(reading)
        return Ending(127, 0.0, problem=f"it could not be started: {error.strerror}")
    finally:
        os.close(writing)
    try:
        ended, _ = await asyncio.wait({guard.ended}, timeout=seconds)
        took = time.monotonic() - began
    finally:
        try:
            await asyncio.shield(_end(transport, guard, mark, grace))
            status = _read_status(reading)
        finally:
            os.close(reading)
    return _ending(status, took, timed_out=not ended)


class _Guard(asyncio.SubprocessProtocol):
    """Hands output on. `ended` is done when the guard has ended, `closed` when its pipes are closed as well,
    which a process that got away could put off."""

    def __init__(self, on_output: OnOutput, on_error_output: OnOutput) -> None:
        self._sinks = {1: on_output, 2: on_error_output}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._sinks[fd](data)

    def process_exited(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _end(transport: asyncio.SubprocessTransport, guard: _Guard, mark: str, grace: float) -> None:
    """Have the guard end everything, and wait for it. A second cancellation leaves it to the guard."""
    lifeline = transport.get_pipe_transport(0)
    if lifeline is not None:
        lifeline.close()
    await asyncio.wait({guard.ended}, timeout=grace + _PATIENCE)
    if not guard.ended.done():
        with suppress(ProcessLookupError):
            transport.kill()
        await asyncio.wait({guard.ended}, timeout=5)
    if transport.get_returncode() != 0:
        await asyncio.to_thread(_kill_marked, mark)
    await asyncio.wait({guard.closed}, timeout=1)
    transport.close()


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


def _read_status(descriptor: int) -> list[str]:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 200).decode().splitlines()[0].split()
    except (BlockingIOError, IndexError):
        return []


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
