"""What comes after a failed attempt: wider paths where nobody else has them, and a person's answer to a question. What
is beyond that is the planner's to decide: `test_amending`."""

from __future__ import annotations

from datetime import timedelta

from bot.config import Limits, RepositoryConfig, ScopeConfig
from bot.decide.people import people
from bot.model.assignment import Assignment, WorkerBriefing
from bot.model.identity import CommitSha, Login, SessionId
from bot.model.plan import Plan, PlannedTask
from bot.model.session import Blocked, Failed, FailureKind, Planned, Salvage
from tests.decide.test_life_of_an_objective import task
from tests.decide.world import World


def world_of(*tasks: PlannedTask, may_widen: tuple[str, ...] = (), attempts: int = 3) -> World:
    """An objective with this plan, whose first sessions run."""
    limits = Limits(backoff_seconds=0, attempts=attempts)
    world = World(config=RepositoryConfig(limits=limits, scope=ScopeConfig(may_widen=may_widen)))
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=tasks)))
    world.settle()
    return world


def refused(*paths: str) -> Failed:
    return Failed(reason=FailureKind.GATE, detail=f"{paths} are outside", outside=paths)


def session(world: World, key: str) -> Assignment:
    (found,) = [running for running in world.running.values() if running.task == key]
    return found


def test_a_task_is_granted_the_paths_that_it_needs_and_the_attempt_is_excused() -> None:
    world = world_of(task("one"), may_widen=("shared/**",), attempts=1)
    world.end(SessionId("12.one.worker.1"), refused("shared/prices.py"))
    world.settle()
    assert session(world, "one").scope == ("one/**", "shared/prices.py")
    assert "needs you" not in world.status()
    world.end(SessionId("12.one.worker.2"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.settle()
    assert any("it failed 2 times" in reply for reply in world.replies())


def test_a_person_answers_a_blocked_agent_and_the_work_goes_on_where_it_stopped() -> None:
    world = world_of(task("one"))
    left = CommitSha("f" * 40)
    world.end(SessionId("12.one.worker.1"), Blocked(question="Which currency?", salvage=Salvage(head=left)))
    world.settle()
    assert not world.running
    assert sum("Which currency?" in reply and "is taken as the answer" in reply for reply in world.replies()) == 1
    world.say("Guess!", by="mallory")
    world.settle()
    assert not world.running
    world.say("Euro, with two decimals.")
    world.settle()
    started = session(world, "one")
    assert isinstance(started.briefing, WorkerBriefing)
    assert started.briefing.hint == "You asked: Which currency?\n\n@alice answered: Euro, with two decimals."
    assert started.continues == left
    assert started.briefing.answers == SessionId("12.one.worker.1")


def test_who_answers_within_a_second_is_heard_although_github_tells_whole_seconds() -> None:
    world = world_of(task("one"))
    world.now += timedelta(milliseconds=900)
    world.end(SessionId("12.one.worker.1"), Blocked(question="Which currency?"))
    world.settle()
    assert world.ledger is not None
    escalation = world.ledger.record("one").escalation
    assert escalation is not None
    world.now = escalation.at.replace(microsecond=0) - timedelta(seconds=1)
    world.say("Euro.")
    assert world.observed.objective.comments[-1].created_at == escalation.at.replace(microsecond=0)
    assert Login("alice") in people(world.observed, world.ledger)


def briefing_after(world: World, comment: str) -> WorkerBriefing:
    """Of the session that starts when somebody says `comment` to the question of the first."""
    world.end(SessionId("12.one.worker.1"), Blocked(question="Which currency?"))
    world.settle()
    world.say(comment)
    world.settle()
    briefing = session(world, "one").briefing
    assert isinstance(briefing, WorkerBriefing)
    return briefing


def test_a_hint_answers_a_question_and_nothing_else() -> None:
    world = world_of(task("one"))
    answering = briefing_after(world, "/retry Euro.")
    assert (answering.hint, answering.answers) == ("Euro.", SessionId("12.one.worker.1"))
    world.end(SessionId("12.one.worker.2"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.settle()
    again = session(world, "one").briefing
    assert isinstance(again, WorkerBriefing)
    assert (again.hint, again.answers) == ("Euro.", None), "it is no question any more"


def test_a_retry_without_a_word_answers_nothing() -> None:
    briefing = briefing_after(world_of(task("one")), "/retry")
    assert (briefing.hint, briefing.answers) == (None, None)


def test_with_two_questions_open_the_answer_is_taken_where_it_was_asked() -> None:
    world = world_of(task("one"), task("two"))
    for key in ("one", "two"):
        world.end(SessionId(f"12.{key}.worker.1"), Blocked(question=f"What of {key}?"))
    world.settle()
    world.say("Yes.")
    world.settle()
    assert not world.running
    second = world.observed.tasks[1].number
    world.say("Both.", on=second)
    world.settle()
    assert [running.task for running in world.running.values()] == ["two"]
