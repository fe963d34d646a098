"""Processes for a loop in virtual time: each has run to its end before anybody hears of it.

`git cat-file --batch-command`, which the bot keeps open and asks again and again, is the one that stays; each of its
answers is read before the question returns. Any other program gets its whole input, runs, and then its output and
its end are told, in this order, at one moment of virtual time.

Pids are numbers that no machine gives out, so that a kill that comes too late hits nobody.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import IO, Protocol

_PIDS = count(2**30)
_STAYS = ("cat-file", "--batch-command")


@dataclass(frozen=True, slots=True)
class Command:
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str | None
    stdin: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


class Programs(Protocol):
    """What runs a command: here and now, or (`takes_time`) as something that others see happen."""

    def takes_time(self, command: Command) -> Awaitable[Ended] | None:
        """The command as something that takes virtual time, or None where it is done at once."""

    def at_once(self, command: Command) -> Ended:
        """The command, done."""


class SubprocessProtocol(asyncio.SubprocessProtocol):
    """For the annotations of typeshed, which leave it open."""


class SubprocessTransport(asyncio.SubprocessTransport):
    """What `asyncio.subprocess.Process` stands on."""

    def __init__(self, protocol: asyncio.SubprocessProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._pid = next(_PIDS)
        self._code: int | None = None
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._closed = False
        self._pipes: dict[int, asyncio.BaseTransport] = {1: _Output(), 2: _Output()}

    def get_pid(self) -> int:
        return self._pid

    def get_returncode(self) -> int | None:
        return self._code

    def get_pipe_transport(self, fd: int) -> asyncio.BaseTransport | None:
        return self._pipes.get(fd)

    async def _wait(self) -> int:
        """What `asyncio.subprocess.Process.wait` waits for."""
        return await asyncio.shield(self._ended)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def kill(self) -> None:
        self.send_signal(9)

    def terminate(self) -> None:
        self.send_signal(15)

    def send_signal(self, signal: int) -> None:
        if self._code is None:
            self.tell(Ended(-signal))

    def tell(self, ended: Ended) -> None:
        """Hand over what it printed and how it ended; what comes second counts no more."""
        if self._code is not None:
            return
        self._code = ended.exit_code
        for fd, output in ((1, ended.stdout), (2, ended.stderr)):
            if output:
                self._protocol.pipe_data_received(fd, output)
        for fd in self._pipes:
            self._protocol.pipe_connection_lost(fd, None)
        self._ended.set_result(ended.exit_code)
        self._protocol.process_exited()


class _Once(SubprocessTransport):
    """Runs when its input is complete."""

    def __init__(
        self,
        protocol: asyncio.SubprocessProtocol,
        programs: Programs,
        command: Command,
        has_input: bool,
    ) -> None:
        super().__init__(protocol)
        self._programs = programs
        self._command = command
        self._task: asyncio.Task[None] | None = None
        if has_input:
            self._pipes[0] = _Input(self._run)

    def begin(self) -> None:
        self._protocol.connection_made(self)
        if 0 not in self._pipes:
            self._run(b"")

    def _run(self, stdin: bytes) -> None:
        if self._code is not None:
            return
        command = Command(self._command.arguments, self._command.environment, self._command.folder, stdin)
        happens = self._programs.takes_time(command)
        loop = asyncio.get_running_loop()
        if happens is None:
            loop.call_soon(self.tell, self._programs.at_once(command))
        else:
            self._task = loop.create_task(self._follow(happens), name=" ".join(command.arguments[:2]))

    async def _follow(self, happens: Awaitable[Ended]) -> None:
        self.tell(await happens)


class _Stays(SubprocessTransport):
    """``git cat-file --batch-command``."""

    def __init__(self, protocol: asyncio.SubprocessProtocol, command: Command) -> None:
        super().__init__(protocol)
        self._pipes[0] = _Input(self._end, self._ask)
        self._process = subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        OPEN.add(self._process)

    def begin(self) -> None:
        self._protocol.connection_made(self)

    def tell(self, ended: Ended) -> None:
        self._end(b"")

    def _ask(self, question: bytes) -> None:
        answer = _exchange(self._process, question)
        asyncio.get_running_loop().call_soon(self._protocol.pipe_data_received, 1, answer)

    def _end(self, _: bytes) -> None:
        if self._process in OPEN:
            end_process(self._process)
            super().tell(Ended(0))


OPEN: set[subprocess.Popen[bytes]] = set()
"""The processes that stay, so that those of a bot that was killed can be ended too."""


def end_process(process: subprocess.Popen[bytes]) -> None:
    OPEN.discard(process)
    process.kill()
    process.communicate()


def end_processes() -> None:
    """End whatever stayed."""
    for process in tuple(OPEN):
        end_process(process)


def run(command: Command) -> Ended:
    """Run it on this machine, to its end."""
    done = subprocess.run(
        command.arguments,
        env=dict(command.environment),
        cwd=command.folder,
        input=command.stdin,
        capture_output=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def start(
    loop: asyncio.AbstractEventLoop,
    programs: Programs,
    protocol: SubprocessProtocol,
    arguments: Iterable[str],
    stdin: int | None,
    environment: Mapping[str, str],
    folder: str | None,
) -> tuple[SubprocessTransport, SubprocessProtocol]:
    """What `loop.subprocess_exec` does. Raises FileNotFoundError as that does."""
    command = Command(tuple(arguments), environment, None if folder is None else str(folder))
    if command.arguments[1:3] == _STAYS:
        stays = _Stays(protocol, command)
        stays.begin()
        return stays, protocol
    once = _Once(protocol, programs, command, stdin == asyncio.subprocess.PIPE)
    once.begin()
    return once, protocol


def _exchange(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    """One question and its whole answer, as gitformat of cat-file has it."""
    stdin, stdout = _pipe(process.stdin), _pipe(process.stdout)
    stdin.write(question)
    stdin.flush()
    header = stdout.readline()
    fields = header.split()
    if question.startswith(b"contents ") and len(fields) == 3 and fields[2].isdigit():
        return header + stdout.read(int(fields[2]) + 1)
    return header


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


class _Output(asyncio.ReadTransport):
    """An end that is read from; it can hold any amount."""

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def close(self) -> None:
        return


class _Input(asyncio.WriteTransport):
    """An end that is written to: `on_end` gets all of it, or `on_write` each part."""

    def __init__(self, on_end: _Take, on_write: _Take | None = None) -> None:
        super().__init__()
        self._parts = bytearray()
        self._on_end = on_end
        self._on_write = on_write
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._on_write is not None:
            self._on_write(bytes(data))
        else:
            self._parts += data

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._on_end(bytes(self._parts))

    def abort(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return False


class _Take(Protocol):
    def __call__(self, data: bytes, /) -> None: ...
