"""Agents that mean harm, each in bubblewrap and in a container, which promise the same here.

A container costs about a second, so one agent does several things at once. Skipped where there is no such sandbox.
"""

from __future__ import annotations

import asyncio
import json
import socket
from functools import partial
from pathlib import Path

import pytest

from bot.model.sandbox import Bounds, NetworkMode, SandboxMode
from bot.model.session import Failed, FailureKind, Published
from bot.sessions.archive import read_lines
from bot.sessions.run import transcript_path
from tests.git.conftest import Remote
from tests.sessions.conftest import SHOP, processes_with
from tests.sessions.test_gate_history import KEY
from tests.sessions.test_hostile_agents import REFUSED, WORK, edits_git, refused
from tests.sessions.test_hostile_in_container import Open, in_containers
from tests.sessions.test_hostile_in_sandbox import in_sandboxes

LIE = 'summary(status="completed", summary="All tests pass, everything is committed, the key is sk-ant-secret.")\n'


@pytest.fixture(params=["bubblewrap", "podman", "docker"])
def within(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(within: str, tmp_path: Path, remote: Remote) -> Open:
    if within == "bubblewrap":
        return partial(in_sandboxes(tmp_path, remote), SandboxMode.BUBBLEWRAP)
    return in_containers(within, tmp_path, remote)


async def test_its_guard_is_out_of_reach_its_noise_is_cut_and_open_is_no_way_to_our_loopback_from_a_container(
    opened: Open, within: str
) -> None:
    called = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, family=socket.AF_INET)
    address = server.sockets[0].getsockname()
    async with server, opened(network=NetworkMode.OPEN) as world:
        world.agent(
            "import socket\n"
            "def tried(what):\n    try: what()\n    except OSError as error: return type(error).__name__\n"
            '    return "done"\n'
            'seen = sorted(int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*"))\n'
            f'report = {{"seen": seen, "parent": os.getppid(), "own": os.getpid(),\n'
            f'  "called": tried(lambda: socket.create_connection({address!r}, 3))}}\n'
            "for who in (-1, os.getppid()):\n"
            "    for how in (signal.SIGSTOP, signal.SIGKILL): tried(lambda: os.kill(who, how))\n"
            'subprocess.run(["head", "-c", "50000000", "/dev/zero"])\nprint()\n'
            'write("src/report.json", json.dumps(report)); commit("Do it [skip ci]")\n' + LIE
        )
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Published), outcome
        assert "network open" in outcome.made_in
        report = json.loads(await world.show(outcome.head, "src/report.json") or "")
        assert (report["seen"], report["parent"]) == ([1, report["own"]], 1), "it sees no guard, and goes on"
        if within == "bubblewrap":
            assert (report["called"], called.is_set()) == ("done", True), "which the page says of it"
        else:
            assert (report["called"], called.is_set()) == ("ConnectionRefusedError", False)
        assert "skipped" in {event["kind"] for event in world.transcript(world.worker())}
        path = transcript_path(world.data, SHOP, world.worker().id)
        assert 0 < sum(len(line) for line in read_lines(path)) < 25_000_000
        assert outcome.summary is not None, "its last words are read all the same"
        assert outcome.summary.summary.endswith("the key is ***.")
        message = (await world.mirror.git("log", "-1", "--format=%B", outcome.head)).stdout.decode()
        assert message.startswith("Do it")
        assert "[skip ci]" not in message


async def test_what_fills_the_disk_is_ended_and_named(opened: Open) -> None:
    async with opened(bounds=Bounds(disk_mb=20)) as world:
        world.agent('for number in range(15): write(f"src/{number}", "x" * 2_000_000)\nos.sync()\ntime.sleep(600)')
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Failed)
        assert "it was ended at its bound of 20 MB of disk" in outcome.detail
        assert processes_with(str(world.data)) == []


async def test_a_liar_is_measured_by_what_it_did_and_no_edit_of_its_repository_is_run(opened: Open) -> None:
    async with opened() as world:
        world.agent(LIE)
        nothing = await world.run(world.worker())
        assert isinstance(nothing, Failed)
        assert nothing.reason is FailureKind.NO_COMMITS
        bait = world.folder / "owned"
        world.agent(edits_git(bait) + LIE)
        wrong = await world.run(world.worker(verify_command="cat src/parser.py; test -f src/missing.py"))
        assert isinstance(wrong, Failed)
        assert wrong.reason is FailureKind.VERIFY
        assert "x = 1" in wrong.detail, "what it committed came in"
        assert not bait.exists()


async def test_a_link_or_a_pipe_in_place_of_an_answer_is_not_followed_and_nothing_waits(opened: Open) -> None:
    async with opened() as world:
        theirs = world.folder / "answer.json"
        theirs.write_text('{"kind": "answer", "answer": "of somebody else"}')
        world.agent(
            f'if "answer-1" in answer_file: os.mkfifo(answer_file)\nelse: os.symlink({str(theirs)!r}, answer_file)'
        )
        outcome = await world.run(world.planner())
        assert isinstance(outcome, Failed)
        assert outcome.reason is FailureKind.BAD_ANSWER
        assert "is a link" in outcome.detail
        prompts = [event["text"] for event in world.transcript(world.planner()) if event["kind"] == "prompt"]
        assert "not a plain file" in prompts[1]


async def test_the_gate_names_every_path_and_rule(opened: Open, tmp_path: Path) -> None:
    """What the gate is tried with one by one without a sandbox, in one commit; a secret that was taken back; and
    objects of another repository."""
    (tmp_path / "private").mkdir()
    private = Remote(tmp_path / "private")
    secret = private.commit({"secret.txt": "of somebody else"})
    async with opened() as world:
        world.agent(
            "\n".join(program for program, _ in REFUSED)
            + f'\nwrite("src/key.py", "{KEY}"); write("docs/sk-ant-secret.md", "x"); commit()\n'
            + 'write("src/key.py", ""); commit()\n'
            + LIE
        )
        detail = refused(await world.run(world.worker(verify_command="touch /nonexistent/never-reached")))
        for _, said in REFUSED:
            assert said in detail
        assert "`src/key.py`: a commit adds a secret (GitHub Token)" in detail
        assert "`docs/***.md`" in detail
        assert KEY not in detail
        world.agent(
            WORK + 'commit()\ntop = pathlib.Path(git("rev-parse", "--absolute-git-dir"))\n'
            f'write(top / "objects/info/alternates", "{private.path}/objects\\n")\n'
            f'write(top / "HEAD", "{secret}\\n")'
        )
        assert "lead to another place" in refused(await world.run(world.worker()))
        assert await world.mirror.resolve(secret) is None
