"""Control groups: how memory and processes of one session are bounded, where the machine lets us.

Two generations exist. In the first each controller has a tree of its own, and a group of ours goes below the one that
the server runs in. In the second a group that has processes may not hand controllers on to groups below it, so the
server first moves into a group of its own beside those of its sessions; that works where its group was delegated to
it (systemd: ``Delegate=yes``). Where any of this is refused there are no groups, and whoever asks is told so.

To make a group takes the kernel some milliseconds, as long as all the rest of a start. So an empty one whose run came
up against nothing is kept for the next run with the same bounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from bot.model.sandbox import Bounds

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_PREFIX = "crewline-"
_SERVER = "server-of-crewline"
_MEGABYTE = 1_000_000
_MOST_SPARE = 16
_LEFT = 60.0
"""Seconds after which an empty group is nobody's."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Where groups can be made: one folder in the second generation; in the first, one for each controller."""

    memory: Path
    processes: Path
    spare: dict[Bounds, list[Group]] = field(default_factory=dict, compare=False, repr=False)
    """Empty ones, by their bounds."""

    def prepare(self, bounds: Bounds, count: int) -> None:
        """Make `count` for runs to come. Raises OSError."""
        self.spare[bounds] = [make_group(self, bounds) for _ in range(count)]

    def take(self, bounds: Bounds) -> Group:
        """One for a run. Raises OSError where none can be made."""
        spare = self.spare.get(bounds, [])
        while spare:
            group = spare.pop()
            with suppress(OSError):  # another server that started took it for one that nobody needs
                os.utime(group.memory)
                os.utime(group.processes)
                return group
        return make_group(self, bounds)

    def give_back(self, group: Group, bounds: Bounds) -> None:
        """The run is over, and nothing of it is left."""
        spare = self.spare.setdefault(bounds, [])
        if len(spare) < _MOST_SPARE and group.empty and not any(group.reached()):
            spare.append(group)
        else:
            group.remove()

    def close(self) -> None:
        """Remove the spare ones."""
        for groups in self.spare.values():
            while groups:
                groups.pop().remove()

    @property
    def second(self) -> bool:
        return self.memory == self.processes


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one run; the run's first process writes itself into `doors`."""

    memory: Path
    processes: Path

    @property
    def doors(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.memory / "cgroup.procs", self.processes / "cgroup.procs")))

    @property
    def empty(self) -> bool:
        """Whether no process is in it."""
        try:
            return not any((folder / "cgroup.procs").read_text() for folder in (self.memory, self.processes))
        except OSError:
            return False

    def reached(self) -> Iterator[str]:
        """Which bounds the run came up against."""
        if _count(self.memory / "memory.events", "oom_kill") or _count(self.memory / "memory.oom_control", "oom_kill"):
            yield "memory"
        if _count(self.processes / "pids.events", "max"):
            yield "processes"

    def remove(self) -> None:
        """Nothing of the run is left in it. The kernel may take a moment to see that."""
        for folder in {self.memory, self.processes}:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    with suppress(OSError):
                        (folder / "cgroup.kill").write_text("1")
                    time.sleep(0.002)


def find_groups(root: Path = ROOT, own: Path = OWN) -> Groups | str:
    """Where groups can be made, tried out; or why none can."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
        first = {name: path for _, names, path in lines for name in names.split(",") if name}
        if "memory" in first and "pids" in first:
            memory, pids = (root / name / first[name].lstrip("/") for name in ("memory", "pids"))
            groups = Groups(memory, pids)
        else:
            groups = _delegated(root / next(path for _, names, path in lines if not names).lstrip("/"))
        _sweep(groups)
        make_group(groups, Bounds(memory_mb=100, processes=10)).remove()
    except (OSError, StopIteration, ValueError) as error:
        return f"the server may not make control groups ({getattr(error, 'strerror', None) or 'there are none'})"
    return groups


def make_group(groups: Groups, bounds: Bounds) -> Group:
    """Raises OSError where that is refused."""
    name = f"{_PREFIX}{token_hex(8)}"
    group = Group(groups.memory / name, groups.processes / name)
    for folder in {group.memory, group.processes}:
        folder.mkdir()
    try:
        if bounds.memory_mb:
            file = "memory.max" if groups.second else "memory.limit_in_bytes"
            (group.memory / file).write_text(str(bounds.memory_mb * _MEGABYTE))
        if bounds.memory_mb and groups.second:
            with suppress(OSError):  # what runs out of memory ends as a whole
                (group.memory / "memory.oom.group").write_text("1")
        if bounds.processes:
            (group.processes / "pids.max").write_text(str(bounds.processes))
    except OSError:
        group.remove()
        raise
    return group


def _delegated(folder: Path) -> Groups:
    """The server's own group of the second generation, made ready for groups below it."""
    if folder.name == _SERVER:  # it moved before
        return Groups(folder.parent, folder.parent)
    handed_on = (folder / "cgroup.subtree_control").read_text().split()
    if not {"memory", "pids"} <= set(handed_on):
        ours = folder / _SERVER
        ours.mkdir(exist_ok=True)
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (ours / "cgroup.procs").write_text(pid)
        (folder / "cgroup.subtree_control").write_text("+memory +pids")
    return Groups(folder, folder)


def _sweep(groups: Groups) -> None:
    """Remove empty groups that a killed server left; those in use refuse that. One that was just made may be another
    server's, whose run is about to join it."""
    for above in {groups.memory, groups.processes}:
        for folder in above.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _LEFT:
                    folder.rmdir()


def _count(file: Path, key: str) -> int:
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    return 0
