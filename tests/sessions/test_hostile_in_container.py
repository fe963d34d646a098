"""Agents that mean harm, in a container: each is ended, named and harmless. Skipped where no engine works."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from bot.git.mirror import Mirror, no_token
from bot.model.sandbox import Bounds, NetworkMode, SandboxMode, SandboxPolicy
from bot.model.session import Failed, FailureKind, Published
from tests.git.conftest import BOT, Remote
from tests.sandbox.engines import container
from tests.sandbox.test_container import listed
from tests.sessions.conftest import World, processes_with
from tests.sessions.test_hostile_agents import WORK
from tests.sessions.test_hostile_in_sandbox import noticed

UNBOUNDED = Bounds()


class Open(Protocol):
    def __call__(
        self, network: NetworkMode = NetworkMode.NONE, bounds: Bounds = UNBOUNDED
    ) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture(params=["podman", "docker"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, remote: Remote) -> Open:
    return in_containers(str(request.param), tmp_path, remote)


def in_containers(engine: str, tmp_path: Path, remote: Remote) -> Open:
    """A world whose sessions run in containers."""
    offered = container(engine)

    @asynccontextmanager
    async def open_world(network: NetworkMode = NetworkMode.NONE, bounds: Bounds = UNBOUNDED) -> AsyncIterator[World]:
        policy = SandboxPolicy(
            mode=SandboxMode.CONTAINER,
            network=network,
            bounds=bounds,
            engine=offered.words,
            image=offered.image,
            paths=(*offered.paths, tmp_path / "agent.py"),
            hidden=(tmp_path / "data",),
        )
        (tmp_path / "agent.py").touch()
        async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
            world = World(tmp_path, remote, mirror, policy)
            async with world.runner:
                yield world

    return open_world


async def test_it_sees_its_tree_and_nobody_else(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the server's files, environment or processes; it has no rights, and what it leaves running ends with it."""
    monkeypatch.setenv("CREWLINE_WEBHOOK_SECRET", "hush")
    async with opened() as world:
        (tmp_path / "data" / "key.pem").write_text("the App's key")
        names = [str(tmp_path / name) for name in ("data/key.pem", "data/runs.json", "mirror.git/HEAD")]
        assert [(tmp_path / name).exists() for name in ("data/runs.json", "mirror.git/HEAD")] == [True, True]
        world.agent(
            "import socket\n"
            "def tried(what):\n    try: what()\n    except Exception as error: return type(error).__name__\n"
            '    return "done"\n'
            f"places = ['/', '/usr', '/etc', '/run', {str(tmp_path / 'mirror.git/objects')!r}]\n"
            'status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())\n'
            'found = {path.parent.name: path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/environ")}\n'
            'subprocess.Popen(["setsid", "nohup", "env", "-i", "sleep", "98771"], stdout=subprocess.DEVNULL)\n'
            'report = {"wrote": {one: tried(lambda: write(pathlib.Path(one) / "x", "x")) for one in places},\n'
            f'  "read": {{name: tried(lambda: open(name).read()) for name in {names!r}}},\n'
            '  "rights": status["CapEff"] + status["CapBnd"] + status["NoNewPrivs"], "processes": len(found),\n'
            '  "networks": [name for _, name in socket.if_nameindex()],\n'
            '  "leaks": [text for text in found.values() if "hush" in text or "sk-ant" in text]}\n'
            'write("src/report.json", json.dumps(report)); commit()'
        )
        outcome = await world.run(
            world.worker(verify_command="cat /proc/*/environ | tr '\\0' '\\n' | grep -c hush; true")
        )
        assert isinstance(outcome, Published), outcome
        report = json.loads(await world.show(outcome.head, "src/report.json") or "")
        assert "done" not in report["wrote"].values(), report
        assert set(report["read"].values()) == {"FileNotFoundError"}
        assert (set(report["rights"][:-1]), report["rights"][-1]) == ({"0"}, "1")
        assert (report["processes"], report["leaks"]) == (2, [])
        assert report["networks"] == ["lo"], "it can call nobody"
        assert "1 processes that it left were ended: sleep" in noticed(world)
        assert processes_with("98771") == []
        assert outcome.evidence is not None
        assert outcome.evidence.tail == "0\n"
        assert "container (" in outcome.made_in
        assert "network none" in outcome.made_in


async def test_a_caller_reaches_our_proxy_alone(opened: Open) -> None:
    async with opened(NetworkMode.MODEL_ONLY) as world:
        world.agent(
            "import socket, urllib.request\n"
            'for name, call in {"far": lambda: socket.create_connection(("192.0.2.1", 80), 3),\n'
            '    "web": lambda: urllib.request.urlopen("http://evil.example/")}.items():\n'
            "    try: call(); print(name, 'answered')\n    except OSError as error: print(name, 'failed:', error)\n"
            + WORK
            + "commit()"
        )
        assert isinstance(await world.run(world.worker()), Published)
        said = [event["text"] for event in world.transcript(world.worker()) if event["kind"] == "message"]
        assert [text.split(":")[0] for text in said] == ["far failed", "web failed"]
        assert "403" in said[1]
        assert "it may not reach evil.example:80" in noticed(world)


@pytest.mark.parametrize("counted", [False, True])
async def test_a_bomb_and_a_glutton_are_ended_and_named(
    opened: Open, counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the engine; and, of podman, by counting where the engine bounds nothing."""
    async with opened(bounds=Bounds(memory_mb=100, processes=40)) as world:
        engine = world.runner._confinement.machine.engine
        assert not isinstance(engine, str)
        if counted:
            if not engine.podman:
                pytest.skip("docker's containers are not below the server, so they are not counted")
            monkeypatch.setattr("bot.sandbox.sandbox.Sandbox._by_kernel", False)
        world.agent('hoard = []\nfor _ in range(400): hoard.append(b"x" * 1_000_000)\ntime.sleep(600)')
        glutton = await world.run(world.worker())
        assert isinstance(glutton, Failed)
        assert "it was ended at its bound of 100 MB of memory" in glutton.detail
        assert listed(engine) == []
        world.agent(
            "parent = os.getpid()\nfor _ in range(7):\n    try: os.fork()\n    except OSError: pass\n"
            "if os.getpid() != parent: time.sleep(600)\ntime.sleep(2)"
        )
        assert isinstance(await world.run(world.worker()), Failed)
        assert "it reached its bound of 40 processes" in noticed(world)
        assert listed(engine) == []
        assert processes_with(str(world.data)) == []


async def test_one_that_ignores_term_is_killed_in_its_container(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = {"on_error_output": None, "enough": None, "on_guard": lambda pid: None}
    monkeypatch.setattr("bot.sessions.process.run_guarded.__kwdefaults__", keep | {"grace": 0.2})
    async with opened() as world:
        world.agent(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.setsid() if os.fork() else None\ntime.sleep(600)"
        )
        outcome = await world.run(world.worker(seconds=2))
        assert isinstance(outcome, Failed)
        assert outcome.reason is FailureKind.TIMEOUT
        assert processes_with(str(world.data)) == []
