"""Counting what a run uses where the kernel bounds neither memory nor processes for us.

All that a run starts is below its guard, daemons too (`sessions/guard`), so memory and number are summed over what is
below. One pass over ``/proc`` serves every run that is counted at that moment. The memory of a process holds pages that
it shares with others; only where the sum is above the bound these are divided among those that share them, which takes
longer to ask.

How soon must be looked again? Memory: at a tenth of a second where it is near its bound, at a second where it is far
from it. A run that has just begun has taken nothing yet, and many end before they could: the first count comes a tenth
of a second after its start. Processes: a fork bomb multiplies within milliseconds, so the number of all tasks of the
machine, one short line, is read every `TICK`, and where it has grown by half of a bound everything is counted.

What is above its bound is killed as a whole, at once: who takes all memory would take more in its grace. Everything is
stopped first, groups of processes by one signal, so that what multiplies itself loses the race. A process id is only
signalled while the process has the start time that it was counted with; between that look and the signal a number
could be given away only if all numbers of the machine were used in between.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.model.sandbox import Bounds

PROC = Path("/proc")
TICK = 0.05
_NEAR, _FAR = 0.1, 1.0
"""Seconds between two counts."""
_KILLING = 20.0
_MEGABYTE = 1_000_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


def can_count() -> bool:
    """Whether this machine tells of its processes."""
    return _stat(os.getpid()) is not None


@dataclass(frozen=True, slots=True)
class Process:
    """What ``/proc`` says of one; `memory` is in bytes, `group` its process group."""

    pid: int
    parent: int
    group: int
    started: int
    memory: int


@dataclass(slots=True)
class Table:
    """Every process of the machine at one moment."""

    at: float = float("-inf")
    children: dict[int, list[Process]] = field(default_factory=dict)

    def below(self, top: int) -> list[Process]:
        """Every process that `top` started, directly or not."""
        found, left = [], [top]
        while left:
            children = self.children.get(left.pop(), [])
            found += children
            left += [child.pid for child in children]
        return found


class Census:
    """Shared by all runs of a server."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._table = Table()
        self._counting = asyncio.Lock()

    async def until_over(self, top: int, bounds: Bounds) -> str:
        """Returns the name of the bound of `bounds` that what is below `top` came above."""
        tasks, pause = _tasks(), _NEAR
        while True:
            until = self._now() + pause
            while (left := until - self._now()) > 0:
                await asyncio.sleep(min(left, TICK) if bounds.processes else left)
                if bounds.processes and _tasks() - tasks > bounds.processes // 2:
                    break
            tasks = _tasks()
            processes = (await self._fresh(TICK)).below(top)
            memory = sum(process.memory for process in processes)
            if bounds.processes and len(processes) > bounds.processes:
                return "processes"
            most = bounds.memory_mb * _MEGABYTE
            if most and memory > most:
                memory = await asyncio.to_thread(shared_fairly, processes)
                if memory > most:
                    return "memory"
            pause = _FAR if memory < most / 4 or not most else _NEAR

    async def _fresh(self, age: float) -> Table:
        """The processes of the machine, seen no longer ago than `age` seconds."""
        async with self._counting:
            if self._now() - self._table.at > age:
                self._table = await asyncio.to_thread(table, self._now())
            return self._table


def table(at: float = 0.0) -> Table:
    """Every process, now."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir(PROC):  # noqa: PTH208 (a Path for each is slow)
        if name.isdigit() and (process := _stat(int(name))) is not None:
            children.setdefault(process.parent, []).append(process)
    return Table(at, children)


def shared_fairly(processes: Iterable[Process]) -> int:
    """Bytes that `processes` take, where what several share counts once among them."""
    return sum(_share(process) for process in processes)


def kill_below(top: int) -> None:
    """Stop and kill everything below `top`, until nothing is left."""
    deadline = time.monotonic() + _KILLING
    while (found := table().below(top)) and time.monotonic() < deadline:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for group in {process.group for process in found} & {process.pid for process in found}:
                with suppress(OSError):
                    os.killpg(group, number)
            for process in found:
                now = _stat(process.pid)
                if now is not None and now.started == process.started:
                    with suppress(OSError):
                        os.kill(process.pid, number)
        time.sleep(0.005)


def _tasks() -> int:
    """How many tasks the machine has, threads included; 0 where it does not say."""
    with suppress(OSError, ValueError, IndexError):
        return int((PROC / "loadavg").read_bytes().split()[3].partition(b"/")[2])
    return 0


def _stat(pid: int) -> Process | None:
    """See proc(5) for the fields."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (a Path for each is slow)
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if fields[0] == b"Z":
        return None
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[19]), int(fields[21]) * _PAGE)


def _share(process: Process) -> int:
    try:
        for line in (PROC / str(process.pid) / "smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # of another user, or gone
        return process.memory
    return process.memory
