"""The sandbox of one run on this server: what it is started in, what bounds it, and what can be said of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.model.sandbox import Bounds, NetworkMode, SandboxMode, SandboxPolicy
from bot.sandbox.bubblewrap import Host, Limits, Room, confined, limited
from bot.sandbox.census import Census
from bot.sandbox.container import Engine
from bot.sandbox.container_run import ContainerRun
from bot.sandbox.groups import Group, Groups
from bot.sandbox.installed import certificates, needed
from bot.sandbox.proxy import PORT

_PACKAGE = Path(__file__).resolve().parent.parent
_HAND_OVER = _PACKAGE / "sandbox" / "hand_over.py"
NO_SANDBOX = SandboxPolicy(mode=SandboxMode.NONE)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`host` is set where bubblewrap is used, `engine` where containers are; else `problem` says why neither.
    `refusal` says why no session may run. `groups` is set where control groups can be made, else `no_groups` says why
    not; `census` is set where processes can be counted."""

    policy: SandboxPolicy = NO_SANDBOX
    host: Host | None = None
    engine: Engine | None = None
    refusal: str | None = None
    problem: str | None = None
    groups: Groups | None = None
    no_groups: str | None = None
    census: Census | None = None

    @property
    def confines(self) -> bool:
        """Whether there is one at all."""
        return self.host is not None or self.engine is not None

    @property
    def network(self) -> NetworkMode:
        """What is in force."""
        return self.policy.network if self.confines else NetworkMode.OPEN

    @property
    def wraps(self) -> bool:
        """Whether programs of this machine are started through others, which would tell in their own way that there
        is none."""
        return self.engine is None and (self.host is not None or self.policy.bounds != Bounds())

    def confine(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        room: Room,
        group: Group | None,
        door: Path | None = None,
    ) -> Sequence[str]:
        """`argv` in bubblewrap, or as it is where there is no sandbox. With `door`, the unix socket of a proxy, it
        has that way out."""
        limits = self._limits(group)
        if self.host is None:
            return limited(argv, limits)
        ours = (Path(sys.prefix), Path(sys.base_prefix), _PACKAGE)
        forbidden = (Path.home(), *self.policy.hidden, room.folder)
        programs = needed(argv[0], environment, forbidden)
        room = self._masked(replace(room, machine=(*room.machine, *programs, *ours, *self.policy.paths)), door)
        opening = (sys.executable, *_opening(door)) if door else ()
        return confined((*opening, *argv), self.host, room, self.network, limits)

    def contain(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        room: Room,
        run: ContainerRun,
        door: Path | None = None,
    ) -> Sequence[str]:
        """`argv` in a container. Programs are the image's, Python too."""
        ours = (_HAND_OVER,) if door else ()
        room = self._masked(replace(room, machine=(*certificates(environment), *self.policy.paths)), door, ours)
        opening = ("python3", *_opening(door)) if door else ()
        return run.argv((*opening, *argv), room, self.network, self.policy.bounds)

    def _masked(self, room: Room, door: Path | None, ours: tuple[Path, ...] = ()) -> Room:
        return replace(
            room,
            readable=(*room.readable, *ours, *((door,) if door else ())),
            hidden=tuple(path for path in self.policy.hidden if path.is_dir()),
            hidden_files=tuple(path for path in self.policy.hidden if path.is_file()),
        )

    def group(self) -> Group | None:
        """A control group for one run, where we make one. Raises OSError."""
        bounds = self.policy.bounds
        wanted = self.groups is not None and self.engine is None and (bounds.memory_mb or bounds.processes)
        return self.groups.take(bounds) if wanted and self.groups else None

    def give_back(self, group: Group) -> None:
        """Its run is over."""
        if self.groups is not None:
            self.groups.give_back(group, self.policy.bounds)

    def _limits(self, group: Group | None) -> Limits:
        bounds = self.policy.bounds
        return Limits(
            group.doors if group else (), bounds.disk_mb, bounds.processes if group is None and self._by_user else 0
        )

    @property
    def _by_user(self) -> bool:
        """Whether the kernel counts a run's processes by its user: in a user namespace of its own, and never root's."""
        return self.host is not None and os.geteuid() != 0

    @property
    def bounded_by_kernel(self) -> bool:
        """Whether memory and processes are, as far as they are bounded."""
        bounds = self.policy.bounds
        return self._by_kernel or not (bounds.memory_mb or bounds.processes)

    @property
    def _by_kernel(self) -> bool:
        return self.engine.bounded if self.engine is not None else self.groups is not None

    @property
    def watched(self) -> Bounds:
        """What nothing else bounds, so that it is counted."""
        bounds = self.policy.bounds
        counted = self.census is not None and not self._by_kernel and (self.engine is None or self.engine.podman)
        return Bounds(
            memory_mb=bounds.memory_mb * counted, processes=bounds.processes * (counted and not self._by_user)
        )

    def bounded(self) -> str:
        """Which bounds hold for a session, and by what, in one plain sentence."""
        bounds, watched = self.policy.bounds, self.watched
        asked = {"memory": bounds.memory_mb > 0, "processes": bounds.processes > 0}
        counted = {"memory": watched.memory_mb > 0, "processes": watched.processes > 0}
        kernel = {"memory": self._by_kernel, "processes": self._by_kernel or self._by_user}
        held = {name: asked[name] and (kernel[name] or counted[name]) for name in asked}
        words = [f"{bounds.memory_mb} MB of memory"] * held["memory"]
        words += [f"{bounds.processes} processes"] * held["processes"]
        words += [f"{bounds.disk_mb} MB of disk"] * (bounds.disk_mb > 0)
        text = f"a session has at most {', '.join(words)}" if words else "nothing bounds what a session uses"
        why = "the engine bounds neither here" if self.engine is not None else self.no_groups
        if names := [name for name in counted if counted[name]]:
            text += f"; {' and '.join(names)} by counting, since {why}: what takes more is killed within a second"
        lost = [name for name in asked if asked[name] and not held[name]]
        return f"{text}; not bounded: {' and '.join(lost)}, since {why}" if lost else text

    def short(self) -> str:
        """What is in force, in a few words."""
        if self.engine is not None:
            return f"container ({self.engine.name}), network {self.network.value}"
        return "no sandbox" if self.host is None else f"bubblewrap, network {self.network.value}"

    def statement(self) -> str:
        """What is in force, in one plain sentence."""
        if self.refusal is not None:
            return f"no session runs: {self.refusal}"
        network = _NETWORK[self.network]
        if self.engine is not None:
            who = "" if self.engine.apart else ", as the server's user without capabilities"
            of = f"{self.engine.name}, {self.engine.image}"
            return f"container ({of}): agents see the image and their own tree, nothing else{who}; {network}"
        if self.host is None:
            why = f" ({self.problem})" if self.problem else ""
            return (
                f"agents are not sandboxed{why}: they run as the server's user, without its environment, and can read"
                " and write what this user can"
            )
        return f"bubblewrap: agents see the system and their own tree, nothing else; {network}"


UNCONFINED = Sandbox()

_NETWORK = {
    NetworkMode.NONE: "no network",
    NetworkMode.MODEL_ONLY: "of the network their model only",
    NetworkMode.OPEN: "the network is open",
}


def _opening(door: Path) -> tuple[str, ...]:
    return ("-I", "-S", str(_HAND_OVER), str(door), str(PORT))
