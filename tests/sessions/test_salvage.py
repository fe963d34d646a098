"""What a session had committed when it ended without publishing: kept, judged, and found again by the next run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bot.engines.local import LocalEngine
from bot.model.assignment import Assignment
from bot.model.identity import CommitSha, InstanceId
from bot.model.session import (
    LOST,
    Blocked,
    Failed,
    FailureKind,
    Outcome,
    Published,
    SessionRecord,
    SessionReport,
    Void,
    salvage_of,
)
from bot.sessions.run import SessionRunner
from tests.sessions.conftest import SHOP, World
from tests.sessions.test_runner import Reports

HALF = 'write("src/half.py", "x = 1\\n"); commit("Half of it")\n'
HANGS = 'print("committed", flush=True)\ntime.sleep(600)\n'


def claim(assignment: Assignment) -> SessionRecord:
    """The claim as the ledger has it."""
    return SessionRecord(
        id=assignment.id,
        role=assignment.role,
        task=assignment.task,
        holder=InstanceId("before"),
        claimed_at=datetime(2026, 1, 1, tzinfo=UTC),
        starts_from=assignment.starts_from,
        judges=assignment.judges,
    )


def head_of(outcome: Outcome) -> CommitSha:
    found = salvage_of(outcome)
    assert found is not None
    assert found.head is not None
    return found.head


@asynccontextmanager
async def next_run(world: World) -> AsyncIterator[SessionRunner]:
    """Another runner on the same disk."""
    async with SessionRunner(world.data, world._mirror, world.roster) as runner:
        yield runner


async def cut_off(world: World, assignment: Assignment) -> None:
    """A session that is ended in the midst of its work as the whole bot is, without being wound up."""
    begun = asyncio.Event()
    runner = SessionRunner(world.data, world._mirror, world.roster, on_progress=lambda progress: begun.set())
    async with runner:
        session = asyncio.create_task(runner.run(assignment))
        await begun.wait()
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)


async def test_at_the_time_limit_the_commits_are_kept(world: World) -> None:
    world.agent(HALF + HANGS)
    outcome = await world.run(world.worker(seconds=1))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.TIMEOUT
    assert await world.show(head_of(outcome), "src/half.py") == "x = 1\n"


async def test_commits_are_kept_whatever_ends_a_session(world: World) -> None:
    ends = {
        "crash": "sys.exit(3)",
        "verify": "",
        "partial": 'summary(status="partial", summary="Half.")',
        "blocked": 'summary(status="blocked", summary="Why?")',
    }
    for name, end in ends.items():
        world.agent(HALF + end)
        outcome = await world.run(world.worker(verify_command="false" if name == "verify" else None))
        assert isinstance(outcome, Failed | Blocked), name
        assert await world.show(head_of(outcome), "src/half.py") == "x = 1\n", name


async def test_without_commits_there_is_nothing_to_keep(world: World) -> None:
    world.agent('write("src/half.py", "x = 1"); sys.exit(3)')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.salvage is None


async def test_what_the_gate_refuses_is_not_kept_and_the_reason_is(world: World) -> None:
    world.agent('write("README.md", "mine"); commit(); sys.exit(3)')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.AGENT
    assert outcome.salvage is not None
    assert outcome.salvage.head is None
    assert "`README.md`: the path is outside of the task's scope" in (outcome.salvage.refusal or "")


async def test_what_the_gate_refused_before_is_not_told_twice_and_what_it_lets_pass_is_kept(world: World) -> None:
    world.agent('write("README.md", "mine"); commit()')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.salvage) == (FailureKind.GATE, None)
    world.agent(HALF + 'write("src/other.py", "y = 1"); commit()')
    outcome = await world.run(world.worker(commits=1))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    assert await world.show(head_of(outcome), "src/half.py") == "x = 1\n"


async def test_a_session_that_is_stopped_reports_its_commits_and_its_time(world: World) -> None:
    world.agent(HALF + HANGS)
    begun = asyncio.Event()
    reports = Reports()
    world.data = world.folder / "data-2"
    runner = SessionRunner(world.data, world._mirror, world.roster, on_progress=lambda progress: begun.set())
    async with runner, LocalEngine(runner, 1, reports, runner.wind_up) as engine:
        engine.start(world.worker())
        await begun.wait()
        engine.stop(SHOP, world.worker().id, "handed over")
        report = await reports.queue.get()
    assert isinstance(report.outcome, Void)
    assert report.outcome.reason == "handed over"
    assert await world.show(head_of(report.outcome), "src/half.py") == "x = 1\n"
    assert report.spend.seconds > 0
    assert not (world.data / "work").exists() or not list(world.data.glob("work/*/*/*"))


async def test_the_next_run_salvages_what_was_cut_off_and_says_so_once(world: World) -> None:
    world.agent(HALF + HANGS)
    world.data = world.folder / "data-2"
    await cut_off(world, world.worker())
    async with next_run(world) as runner:
        [report] = await runner.unreported(SHOP, [claim(world.worker())])
        assert isinstance(report.outcome, Void)
        assert report.outcome.reason == LOST
        assert 0 < report.spend.seconds < 30
        assert await world.show(head_of(report.outcome), "src/half.py") == "x = 1\n"
    async with next_run(world) as runner:  # which ended before it could record it
        assert await runner.unreported(SHOP, [claim(world.worker())]) == (report,)
        runner.recorded(SHOP, [report.id])
    async with next_run(world) as runner:
        assert await runner.unreported(SHOP, [claim(world.worker())]) == ()
    assert not list(world.data.glob("left/*/*/*"))


async def test_what_was_cut_off_waits_for_its_repository_however_long_that_is_not_opened(world: World) -> None:
    world.agent(HALF + HANGS)
    world.data = world.folder / "data-2"
    await cut_off(world, world.worker())
    [tree] = world.data.glob("work/*/*/*")
    os.utime(tree, (0, 0))
    for _ in range(2):
        async with next_run(world) as runner:
            await runner._inheritance.cleared()
    async with next_run(world) as runner:
        [report] = await runner.unreported(SHOP, [claim(world.worker())])
        assert await world.show(head_of(report.outcome), "src/half.py") == "x = 1\n"


async def test_a_report_that_nobody_was_told_is_told_by_the_next_run(world: World) -> None:
    world.agent(HALF)
    world.data = world.folder / "data-2"
    async with next_run(world) as runner:
        report: SessionReport = await runner.run(world.worker())
        assert isinstance(report.outcome, Published)
    async with next_run(world) as runner:
        assert await runner.unreported(SHOP, [claim(world.worker())]) == (report,)


async def test_what_belongs_to_no_claim_is_thrown_away(world: World) -> None:
    world.agent(HALF + HANGS)
    world.data = world.folder / "data-2"
    other = world.worker(starts_from=world.remote.head("refs/heads/main"))
    await cut_off(world, world.worker())
    async with next_run(world) as runner:
        assert await runner.unreported(SHOP, [claim(other)]) == (), "the same id, of a ledger that was taken back"
    async with next_run(world) as runner:
        assert await runner.unreported(SHOP, [claim(world.worker())]) == ()


async def test_a_session_continues_what_was_salvaged_and_need_not_add_to_it(world: World) -> None:
    world.agent(HALF + "sys.exit(3)")
    head = head_of(await world.run(world.worker()))
    world.agent('summary(status="completed", summary="All there.")')
    outcome = await world.run(world.worker(continues=head))
    assert isinstance(outcome, Published)
    assert outcome.head == head
    world.agent('write("src/rest.py", pathlib.Path("src/half.py").read_text()); commit()')
    outcome = await world.run(world.worker(continues=head))
    assert isinstance(outcome, Published)
    assert await world.show(outcome.head, "src/rest.py") == "x = 1\n"
    assert await world.mirror.missing_from(outcome.head, [head]) == ()


async def test_where_it_is_nowhere_to_be_had_a_session_starts_anew(world: World) -> None:
    world.agent(HALF)
    outcome = await world.run(world.worker(continues=CommitSha("1" * 40)))
    assert isinstance(outcome, Published)
    assert outcome.base == world.remote.head("refs/heads/main")
