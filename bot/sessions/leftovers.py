"""Processes that an earlier run of the bot left behind, found and ended.

An agent does not outlive the bot by itself: its guard sees the bot's end of a pipe close, by kill -9 too, and ends
everything below it. What can be left are agents in their last seconds of grace, what a guard left that was killed
or stopped as well, and daemons of such. Nothing can be followed any more: the pipe that their output went into is
gone. So they are ended.

What must hold: nothing is ever signalled that is not ours. A pid says nothing, it may have been given to another
process since; a command line says nothing, anybody can run the same. A process is ours when all of this is true:

* its environment carries the mark of a run of the bot that was recorded in this data folder: 128 random bits that
  nobody but us and what we started ever had; another bot has another folder and other marks;
* the machine was not started again since: the boot id is the one that was recorded;
* it began after that run of the bot did;

or it was started by such a process and is still below it, with an environment of its own. A process that cleared
its environment *and* lost its parent is beyond this; only a process namespace reaches it.

The signal goes through a pidfd that was opened before the identity was read: where the process ends and its pid is
given away in between, the signal reaches nobody. That the earlier run itself has ended is not asked here: the server
holds a lock on its folder before it comes to this.

Where there is no /proc (macOS) nothing is looked for: there the guard's pipe is all there is, and what survives a
guard that was killed has to be ended by hand.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from bot.journal import RUN_NOT_RECORDED, tell
from bot.model.frozen import Frozen
from bot.sessions.guards import GUARD, MARK
from bot.sessions.process import GRACE

PROC = Path("/proc")
PATIENCE = GRACE + 1.0
"""Seconds that a guard which is still there has to end its agent as it should."""
_KILLING = 20.0


class BotRun(Frozen):
    """A run of the bot in a data folder. `since` is when it began, in clock ticks after the machine's start."""

    mark: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}\.$")]
    """Never less than all of it: the beginning of a mark would be that of others, too."""
    boot: str
    since: int


_RUNS = TypeAdapter(tuple[BotRun, ...])


@dataclass(frozen=True, slots=True)
class Found:
    """A process, by more than its pid. `guard` says that it is one of our guards."""

    pid: int
    started: int
    guard: bool = False


class DataFolder:
    """The data folder of one run of the bot. `mark` names this run.

    Nobody else may work in the folder: whoever makes one has made sure that the earlier runs have ended.
    """

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs.json"
        self.earlier = _read(self._runs)
        run = BotRun(mark=f"{token_hex(16)}.", boot=boot_id(), since=_own_start())
        self.mark = run.mark
        self._current = run
        self._write((*self.earlier, run))

    def cleared(self) -> None:
        """Nothing of the earlier runs is left: they need not be looked for again."""
        self._write((self._current,))

    def _write(self, runs: tuple[BotRun, ...]) -> None:
        half = self._runs.with_suffix(".half")
        try:
            half.parent.mkdir(parents=True, exist_ok=True)
            half.write_bytes(_RUNS.dump_json(runs))
            half.replace(self._runs)
        except OSError as error:
            tell(RUN_NOT_RECORDED, error=str(error))


async def end_leftovers(runs: Sequence[BotRun], patience: float = PATIENCE) -> int:
    """End what is left of `runs`; how many processes there were. Where a guard is still at it, it has `patience`
    seconds; what is left then is stopped and killed."""
    found = await asyncio.to_thread(leftovers, runs)
    count, deadline = len(found), monotonic() + patience
    while any(process.guard for process in found) and monotonic() < deadline:
        await asyncio.sleep(0.05)
        found = await asyncio.to_thread(leftovers, runs)
    deadline = monotonic() + _KILLING
    while found and monotonic() < deadline:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # what multiplies itself loses the race when it is stopped
            for process in found:
                send(process, number)
        await asyncio.sleep(0.01)
        found = await asyncio.to_thread(leftovers, runs)
        if not found:  # one that was just becoming another program shows no environment for a moment
            await asyncio.sleep(0.01)
            found = await asyncio.to_thread(leftovers, runs)
    return count


def leftovers(runs: Sequence[BotRun]) -> list[Found]:
    """Every living process of `runs`."""
    current = [run for run in runs if run.boot and run.boot == boot_id()]
    if not current:
        return []
    started: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    ours: list[int] = []
    for pid in _pids():
        stat = _stat(pid)
        if stat is None or pid == os.getpid():
            continue
        parent, started[pid] = stat
        children.setdefault(parent, []).append(pid)
        if any(run.since <= started[pid] and _carries(pid, run.mark) for run in current):
            ours.append(pid)
    known, left = set(ours), list(ours)
    while left:
        below = [pid for pid in children.get(left.pop(), []) if pid not in known]
        known.update(below)
        left += below
    return [Found(pid, started[pid], guard=_is_guard(pid)) for pid in sorted(known)]


def send(process: Found, number: signal.Signals) -> bool:
    """Signal `process`, if it still is the one that was found."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        stat = _stat(process.pid)
        if stat is None or stat[1] != process.started:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def boot_id() -> str:
    """Names the time since the machine was started; empty where that cannot be known."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _read(path: Path) -> tuple[BotRun, ...]:
    try:
        return _RUNS.validate_json(path.read_bytes())
    except (OSError, ValidationError):  # no earlier run is known, and whom it left cannot be told from strangers
        return ()


def _own_start() -> int:
    stat = _stat(os.getpid())
    return stat[1] if stat else 0


def _pids() -> list[int]:
    with suppress(OSError):  # where there is no /proc
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208 (a Path for each is slow)
    return []


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent and start time of a living process; see proc(5) for the fields."""
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else (int(fields[1]), int(fields[19]))


def _carries(pid: int, mark: str) -> bool:
    wanted = f"{MARK}={mark}".encode()
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # of another user, or gone
        return False
    return any(entry.startswith(wanted) for entry in environment.split(b"\0"))


def _is_guard(pid: int) -> bool:
    try:
        return str(GUARD).encode() in (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
