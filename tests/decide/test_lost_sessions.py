"""A session that a crash took says nothing: whoever comes after it is told what it was told, and nobody pays for it."""

from __future__ import annotations

from dataclasses import replace

from bot.model.assignment import PlannerBriefing, WorkerBriefing
from bot.model.identity import SessionId
from bot.model.observed import Mergeable
from bot.model.plan import Plan
from bot.model.session import Cause, Failed, FailureKind, Planned
from tests.decide.test_life_of_an_objective import planned, published, task
from tests.decide.world import World

BROKEN = Failed(reason=FailureKind.VERIFY, detail="two tests fail")


def crash(world: World) -> None:
    world.restart()
    world.settle()


def test_the_next_worker_is_told_what_went_wrong_before() -> None:
    world = planned(task("one"))
    world.end(SessionId("12.one.worker.1"), BROKEN)
    world.settle()
    crash(world)
    again = world.running[SessionId("12.one.worker.3")].briefing
    assert isinstance(again, WorkerBriefing)
    assert again.setback is not None
    assert again.setback.detail == "two tests fail"
    assert world.ledger is not None
    assert world.ledger.sessions[-1].cause is Cause.FAILURE


def test_the_next_planner_is_told_what_went_wrong_before() -> None:
    world = World()
    world.settle()
    world.end(SessionId("12.planner.1"), Failed(reason=FailureKind.BAD_ANSWER, detail="no plan"))
    world.settle()
    crash(world)
    again = world.running[SessionId("12.planner.3")].briefing
    assert isinstance(again, PlannerBriefing)
    assert again.setback is not None
    assert again.setback.detail == "no plan"


def test_it_is_no_attempt() -> None:
    world = planned(task("one"))
    crash(world)
    again = world.running[SessionId("12.one.worker.2")].briefing
    assert isinstance(again, WorkerBriefing)
    assert again.attempt == 1
    world.restart()
    world.settle()
    for ordinal in (3, 4, 5):
        world.end(SessionId(f"12.one.worker.{ordinal}"), BROKEN)
        world.settle()
    [question] = [body for body in world.replies() if "crewline:escalation" in body]
    assert "Tried 3 times." in question


def test_a_retry_that_comes_while_the_server_is_down_is_not_refused_for_a_session_that_is_gone() -> None:
    """Bob stops a task; the server dies before it could end the session."""
    world = planned(task("one"), task("two", "one"))
    on = world.observed.tasks[0].number
    world.say("/escalate", on=on)
    decision = world.decide()
    for action in decision.actions[:2]:  # the reaction, and the ledger
        world.carry_out(action)
    assert world.ledger is not None
    assert world.ledger.open_claims(), "the server died before the session was ended"
    world.restart()
    world.say("/retry", on=on)
    world.settle()
    assert set(world.running) == {"12.one.worker.2"}
    assert world.ledger is not None
    assert [command.result for command in world.ledger.commands] == ["done", "done"]


def test_a_plan_that_was_lost_is_made_again() -> None:
    world = World()
    world.settle()
    crash(world)
    world.end(SessionId("12.planner.2"), Planned(answer=Plan(summary="All of it.", tasks=(task("one"),))))
    world.settle()
    assert set(world.running) == {"12.one.worker.1"}


def test_who_was_to_solve_a_conflict_is_followed_by_another_who_is() -> None:
    """GitHub works out anew whether a branch conflicts, and does not say so at once."""
    world = planned(task("one"))
    world.end(SessionId("12.one.worker.1"), published(world))
    world.settle()
    _mergeable(world, Mergeable.CONFLICTING)
    world.end(SessionId("12.one.reviewer.1"), Failed(reason=FailureKind.BAD_ANSWER, detail="no verdict"))
    world.settle()
    assert SessionId("12.one.worker.2") in world.running
    _mergeable(world, Mergeable.UNKNOWN)
    crash(world)
    again = world.running[SessionId("12.one.worker.3")].briefing
    assert isinstance(again, WorkerBriefing)
    assert again.setback is not None
    assert again.setback.reason is FailureKind.CONFLICT


def _mergeable(world: World, mergeable: Mergeable) -> None:
    pulls = tuple(replace(pull, mergeable=mergeable) for pull in world.observed.pull_requests)
    world.observed = replace(world.observed, pull_requests=pulls)
