"""The local engine: slots, stopping, one report for each session, nothing left behind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.engines.engine import RunKey
from bot.engines.local import LocalEngine
from bot.engines.slots import Slots
from bot.model.assignment import Assignment, PlannerBriefing
from bot.model.events import Batch, NotAnOffset, RunState
from bot.model.identity import RepositoryName, SessionId
from bot.model.plan import PlainAnswer
from bot.model.session import Planned, Role, SessionReport, Spend, Void
from bot.sessions import archive
from bot.sessions.archive import pack
from bot.sessions.transcript import Transcript
from bot.sessions.transcripts import Transcripts, transcript_path

SHOP = RepositoryName("octo", "shop")


def assignment(number: int, role: Role = Role.PLANNER, count: int = 1, repository: str = "octo/shop") -> Assignment:
    return Assignment(
        id=SessionId(f"{number}.{role.value}.{count}"),
        repository=repository,
        objective=number,
        role=role,
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


def engine_with(runner: Runner, slots: Slots | int = 2) -> tuple[LocalEngine, Desk]:
    desk = Desk()
    desk.engine = LocalEngine(runner, slots, desk)
    return desk.engine, desk


async def test_sessions_share_the_slots_and_are_reported_once() -> None:
    runner = Runner()
    engine, desk = engine_with(runner)
    async with engine:
        for number in (1, 2, 3, 2):
            engine.start(assignment(number))
        assert (engine.occupancy().free, len(engine.running())) == (0, 3)
        await runner.begun.wait()
        assert runner.started == [1, 2]
        runner.go.set()
        await desk.wait_for(3)
        assert (engine.occupancy().free, engine.running()) == (2, frozenset())
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
        assert (engine.occupancy().free, engine.running()) == (0, frozenset({RunKey(SHOP, SessionId("1.planner.1"))}))
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


class Turns:
    """Sessions that end one by one, in the order in which they began."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.begun = asyncio.Condition()
        self.running: list[asyncio.Future[None]] = []

    async def run(self, assignment: Assignment) -> SessionReport:
        async with self.begun:
            self.began.append(f"{assignment.repository} {assignment.id}".removeprefix("octo/"))
            self.running.append(asyncio.get_running_loop().create_future())
            end = self.running[-1]
            self.begun.notify_all()
        await end
        return SessionReport(id=assignment.id, outcome=Void(reason="over"), spend=Spend())

    async def until(self, count: int) -> None:
        async with self.begun, asyncio.timeout(10):
            await self.begun.wait_for(lambda: len(self.began) >= count)

    async def all_in_turn(self, count: int) -> list[str]:
        """End one after another, the oldest first, until so many began."""
        while len(self.began) < count:
            began = len(self.began)
            self.running.pop(0).set_result(None)
            await self.until(began + 1)
        for end in self.running:
            end.set_result(None)
        return self.began


async def test_reviews_begin_first_then_who_has_fewer_sessions_then_who_came_first() -> None:
    runner = Turns()
    async with LocalEngine(runner, 2, lambda *_: None) as engine:
        for number, role, count in (
            *((1, Role.WORKER, 1), (1, Role.WORKER, 2), (1, Role.WORKER, 3), (1, Role.WORKER, 4)),
            *((2, Role.WORKER, 1), (3, Role.REVIEWER, 1)),
        ):
            engine.start(assignment(number, role, count))
        await runner.until(2)
        began = await runner.all_in_turn(6)
    assert [entry.removeprefix("shop ") for entry in began] == [
        *("1.worker.1", "1.worker.2"),  # nobody else was there yet
        *("3.reviewer.1", "2.worker.1", "1.worker.3", "1.worker.4"),
    ]


async def test_a_role_and_a_repository_have_limits_that_hold_up_nobody_else() -> None:
    runner = Turns()
    async with LocalEngine(runner, Slots(4, {Role.PLANNER: 1}, by_repository=2), lambda *_: None) as engine:
        for number, role, repository in (
            *((1, Role.PLANNER, "octo/shop"), (2, Role.PLANNER, "octo/shop"), (3, Role.WORKER, "octo/shop")),
            *((4, Role.WORKER, "octo/shop"), (5, Role.WORKER, "octo/bank")),
        ):
            engine.start(assignment(number, role, repository=repository))
        await runner.until(3)
        assert sorted(runner.began) == ["bank 5.worker.1", "shop 1.planner.1", "shop 3.worker.1"]
        await runner.all_in_turn(5)


async def test_a_slot_is_not_lost_with_a_session_that_is_stopped_while_it_waits() -> None:
    runner = Turns()
    async with LocalEngine(runner, 1, lambda *_: None) as engine:
        for number in (1, 2, 3):
            engine.start(assignment(number))
        await runner.until(1)
        engine.stop(SHOP, SessionId("2.planner.1"), "closed")
        assert await runner.all_in_turn(2) == ["shop 1.planner.1", "shop 3.planner.1"]


FIRST = SessionId("1.planner.1")
FOR_EVER = 3600.0
"""Seconds that no test waits."""


class Teller:
    """Sessions that write what they are told to into their transcripts, and end, packed, with nothing."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.transcripts = Transcripts(data)
        self.began = 0
        self.said: asyncio.Queue[str] = asyncio.Queue()

    async def run(self, assignment: Assignment) -> SessionReport:
        self.began += 1
        path = transcript_path(self.data, SHOP, assignment.id)
        news = lambda: self.transcripts.tell(SHOP, assignment.id)  # noqa: E731
        with Transcript(path, ("s3cret-key",), lambda: datetime(2026, 1, 1, tzinfo=UTC), on_news=news) as transcript:
            while text := await self.said.get():
                transcript.note("note", text)
        await asyncio.to_thread(pack, path)
        return SessionReport(id=assignment.id, outcome=Void(reason="over"), spend=Spend())

    def engine(self) -> LocalEngine:
        return LocalEngine(self, 1, lambda *_: None, transcripts=self.transcripts)


def texts(batch: Batch) -> list[str]:
    return [line.partition('"text": "')[2].removesuffix('"}') for line in batch.lines]


async def followed(engine: LocalEngine, after: int = 0, wait: float = FOR_EVER) -> Batch:
    async with asyncio.timeout(10):
        return await engine.events(SHOP, FIRST, after, wait)


async def test_a_follower_is_woken_by_each_line_and_by_the_end(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    async with teller.engine() as engine:
        engine.start(assignment(1))
        engine.start(assignment(1))
        assert await followed(engine, wait=0) == Batch((), 0, RunState.RUNNING)
        waiting = asyncio.create_task(followed(engine))
        await teller.said.put("it begins with s3cret-key")
        first = await waiting
        assert (texts(first), first.state) == (["it begins with ***"], RunState.RUNNING)
        waiting = asyncio.create_task(followed(engine, first.next))
        await teller.said.put("it goes on")
        second = await waiting
        assert texts(second) == ["it goes on"]
        waiting = asyncio.create_task(followed(engine, second.next))
        await teller.said.put("")
        assert await waiting == Batch((), second.next, RunState.ENDED)
        engine.start(assignment(1))
        assert texts(await followed(engine)) == [*texts(first), *texts(second)], "packed, it has the same lines"
    assert teller.began == 1, "neither while it ran nor afterwards was it started again"


async def test_a_follower_goes_on_where_it_was_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_AT_ONCE", 1)
    teller = Teller(tmp_path)
    async with teller.engine() as engine:
        engine.start(assignment(1))
        for text in ("one", "zwölf", "three", ""):
            await teller.said.put(text)
        first = await followed(engine)
        assert texts(first) == ["one"], "a batch is bounded"
        async with asyncio.timeout(10):
            await engine.idle()
    async with Teller(tmp_path).engine() as engine:
        second = await followed(engine, first.next)
        third = await followed(engine, second.next)
        assert (texts(second), texts(third)) == (["zwölf"], ["three"])
        assert await followed(engine, third.next) == Batch((), third.next, RunState.ENDED)
        for astray in (first.next - 1, third.next + 1, 10**15):
            with pytest.raises(NotAnOffset):
                await followed(engine, astray)


async def test_a_line_that_is_half_written_is_not_given_yet(tmp_path: Path) -> None:
    path = transcript_path(tmp_path, SHOP, FIRST)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whole\nhal")
    async with Teller(tmp_path).engine() as engine:
        assert await followed(engine) == Batch(("whole",), 6, RunState.ENDED)
        path.write_bytes(b"whole\nhalf\n")
        assert (await followed(engine, 6)).lines == ("half",)


async def test_of_what_never_ran_nothing_is_known(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    async with teller.engine() as engine:
        assert await followed(engine) == Batch((), 0, RunState.UNKNOWN)
        astray = await engine.events(RepositoryName("..", ".."), SessionId("../x"), 0, FOR_EVER)
        assert astray.state is RunState.UNKNOWN
        engine.start(assignment(1))
        engine.stop(SHOP, FIRST, "never began")
        assert (await followed(engine)).state is RunState.ENDED, "it left no transcript, but it was here"
