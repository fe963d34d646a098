"""Agents that mean harm, in a sandbox and without one: each is ended, named and harmless.

Without a sandbox less is promised: what is not is only asked for inside.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from bot.git.mirror import Mirror, no_token
from bot.model.sandbox import Bounds, NetworkMode, SandboxMode, SandboxPolicy
from bot.model.session import Failed, FailureKind, Published, salvage_of
from bot.sandbox.groups import find_groups
from bot.sessions.archive import read_lines
from bot.sessions.run import SessionRunner, transcript_path
from tests.git.conftest import BOT, Remote
from tests.sandbox.available import bubblewrap
from tests.sessions.conftest import SHOP, World, processes_with
from tests.sessions.test_hostile_agents import WORK

MB = 1_000_000
UNBOUNDED = Bounds()


class Open(Protocol):
    def __call__(
        self,
        mode: SandboxMode = SandboxMode.BUBBLEWRAP,
        network: NetworkMode = NetworkMode.OPEN,
        bounds: Bounds = UNBOUNDED,
    ) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def opened(tmp_path: Path, remote: Remote) -> Open:
    return in_sandboxes(tmp_path, remote)


def in_sandboxes(tmp_path: Path, remote: Remote) -> Open:
    """A world with the sandbox of the mode and the bounds that are given."""

    @asynccontextmanager
    async def open_world(
        mode: SandboxMode = SandboxMode.BUBBLEWRAP, network: NetworkMode = NetworkMode.OPEN, bounds: Bounds = UNBOUNDED
    ) -> AsyncIterator[World]:
        if mode is SandboxMode.BUBBLEWRAP:
            bubblewrap()
        policy = SandboxPolicy(mode=mode, network=network, bounds=bounds, hidden=(tmp_path / "data",))
        async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
            world = World(tmp_path, remote, mirror, policy)
            async with world.runner:
                yield world

    return open_world


def noticed(world: World) -> str:
    """What the transcript says of the sandbox and of the end."""
    events = world.transcript(world.worker())
    return "\n".join(event["text"] for event in events if event["kind"] in ("sandbox", "exit"))


@pytest.fixture(params=["by the kernel", "by counting"])
def bounded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With control groups, and as on a machine where none can be made."""
    if request.param == "by counting":
        monkeypatch.setattr("bot.sandbox.confinement.find_groups", lambda: "there are none")
        monkeypatch.setattr("bot.sandbox.sandbox.Sandbox._by_user", False)  # as for a server that root runs
    elif isinstance(groups := find_groups(), str):
        pytest.skip(f"the kernel bounds nothing for us here, and `crewline doctor` says so: {groups}")


both = pytest.mark.parametrize("mode", [SandboxMode.BUBBLEWRAP, SandboxMode.NONE])


@both
@pytest.mark.usefixtures("bounded")
async def test_a_fork_bomb_stays_within_its_bound_and_ends_with_the_session(opened: Open, mode: SandboxMode) -> None:
    """It stops by itself at some hundreds, for the sake of the machine that tests this."""
    async with opened(mode, bounds=Bounds(processes=60)) as world:
        world.agent(
            "for _ in range(8):\n    try: os.fork()\n    except OSError: time.sleep(0.01)\ntime.sleep(600)\n",
        )
        outcome = await world.run(world.worker(seconds=2))
        assert isinstance(outcome, Failed)
        assert "it reached its bound of 60 processes" in noticed(world)
        assert processes_with(str(world.data)) == []


@both
@pytest.mark.usefixtures("bounded")
async def test_what_takes_too_much_memory_is_ended_and_named(opened: Open, mode: SandboxMode) -> None:
    async with opened(mode, bounds=Bounds(memory_mb=100)) as world:
        world.agent('hoard = []\nfor _ in range(400): hoard.append(b"x" * 1_000_000)\ntime.sleep(600)')
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Failed)
        assert "it was ended at its bound of 100 MB of memory" in outcome.detail
        assert processes_with(str(world.data)) == []


@both
async def test_what_fills_the_disk_is_ended_and_named(opened: Open, mode: SandboxMode) -> None:
    async with opened(mode, bounds=Bounds(disk_mb=20)) as world:
        world.agent(
            'for number in range(30): write(f"src/{number}", "x" * 2_000_000)\nos.sync()\ntime.sleep(600)',
        )
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Failed)
        assert "it was ended at its bound of 20 MB of disk" in outcome.detail


async def test_one_file_cannot_be_larger_than_what_the_session_may_take(opened: Open) -> None:
    async with opened(bounds=Bounds(disk_mb=5)) as world:
        world.agent(
            'file = open(os.environ["TMPDIR"] + "/large", "wb")\ntry:\n'
            '    for _ in range(100): file.write(b"x" * 1_000_000)\n    file.flush()\n'
            'except OSError as error: print("refused:", error)\n'
            + WORK
            + "commit()"
        )  # fmt: skip
        await world.run(world.worker())
        said = [event["text"] for event in world.transcript(world.worker()) if event["kind"] == "message"]
        assert any("refused: [Errno 27] File too large" in text for text in said)


async def test_a_daemon_ends_with_its_sandbox_and_is_named(opened: Open) -> None:
    async with opened() as world:
        world.agent(
            'for _ in range(3): subprocess.Popen(["setsid", "nohup", "env", "-i", "sleep", "98761"],'
            " stdout=subprocess.DEVNULL)\n"
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)\n"
            'while len(list(pathlib.Path("/proc").glob("[0-9]*"))) < 6: time.sleep(0.01)\n' + WORK + "commit()"
        )
        assert isinstance(await world.run(world.worker()), Published)
        assert processes_with("98761") == []
        assert "4 processes that it left were ended" in noticed(world)
        assert "sleep" in noticed(world)


async def test_one_that_ignores_term_is_killed_in_its_sandbox(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sessions.process.run_guarded.__kwdefaults__", GRACE | {"grace": 0.2})
    async with opened() as world:
        world.agent(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.setsid() if os.fork() else None\ntime.sleep(600)"
        )
        outcome = await world.run(world.worker(seconds=1))
        assert isinstance(outcome, Failed)
        assert outcome.reason is FailureKind.TIMEOUT
        assert processes_with(str(world.data)) == []


async def test_one_that_hears_term_has_its_grace_inside_too(opened: Open) -> None:
    async with opened() as world:
        world.agent(
            f"def tidy(*_):\n    {WORK}    commit()\n    sys.exit(3)\nsignal.signal(signal.SIGTERM, tidy)\n"
            'print("ready", flush=True)\ntime.sleep(600)'
        )
        ready, assignment = asyncio.Event(), world.worker()
        policy = SandboxPolicy(mode=SandboxMode.BUBBLEWRAP)
        runner = SessionRunner(
            *(world.data, world._mirror, world.roster), on_progress=lambda progress: ready.set(), sandbox=policy
        )
        async with runner:
            session = asyncio.create_task(runner.run(assignment))
            await ready.wait()
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)
            found = salvage_of((await runner.wind_up(assignment, "it was stopped")).outcome)
        assert found is not None
        assert await world.show(found.head or "", "src/parser.py") == "x = 1\n"


async def test_it_can_neither_see_nor_touch_anything_outside(opened: Open, tmp_path: Path) -> None:
    key = tmp_path / "data" / "key.pem"
    async with opened() as world:
        key.write_text("the App's key")
        before = sorted(tmp_path.joinpath("mirror.git").rglob("*"))
        wrong = [
            str(path) for path in (key, tmp_path / "data" / "runs.json", Path.home() / ".ssh", Path("/etc/shadow"))
        ]
        world.agent(
            "def tried(what):\n"
            "    try: what()\n"
            "    except Exception as error: return type(error).__name__\n"
            '    return "done"\n'
            f"for place in ({str(tmp_path)!r}, '..'): tried(lambda: write(f'{{place}}/planted', ''))\n"
            f"places = ['/', '/usr', '/etc', {str(tmp_path / 'mirror.git/objects')!r}]\n"
            'report = {"wrote": {str(one): tried(lambda: write(pathlib.Path(one) / "x", "x")) for one in places},\n'
            f'  "read": {{name: tried(lambda: os.stat(name)) for name in {wrong!r}}},\n'
            '  "prompt": tried(lambda: write(prompt_file, "x")),\n'
            '  "uid": os.getuid(), "parent": os.getppid(),\n'
            '  "mounts": tried(lambda: subprocess.run(["mount", "-o", "remount,rw", "/usr"], check=True,'
            " capture_output=True))}\n"
            'write("src/report.json", json.dumps(report)); commit()'
        )
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Published), outcome
        report = json.loads(await world.show(outcome.head, "src/report.json") or "")
        assert "done" not in report["wrote"].values()
        assert set(report["read"].values()) == {"FileNotFoundError"}
        assert report["prompt"] != "done"
        assert report["mounts"] != "done"
        assert (report["uid"], report["parent"]) == (1000, 1)
        after = sorted(tmp_path.joinpath("mirror.git").rglob("*"))
        assert set(before) <= set(after)
        planted = tmp_path.rglob("planted")  # noqa: ASYNC240
        assert [path for path in planted if "trash" not in path.parts] == [], "what it writes to /tmp is its own"


async def test_no_environment_but_its_own_is_to_be_read(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREWLINE_WEBHOOK_SECRET", "hush")
    async with opened() as world:
        world.agent(
            'found = {path.parent.name: path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/environ")}\n'
            'write("src/found.json", json.dumps(found)); commit()'
        )
        outcome = await world.run(
            world.worker(verify_command="cat /proc/*/environ | tr '\\0' '\\n' | grep -c hush; true")
        )
        assert isinstance(outcome, Published)
        found = json.loads(await world.show(outcome.head, "src/found.json") or "")
        assert "1" in found
        assert all("CREWLINE_SESSION=12.parser.worker.1" in text for text in found.values())
        assert not any("hush" in text or "sk-ant" in text for text in found.values())
        assert outcome.evidence is not None
        assert outcome.evidence.tail == "0\n"


@pytest.mark.parametrize("network", [NetworkMode.NONE, NetworkMode.MODEL_ONLY])
async def test_a_caller_reaches_nobody(opened: Open, network: NetworkMode) -> None:
    called = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, family=socket.AF_INET)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(network=network) as world:
        world.agent(
            "import socket, urllib.request\n"
            f'for name, call in {{"plain": lambda: socket.create_connection(("127.0.0.1", {port}), 3),\n'
            f'    "far": lambda: socket.create_connection(("192.0.2.1", 80), 3),\n'
            f'    "web": lambda: urllib.request.build_opener(urllib.request.ProxyHandler({{"http":'
            f' os.environ.get("http_proxy", "http://127.0.0.1:1")}})).open("http://evil.example/")}}.items():\n'
            "    try: call(); print(name, 'answered')\n    except OSError as error: print(name, 'failed:', error)\n"
            + WORK
            + "commit()"
        )
        assert isinstance(await world.run(world.worker()), Published)
        assert not called.is_set()
        said = [event["text"] for event in world.transcript(world.worker()) if event["kind"] == "message"]
        assert [text.split(":")[0] for text in said] == ["plain failed", "far failed", "web failed"]
        if network is NetworkMode.MODEL_ONLY:
            assert "403" in said[2]
            assert "it may not reach evil.example:80" in noticed(world)


@both
async def test_a_gigabyte_of_output_is_bounded(opened: Open, mode: SandboxMode) -> None:
    async with opened(mode) as world:
        world.agent(
            'subprocess.run(["head", "-c", "1000000000", "/dev/zero"])\nprint()\n'
            + WORK
            + 'commit()\nsummary(status="completed", summary="Loud.")'
        )
        outcome = await world.run(world.worker(seconds=120))
        assert isinstance(outcome, Published)
        assert outcome.summary is not None
        assert outcome.summary.summary == "Loud."
        sizes = [sum(len(line) for line in read_lines(transcript_path(world.data, SHOP, world.worker().id)))]
        assert 0 < max(sizes) < 50 * MB


@both
async def test_a_liar_is_measured_by_what_it_did(opened: Open, mode: SandboxMode) -> None:
    lie = 'summary(status="completed", summary="All tests pass, everything is committed.")'
    async with opened(mode) as world:
        world.agent(lie)
        nothing = await world.run(world.worker())
        world.agent(WORK + "commit()\n" + lie)
        wrong = await world.run(world.worker(verify_command="test -f src/missing.py"))
    assert isinstance(nothing, Failed)
    assert nothing.reason is FailureKind.NO_COMMITS
    assert isinstance(wrong, Failed)
    assert wrong.reason is FailureKind.VERIFY


@both
@pytest.mark.parametrize("way", ["alternates", "link"])
async def test_objects_of_another_repository_are_not_taken(
    opened: Open, mode: SandboxMode, way: str, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir()
    private = Remote(tmp_path / "private")
    secret = private.commit({"secret.txt": "of somebody else"})
    objects = private.path / "objects"
    plant = {
        "alternates": f'(top / "info" / "alternates").write_text("{objects}\\n")',
        "link": f'top.rename(top.parent / "old"); top.symlink_to("{objects}")',
    }[way]
    async with opened(mode) as world:
        world.agent(
            WORK + 'commit()\ntop = pathlib.Path(git("rev-parse", "--absolute-git-dir")) / "objects"\n'
            f'{plant}\n(top.parent / "HEAD").write_text("{secret}\\n")'
        )
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Failed)
        assert outcome.reason is FailureKind.GATE
        assert "lead to another place" in outcome.detail
        assert await world.mirror.resolve(secret) is None


GRACE = {"on_error_output": None, "enough": None}
