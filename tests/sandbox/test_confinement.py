"""What holds for whom: of server, role, agent and repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model.sandbox import Bounds, NetworkMode, Part, SandboxMode, SandboxPolicy, Terms
from bot.sandbox.confinement import Confinement, Machine, establish
from tests.sandbox.test_bubblewrap import HOST
from tests.sandbox.test_container import PODMAN

NONE, MODEL, OPEN = NetworkMode.NONE, NetworkMode.MODEL_ONLY, NetworkMode.OPEN
MACHINE = Machine(HOST, PODMAN, "there are none")


def confinement(policy: SandboxPolicy, machine: Machine = MACHINE) -> Confinement:
    return Confinement(policy, machine)


@pytest.mark.parametrize(
    ("server", "role", "agent", "repository", "holds"),
    [
        (OPEN, None, None, None, OPEN),
        (OPEN, MODEL, None, None, MODEL),
        (NONE, OPEN, None, None, OPEN),
        (OPEN, MODEL, NONE, None, NONE),
        (MODEL, OPEN, MODEL, None, MODEL),
        (OPEN, None, None, NONE, NONE),
        (MODEL, None, None, OPEN, MODEL),
        (OPEN, None, NONE, MODEL, NONE),
    ],
)
def test_the_narrower_of_role_and_agent_holds_and_a_repository_only_narrows(
    server: NetworkMode,
    role: NetworkMode | None,
    agent: NetworkMode | None,
    repository: NetworkMode | None,
    holds: NetworkMode,
) -> None:
    policy = SandboxPolicy(
        network=server, parts={Part.REVIEWER: Terms(network=role)}, agents={"codex": Terms(network=agent)}
    )
    assert confinement(policy).of(Part.REVIEWER, "codex", repository).network is holds


def test_the_stricter_sandbox_holds_and_of_two_that_are_as_strict_the_agents() -> None:
    policy = SandboxPolicy(
        mode=SandboxMode.NONE,
        parts={Part.WORKER: Terms(sandbox=SandboxMode.BUBBLEWRAP), Part.VERIFY: Terms(sandbox=SandboxMode.CONTAINER)},
        agents={"boxed": Terms(sandbox=SandboxMode.CONTAINER), "free": Terms(sandbox=SandboxMode.NONE)},
    )
    found = {
        (part.value, agent): confinement(policy).of(part, agent).short().split(",")[0]
        for part in (Part.PLANNER, Part.WORKER, Part.VERIFY)
        for agent in (None, "boxed", "free")
    }
    assert found == {
        ("planner", None): "no sandbox",
        ("planner", "boxed"): "container (podman)",
        ("planner", "free"): "no sandbox",
        ("worker", None): "bubblewrap",
        ("worker", "boxed"): "container (podman)",
        ("worker", "free"): "bubblewrap",
        ("verify", None): "container (podman)",
        ("verify", "boxed"): "container (podman)",
        ("verify", "free"): "container (podman)",
    }


def test_hosts_of_a_role_are_reached_besides() -> None:
    policy = SandboxPolicy(network=MODEL, hosts=("pypi.org",), parts={Part.VERIFY: Terms(hosts=("npmjs.org",))})
    assert confinement(policy).of(Part.VERIFY).policy.hosts == ("pypi.org", "npmjs.org")
    assert confinement(policy).of(Part.WORKER).policy.hosts == ("pypi.org",)


def test_what_is_treated_alike_is_told_together() -> None:
    policy = SandboxPolicy(parts={Part.VERIFY: Terms(network=NONE)}, agents={"codex": Terms(network=MODEL)})
    assert [(names, sandbox.short()) for names, sandbox in confinement(policy).statements()] == [
        ("planner, worker, reviewer", "bubblewrap, network open"),
        ("verify", "bubblewrap, network none"),
        ("codex as planner, codex as worker, codex as reviewer", "bubblewrap, network model-only"),
    ]


def test_a_narrower_network_without_a_sandbox_is_refused_in_the_words_of_who_asks() -> None:
    bare = SandboxPolicy(mode=SandboxMode.NONE, parts={Part.REVIEWER: Terms(network=MODEL)})
    found = confinement(bare)
    assert found.of(Part.WORKER).refusal is None
    assert found.of(Part.WORKER, None, NONE).refusal == (
        "`network: none` of the repository needs a sandbox: CREWLINE_SANDBOX is none"
    )
    assert str(found.of(Part.REVIEWER).refusal).startswith("the network model-only of reviewer needs a sandbox")


@pytest.mark.parametrize(
    ("mode", "machine", "held", "how"),
    [
        (SandboxMode.BUBBLEWRAP, MACHINE, "100 MB of memory, 7 processes", "by counting, since there are none"),
        (SandboxMode.CONTAINER, MACHINE, "100 MB of memory, 7 processes", ""),
        (SandboxMode.BUBBLEWRAP, Machine(HOST, groups="there are none"), "", "not bounded: memory"),
    ],
)
def test_bounds_are_told_with_what_keeps_them(
    mode: SandboxMode, machine: Machine, held: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.sandbox.sandbox.Sandbox._by_user", False)
    policy = SandboxPolicy(mode=mode, bounds=Bounds(memory_mb=100, processes=7))
    if machine is MACHINE:
        machine = Machine(HOST, PODMAN, "there are none", establish(policy, tmp_path).machine.census)
    text = confinement(policy, machine).of(Part.WORKER).bounded()
    assert held in text
    assert how in text


def test_nothing_is_tried_that_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> str:
        raise AssertionError("it was tried")

    monkeypatch.setattr("bot.sandbox.confinement.find_engine", never)
    monkeypatch.setattr("bot.sandbox.confinement.find_host", never)
    assert establish(SandboxPolicy(mode=SandboxMode.NONE), tmp_path).of(Part.WORKER).refusal is None
