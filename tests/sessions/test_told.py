"""What goes wrong around a session is told, and a session is worth no less for it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bot.engines.local import LocalEngine
from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName
from bot.model.session import Published, SessionReport, Void
from bot.sessions.leftovers import DataFolder
from bot.sessions.live import Progress
from bot.sessions.run import SessionRunner
from tests.sessions.conftest import SHOP, World
from tests.sessions.test_leftovers import sleeper
from tests.sessions.test_runner import Reports
from tests.sessions.test_salvage import HALF, HANGS

WORKS = 'write("src/a.py", "x = 1"); commit(); print("done", flush=True)'


def another(world: World) -> SessionRunner:
    """A runner on a disk of its own."""
    world.data = world.folder / "data-2"
    world.data.mkdir()
    return SessionRunner(world.data, world._mirror, world.roster)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="leftovers are found in /proc")
async def test_processes_that_outlived_a_server_are_ended_and_told(world: World) -> None:
    runner = another(world)
    with sleeper(f"{DataFolder(world.data).mark}1") as left:
        async with runner:
            assert await runner.unreported(SHOP, []) == ()
            assert left.wait(10) < 0


async def test_a_place_that_cannot_be_cleared_is_thrown_away_whole(world: World) -> None:
    runner = another(world)
    tree = world.data / "work/octo/shop/12.parser.worker.1"
    tree.mkdir(parents=True)
    (world.data / "left").write_text("somebody put a file where a folder should be")
    world.agent(WORKS)
    async with runner:
        assert isinstance((await runner.run(world.worker())).outcome, Published)
    assert not tree.exists()


async def test_a_report_that_the_disk_does_not_take_counts_all_the_same(world: World) -> None:
    runner = another(world)
    (world.data / "sessions").write_text("somebody put a file where a folder should be")
    world.agent(WORKS)
    async with runner:
        assert isinstance((await runner.run(world.worker())).outcome, Published)


async def test_who_listens_to_a_session_and_breaks_does_not_break_it(world: World) -> None:
    def breaks(progress: Progress) -> None:
        raise RuntimeError("the listener has a fault")

    world.agent(WORKS)
    world.data = world.folder / "data-2"
    async with SessionRunner(world.data, world._mirror, world.roster, on_progress=breaks) as runner:
        assert isinstance((await runner.run(world.worker())).outcome, Published)


async def test_commits_that_cannot_be_brought_back_are_told_as_lost(world: World) -> None:
    """The mirror that they would be brought to cannot be opened when the session is stopped."""
    world.agent(HALF + HANGS)
    begun, reports = asyncio.Event(), Reports()
    world.data = world.folder / "data-2"

    async def mirrors(repository: RepositoryName) -> Mirror:
        if begun.is_set():
            raise OSError("the disk is gone")
        return world.mirror

    runner = SessionRunner(world.data, mirrors, world.roster, on_progress=lambda progress: begun.set())
    async with runner, LocalEngine(runner, 1, reports, runner.wind_up) as engine:
        engine.start(world.worker())
        await begun.wait()
        engine.stop(SHOP, world.worker().id, "the issue was closed")
        report = await reports.queue.get()
    assert report.outcome == Void(reason="the issue was closed")


async def test_a_desk_that_breaks_over_a_report_stops_no_other(world: World) -> None:
    taken = asyncio.Event()

    def desk(assignment: Assignment, report: SessionReport) -> None:
        taken.set()
        raise RuntimeError("the desk has a fault")

    world.agent(WORKS)
    async with LocalEngine(world.runner, 1, desk) as engine:
        engine.start(world.worker())
        await taken.wait()
        await engine.idle()
        assert engine.running() == frozenset()


def test_a_run_that_cannot_be_recorded_begins_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("somebody put a file where a folder should be")
    folder = DataFolder(tmp_path / "data")
    assert folder.earlier == ()
    assert len(folder.mark) == 33
