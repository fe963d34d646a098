"""The server stops in order, and in time, whatever does not answer."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.control import drain as module
from bot.control.drain import HANDED_OVER, drain
from bot.control.predecessors import DataInUse, predecessors
from bot.disk.inventory import LOCKED
from bot.disk.use import is_used, unused
from bot.engines.local import LocalEngine
from bot.model.assignment import Assignment
from bot.model.identity import InstanceId
from bot.model.session import Planned, SessionReport, Void
from tests.engines.test_local import Desk, Runner, assignment


class Looks:
    """What looks come to after the last session: `recorded`, where GitHub takes it."""

    def __init__(self, desk: Desk, *, github_is_up: bool = True) -> None:
        self.begun = asyncio.Event()
        self.recorded: set[str] = set()
        self._desk = desk
        self._up = asyncio.Event()
        if github_is_up:
            self._up.set()

    def drain(self) -> None:
        self.begun.set()

    async def settled(self) -> None:
        await self._up.wait()
        self.recorded |= self._desk.reports.keys()


async def test_what_ends_in_time_ends_as_ever_and_is_recorded() -> None:
    runner, desk = Runner(), Desk()
    desk.engine = LocalEngine(runner, 2, desk)
    looks = Looks(desk)
    async with desk.engine as engine:
        engine.start(assignment(1))
        await runner.begun.wait()
        draining = asyncio.create_task(drain(looks, engine, 600))
        await looks.begun.wait()
        engine.start(assignment(2))
        assert engine.occupancy().free == 0
        runner.go.set()
        await draining
    assert isinstance(desk.reports["1.planner.1"].outcome, Planned)
    assert desk.reports["2.planner.1"].outcome == Void(reason=HANDED_OVER)
    assert looks.recorded == desk.reports.keys()


async def test_what_does_not_is_handed_over_and_recorded() -> None:
    runner, desk = Runner(), Desk()
    desk.engine = LocalEngine(runner, 2, desk)
    looks = Looks(desk)
    async with desk.engine as engine:
        engine.start(assignment(1))
        await runner.begun.wait()
        await drain(looks, engine, 0.01)
        assert engine.running() == frozenset()
    assert desk.reports["1.planner.1"].outcome == Void(reason=HANDED_OVER)
    assert looks.recorded == {"1.planner.1"}


async def test_without_github_it_ends_all_the_same() -> None:
    runner, desk = Runner(), Desk()
    desk.engine = LocalEngine(runner, 2, desk)
    looks = Looks(desk, github_is_up=False)
    async with desk.engine as engine:
        engine.start(assignment(1))
        await runner.begun.wait()
        async with asyncio.timeout(20):
            await drain(looks, engine, 0.01, last_looks=0.01)
    assert desk.reports["1.planner.1"].outcome == Void(reason=HANDED_OVER)
    assert looks.recorded == set()


class Stubborn(Runner):
    """Takes its time after it was told to end."""

    async def run(self, assignment: Assignment) -> SessionReport:
        try:
            return await super().run(assignment)
        except asyncio.CancelledError:
            await self.go.wait()
            raise


async def test_a_session_that_does_not_let_go_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_END", 0.01)
    runner, desk = Stubborn(), Desk()
    desk.engine = LocalEngine(runner, 2, desk)
    async with desk.engine as engine:
        engine.start(assignment(1))
        await runner.begun.wait()
        async with asyncio.timeout(20):
            await drain(Looks(desk), engine, 0.01)
        assert engine.running()
        runner.go.set()


def test_where_earlier_runs_are_not_known_none_is_taken_for_gone(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("somebody put a file where a folder should be")
    with predecessors(tmp_path / "data", InstanceId("me")) as gone:
        assert gone == frozenset()


def test_who_only_looks_whether_a_server_runs_keeps_none_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as looking:
        (tmp_path / LOCKED).touch()
        looking.enter_context(unused(tmp_path / LOCKED))
        monkeypatch.setattr(time, "sleep", lambda seconds: looking.close())
        with predecessors(tmp_path, InstanceId("me")):
            assert is_used(tmp_path / LOCKED)
            monkeypatch.setattr(time, "sleep", lambda seconds: None)
            with pytest.raises(DataInUse), predecessors(tmp_path, InstanceId("another")):
                pass
