"""The local engine: slots, stopping, one report for each session, nothing left behind."""

from __future__ import annotations

import asyncio

from bot.engines.engine import RunKey
from bot.engines.local import LocalEngine
from bot.model.assignment import Assignment, PlannerBriefing
from bot.model.identity import RepositoryName, SessionId
from bot.model.plan import PlainAnswer
from bot.model.session import Planned, Role, SessionReport, Spend, Void

SHOP = RepositoryName("octo", "shop")


def assignment(number: int) -> Assignment:
    return Assignment(
        id=SessionId(f"{number}.planner.1"),
        repository="octo/shop",
        objective=number,
        role=Role.PLANNER,
        task=None,
        agent="scripted",
        model=None,
        seconds=60,
        base_branch="main",
        briefing=PlannerBriefing(title="T", body="B", most_tasks=3, verify_command=None),
    )


class Runner:
    """Runs until it is told to go on; objective 13 breaks."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.ended: list[int] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def run(self, assignment: Assignment) -> SessionReport:
        self.started.append(assignment.objective)
        self.begun.set()
        try:
            await self.go.wait()
            if assignment.objective == 13:
                raise RuntimeError("no luck")
            return SessionReport(id=assignment.id, outcome=Planned(answer=PlainAnswer(answer="x")), spend=Spend())
        finally:
            self.ended.append(assignment.objective)


class Desk:
    """Collects reports; checks that a session is still running while it is reported."""

    def __init__(self) -> None:
        self.reports: dict[str, SessionReport] = {}
        self.engine: LocalEngine | None = None
        self.changed = asyncio.Event()

    def __call__(self, assignment: Assignment, report: SessionReport) -> None:
        assert self.engine is not None
        assert RunKey(SHOP, assignment.id) in self.engine.running()
        assert assignment.id not in self.reports
        self.reports[assignment.id] = report
        self.changed.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.reports) < count:
                self.changed.clear()
                await self.changed.wait()


def engine_with(runner: Runner, slots: int = 2) -> tuple[LocalEngine, Desk]:
    desk = Desk()
    desk.engine = LocalEngine(runner, slots, desk)
    return desk.engine, desk


async def test_sessions_share_the_slots_and_are_reported_once() -> None:
    runner = Runner()
    engine, desk = engine_with(runner)
    async with engine:
        for number in (1, 2, 3, 2):
            engine.start(assignment(number))
        assert (engine.free_slots(), len(engine.running())) == (0, 3)
        await runner.begun.wait()
        assert runner.started == [1, 2]
        runner.go.set()
        await desk.wait_for(3)
        assert (engine.free_slots(), engine.running()) == (2, frozenset())
        engine.start(assignment(2))
        assert engine.running() == frozenset(), "a session that has run is not started again"
    assert sorted(runner.started) == [1, 2, 3]


async def test_a_stopped_session_is_void_with_the_reason() -> None:
    runner = Runner()
    engine, desk = engine_with(runner, slots=1)
    async with engine:
        engine.start(assignment(1))
        engine.start(assignment(2))
        await runner.begun.wait()
        engine.stop(SHOP, SessionId("1.planner.1"), "the label was removed")
        engine.stop(SHOP, SessionId("2.planner.1"), "never began")
        engine.stop(SHOP, SessionId("9.planner.1"), "unknown")
        await desk.wait_for(2)
    assert desk.reports["1.planner.1"].outcome == Void(reason="the label was removed")
    assert desk.reports["2.planner.1"].outcome == Void(reason="never began")
    assert runner.ended == [1]


async def test_a_runner_that_breaks_is_void_and_harms_nobody_else() -> None:
    runner = Runner()
    runner.go.set()
    engine, desk = engine_with(runner)
    async with engine:
        engine.start(assignment(13))
        engine.start(assignment(2))
        await desk.wait_for(2)
    outcome = desk.reports["13.planner.1"].outcome
    assert isinstance(outcome, Void)
    assert "no luck" in outcome.reason
    assert isinstance(desk.reports["2.planner.1"].outcome, Planned)


async def test_leaving_ends_every_session() -> None:
    runner = Runner()
    engine, desk = engine_with(runner)
    async with engine:
        engine.start(assignment(1))
        await runner.begun.wait()
    assert runner.ended == [1]
    assert desk.reports["1.planner.1"].outcome == Void(reason="the server was stopped")
    assert engine.running() == frozenset()


async def test_closed_it_begins_nothing_more_and_lets_the_rest_come_to_its_end() -> None:
    runner = Runner()
    engine, desk = engine_with(runner, slots=1)
    async with engine:
        engine.start(assignment(1))
        engine.start(assignment(2))
        await runner.begun.wait()
        engine.close("handed over")
        engine.start(assignment(3))
        await desk.wait_for(2)
        assert (engine.free_slots(), engine.running()) == (0, frozenset({RunKey(SHOP, SessionId("1.planner.1"))}))
        runner.go.set()
        async with asyncio.timeout(10):
            await engine.idle()
    assert runner.started == [1]
    assert isinstance(desk.reports["1.planner.1"].outcome, Planned)
    assert desk.reports["2.planner.1"].outcome == Void(reason="handed over")
    assert desk.reports["3.planner.1"].outcome == Void(reason="handed over")


async def test_a_session_that_is_stopped_is_wound_up_before_it_is_reported() -> None:
    runner = Runner()
    desk = Desk()

    async def wind_up(assignment: Assignment, reason: str) -> SessionReport:
        assert runner.ended == [assignment.objective], "nothing of it runs any more"
        return SessionReport(id=assignment.id, outcome=Void(reason=f"{reason}, wound up"), spend=Spend(seconds=3))

    async with LocalEngine(runner, 1, desk, wind_up) as engine:
        desk.engine = engine
        engine.start(assignment(1))
        await runner.begun.wait()
        engine.stop_all("enough")
        async with asyncio.timeout(10):
            await engine.idle()
    report = desk.reports["1.planner.1"]
    assert (report.outcome, report.spend) == (Void(reason="enough, wound up"), Spend(seconds=3))


async def test_what_has_come_to_its_end_is_not_made_void_by_a_late_stop() -> None:
    runner = Runner()
    runner.go.set()
    engine, desk = engine_with(runner)
    async with engine:
        engine.start(assignment(1))
        await runner.begun.wait()
        engine.stop(SHOP, SessionId("1.planner.1"), "too late")
        await desk.wait_for(1)
    assert isinstance(desk.reports["1.planner.1"].outcome, Planned)
