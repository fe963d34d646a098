"""The sandbox that is in force on this server: decided once, at its start, from the settings and the machine.

A setting that names what it wants is kept or sessions are refused; only `auto` takes what there is, and says what.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.model.sandbox import Bounds, NetworkMode, SandboxMode, SandboxPolicy
from bot.sandbox.bubblewrap import Host, Limits, Room, confined, limited
from bot.sandbox.groups import Group, Groups, find_groups, make_group
from bot.sandbox.host import find_host
from bot.sandbox.installed import needed
from bot.sandbox.proxy import PORT

_PACKAGE = Path(__file__).resolve().parent.parent
_HAND_OVER = _PACKAGE / "sandbox" / "hand_over.py"
NO_CONTAINERS = "CREWLINE_SANDBOX=container is not offered: use bubblewrap, also for a server that runs in a container"
NO_SANDBOX = SandboxPolicy(mode=SandboxMode.NONE)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`host` is set where bubblewrap is used; else `problem` says why not. `refusal` says why no session may run.
    `groups` is set where control groups can be made; else `no_groups` says why not."""

    policy: SandboxPolicy = NO_SANDBOX
    host: Host | None = None
    refusal: str | None = None
    problem: str | None = None
    groups: Groups | None = None
    no_groups: str | None = None

    def confine(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        room: Room,
        group: Group | None,
        door: Path | None = None,
    ) -> Sequence[str]:
        """`argv` in the sandbox of this server; as it is where there is none. With `door`, the unix socket of a
        proxy, it has that way out."""
        limits = self._limits(group)
        if self.host is None:
            return limited(argv, limits)
        ours = (Path(sys.prefix), Path(sys.base_prefix), _PACKAGE)
        forbidden = (Path.home(), *self.policy.hidden, room.folder)
        programs = needed(argv[0], environment, forbidden)
        room = replace(
            room,
            readable=(*room.readable, *((door,) if door else ())),
            machine=(*room.machine, *programs, *ours, *self.policy.paths),
            hidden=tuple(path for path in self.policy.hidden if path.is_dir()),
            hidden_files=tuple(path for path in self.policy.hidden if path.is_file()),
        )
        opening = (sys.executable, "-I", "-S", str(_HAND_OVER), str(door), str(PORT)) if door else ()
        return confined((*opening, *argv), self.host, room, self.policy.network, limits)

    @property
    def wraps(self) -> bool:
        """Whether programs are started through others, which would tell in their own way that there is none."""
        return self.host is not None or self.policy.bounds != Bounds()

    def group(self) -> Group | None:
        """A control group for one run, where there can be one. Raises OSError."""
        bounds = self.policy.bounds
        wanted = self.groups is not None and (bounds.memory_mb or bounds.processes)
        return make_group(self.groups, bounds) if wanted and self.groups else None

    def _limits(self, group: Group | None) -> Limits:
        bounds = self.policy.bounds
        counted = self.host is not None and group is None and os.geteuid() != 0  # the kernel never counts root's
        return Limits(group.doors if group else (), bounds.disk_mb, bounds.processes if counted else 0)

    def bounded(self) -> str:
        """Which bounds hold for a session, in one plain sentence."""
        bounds, groups = self.policy.bounds, self.groups is not None
        by_user = self.host is not None and os.geteuid() != 0
        held = [f"{bounds.memory_mb} MB of memory"] * (groups and bounds.memory_mb > 0)
        held += [f"{bounds.processes} processes"] * ((groups or by_user) and bounds.processes > 0)
        held += [f"{bounds.disk_mb} MB of disk"] * (bounds.disk_mb > 0)
        text = f"a session has at most {', '.join(held)}" if held else "nothing bounds what a session uses"
        lost = ["memory"] * (not groups and bounds.memory_mb > 0)
        lost += ["processes"] * (not (groups or by_user) and bounds.processes > 0)
        return f"{text}; not bounded: {' and '.join(lost)}, since {self.no_groups}" if lost else text

    def short(self) -> str:
        """What is in force, in a few words."""
        return "no sandbox" if self.host is None else f"bubblewrap, network {self.policy.network.value}"

    def statement(self) -> str:
        """What is in force, in one plain sentence."""
        if self.refusal is not None:
            return f"no session runs: {self.refusal}"
        if self.host is None:
            why = f" ({self.problem})" if self.problem else ""
            return (
                f"agents are not sandboxed{why}: they run as the server's user, without its environment, and can read"
                " and write what this user can"
            )
        return f"bubblewrap: agents see the system and their own tree, nothing else; {_NETWORK[self.policy.network]}"


UNCONFINED = Sandbox()

_NETWORK = {
    NetworkMode.NONE: "no network",
    NetworkMode.MODEL_ONLY: "of the network their model only",
    NetworkMode.OPEN: "the network is open",
}


def establish(policy: SandboxPolicy, folder: Path) -> Sandbox:
    """The sandbox that `policy` means on this machine. `folder` is for small files of ours. Raises OSError."""
    if policy.mode is SandboxMode.CONTAINER:
        return Sandbox(policy, refusal=NO_CONTAINERS)
    found = "" if policy.mode is SandboxMode.NONE else find_host(folder)
    if isinstance(found, Host):
        return _grouped(Sandbox(policy, found))
    if policy.mode is SandboxMode.BUBBLEWRAP:
        return Sandbox(policy, refusal=f"CREWLINE_SANDBOX=bubblewrap cannot be had: {found}")
    if policy.network is not NetworkMode.OPEN:
        why = found or "CREWLINE_SANDBOX is none"
        return Sandbox(policy, refusal=f"CREWLINE_NETWORK={policy.network.value} needs a sandbox: {why}")
    return _grouped(Sandbox(policy, problem=found or "CREWLINE_SANDBOX is none"))


def _grouped(sandbox: Sandbox) -> Sandbox:
    if not (sandbox.policy.bounds.memory_mb or sandbox.policy.bounds.processes):
        return sandbox
    groups = find_groups()
    return replace(sandbox, groups=groups) if isinstance(groups, Groups) else replace(sandbox, no_groups=groups)
