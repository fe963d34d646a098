"""Sessions side by side, stopped, and after a bot that was killed."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio import timeout

import pytest

from bot.engines.local import LocalEngine
from bot.model.assignment import Assignment
from bot.model.events import Batch, RunState
from bot.model.identity import SessionId
from bot.model.session import Failed, Published, SessionReport, Void
from bot.sessions.run import SessionRunner
from tests.sessions.conftest import SHOP, World, processes_with


class Reports:
    """Waits for reports by the number of the session."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[SessionReport] = asyncio.Queue()

    def __call__(self, assignment: Assignment, report: SessionReport) -> None:
        self.queue.put_nowait(report)


def numbered(assignment: Assignment, number: int) -> Assignment:
    return assignment.model_copy(update={"id": SessionId(f"12.parser.worker.{number}")})


async def test_sessions_side_by_side_do_not_meet(world: World) -> None:
    world.agent('write("src/" + session + ".py", "x = 1"); commit()')
    reports = await asyncio.gather(*(world.runner.run(numbered(world.worker(), number)) for number in range(1, 9)))
    for report in reports:
        assert isinstance(report.outcome, Published)
        names = await world.mirror.git("diff-tree", "-r", "--name-only", report.outcome.base, report.outcome.head)
        assert names.stdout.decode().split() == [f"src/{report.id}.py"]
    assert len(await world.mirror.refs("refs")) == 1, "no session leaves a ref in the mirror"


async def test_a_stopped_session_leaves_nothing_behind(world: World) -> None:
    world.agent('subprocess.Popen(["setsid", "sleep", "98770"])\nprint("started", flush=True)\ntime.sleep(600)')
    begun = asyncio.Event()
    reports = Reports()
    world.data = world.folder / "data-2"
    runner = SessionRunner(world.data, world._mirror, world.roster, on_progress=lambda progress: begun.set())
    async with runner, LocalEngine(runner, 2, reports, runner.wind_up) as engine:
        engine.start(world.worker())
        await begun.wait()
        assert processes_with(str(world.data)) != []
        engine.stop(SHOP, world.worker().id, "the issue was closed")
        report = await reports.queue.get()
        assert report.outcome == Void(reason="the issue was closed")
    assert processes_with(str(world.data)) == []
    assert not any((world.data / "work" / "octo" / "shop").iterdir())
    assert world.transcript(world.worker())[-1]["text"] == "the session was stopped"


async def test_a_session_is_followed_while_it_runs_and_to_its_end(world: World) -> None:
    go = world.folder / "go"
    os.mkfifo(go)
    world.agent(f'print("begun", flush=True)\nopen({str(go)!r}).read()\nwrite("src/a.py", "x = 1"); commit()')
    session = world.worker().id
    lines: list[str] = []
    batch = Batch((), 0, RunState.RUNNING)
    async with LocalEngine(world.runner, 1, Reports(), transcripts=world.runner.transcripts) as engine, timeout(60):
        engine.start(world.worker())
        while batch.lines or batch.state is RunState.RUNNING:
            batch = await engine.events(SHOP, session, batch.next, 3600)
            lines += batch.lines
            if any("begun" in line for line in batch.lines):
                await asyncio.to_thread(go.write_text, "")
    assert batch.state is RunState.ENDED
    assert [json.loads(line) for line in lines] == world.transcript(world.worker())


async def test_what_a_killed_bot_left_is_cleared(world: World) -> None:
    world.data = world.folder / "data-2"
    left = world.data / "work" / "octo" / "shop" / "12.parser.worker.1" / "tree"
    left.mkdir(parents=True)
    (left / "file").write_text("old")
    async with SessionRunner(world.data, world._mirror, world.roster) as runner:
        world.agent('write("src/a.py", "x = 1"); commit()')
        assert isinstance((await runner.run(world.worker())).outcome, Published)
    assert not left.exists()


async def test_a_broken_mirror_is_nobodys_failure(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.mirror.url = str(world.folder / "gone.git")
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Void)
    assert "does not appear to be a git repository" in outcome.reason
    escape = world.worker().model_copy(update={"id": SessionId("../../x")})
    outcome = await world.run(escape)
    assert isinstance(outcome, Void)
    assert "cannot name a folder" in outcome.reason


async def test_time_and_cost_are_reported(world: World) -> None:
    world.agent("time.sleep(0.2); sys.exit(3)")
    report = await world.runner.run(world.worker())
    assert isinstance(report.outcome, Failed)
    assert 0.2 <= report.spend.seconds < 20
    assert report.spend.usd is None
