"""What is in force on this server, for each part of the work: decided once, at its start, from settings and machine.

A setting that names what it wants is kept or sessions are refused; only `auto` takes what there is, and says what.
Nothing is tried out that no setting may ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bot.model.sandbox import NetworkMode, Part, SandboxMode, SandboxPolicy
from bot.sandbox.bubblewrap import Host
from bot.sandbox.census import Census, can_count
from bot.sandbox.container import Engine
from bot.sandbox.engine import Wanted, end_leftovers, find_engine
from bot.sandbox.groups import Groups, find_groups
from bot.sandbox.host import find_host
from bot.sandbox.sandbox import NO_SANDBOX, Sandbox

_NOT_ASKED = "it was not looked for"
_PREPARED = 6
"""Control groups that are made at the start."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is here, or why it cannot be used."""

    host: Host | str = _NOT_ASKED
    engine: Engine | str = _NOT_ASKED
    groups: Groups | str = _NOT_ASKED
    census: Census | None = None


@dataclass(frozen=True, slots=True)
class Confinement:
    """The sandbox of each run, by who runs and what the repository wishes."""

    policy: SandboxPolicy = NO_SANDBOX
    machine: Machine = Machine()

    def of(self, part: Part, agent: str | None = None, repository: NetworkMode | None = None) -> Sandbox:
        """`repository` is what the repository's settings say of the network."""
        policy = self.policy.of(part, agent, repository)
        if policy.network is not self.policy.of(part, agent).network:
            asked_by = f"`network: {policy.network.value}` of the repository"
        elif policy.network is self.policy.network:
            asked_by = f"CREWLINE_NETWORK={policy.network.value}"
        else:
            asked_by = f"the network {policy.network.value} of {agent or part.value}"
        return _sandbox(policy, self.machine, asked_by)

    def close(self) -> None:
        """Nothing runs any more."""
        if isinstance(self.machine.groups, Groups):
            self.machine.groups.close()

    def statements(self) -> tuple[tuple[str, Sandbox], ...]:
        """What holds for whom; parts of the work that are treated alike are told together."""
        told: dict[str, tuple[list[str], Sandbox]] = {}
        for part in Part:
            sandbox = self.of(part)
            told.setdefault(sandbox.statement(), ([], sandbox))[0].append(part.value)
        for agent in self.policy.agents:
            for part in (Part.PLANNER, Part.WORKER, Part.REVIEWER):
                sandbox = self.of(part, agent)
                if sandbox.statement() != self.of(part).statement():
                    told.setdefault(sandbox.statement(), ([], sandbox))[0].append(f"{agent} as {part.value}")
        return tuple((", ".join(names), sandbox) for names, sandbox in told.values())


def establish(policy: SandboxPolicy, folder: Path) -> Confinement:
    """What `policy` means on this machine. `folder` is for small files of ours; containers that an earlier server with
    the same folder left are ended. Raises OSError."""
    everywhere = [policy, *(policy.of(part, agent) for part in Part for agent in (None, *policy.agents))]
    modes = {one.mode for one in everywhere}
    host: Host | str = _NOT_ASKED
    engine: Engine | str = _NOT_ASKED
    if modes & {SandboxMode.AUTO, SandboxMode.BUBBLEWRAP}:
        host = find_host(folder)
    if SandboxMode.CONTAINER in modes:
        networks = tuple(dict.fromkeys(one.network for one in everywhere if one.mode is SandboxMode.CONTAINER))
        engine = find_engine(Wanted(policy.engine, policy.image, policy.paths, networks), folder)
        if isinstance(engine, Engine):
            end_leftovers(engine)
    bounded = policy.bounds.memory_mb or policy.bounds.processes
    groups = find_groups() if bounded else _NOT_ASKED
    if isinstance(groups, Groups):
        groups.prepare(policy.bounds, _PREPARED)
    return Confinement(policy, Machine(host, engine, groups, Census() if bounded and can_count() else None))


def _sandbox(policy: SandboxPolicy, machine: Machine, asked_by: str) -> Sandbox:
    held = Sandbox(
        policy,
        groups=machine.groups if isinstance(machine.groups, Groups) else None,
        no_groups=machine.groups if isinstance(machine.groups, str) else None,
        census=machine.census,
    )
    match policy.mode:
        case SandboxMode.NONE:
            problem = "CREWLINE_SANDBOX is none"
        case SandboxMode.CONTAINER:
            if isinstance(machine.engine, Engine):
                return replace(held, engine=machine.engine)
            return replace(held, refusal=f"CREWLINE_SANDBOX=container cannot be had: {machine.engine}")
        case _:
            if isinstance(machine.host, Host):
                return replace(held, host=machine.host)
            problem = machine.host
    if policy.mode is SandboxMode.BUBBLEWRAP:
        return replace(held, refusal=f"CREWLINE_SANDBOX=bubblewrap cannot be had: {problem}")
    if policy.network is not NetworkMode.OPEN:
        return replace(held, refusal=f"{asked_by} needs a sandbox: {problem}")
    return replace(held, problem=problem)
