"""Commits that a session could not publish: where they go, who continues them, and what people are told."""

from __future__ import annotations

from bot.config import Limits, RepositoryConfig
from bot.model.action import PushLedger
from bot.model.assignment import SalvagedWork, WorkerBriefing
from bot.model.fact import BranchMoved
from bot.model.identity import CommitSha, SessionId
from bot.model.session import Failed, FailureKind, Outcome, Salvage, Void
from tests.decide.test_life_of_an_objective import planned, published, task
from tests.decide.world import World

FIRST, SECOND, THIRD = (SessionId(f"12.a.worker.{ordinal}") for ordinal in (1, 2, 3))
BRANCH = "crewline/salvage/12/a/12.a.worker.1"


def void(head: CommitSha | None = None) -> Void:
    return Void(reason="the server that ran it stopped", salvage=Salvage(head=head) if head else None)


def failed(reason: FailureKind, head: CommitSha) -> Failed:
    return Failed(reason=reason, detail="…", salvage=Salvage(head=head))


def told(world: World, session: SessionId) -> SalvagedWork | None:
    briefing = world.running[session].briefing
    assert isinstance(briefing, WorkerBriefing)
    return briefing.salvage


def ends(world: World, session: SessionId, outcome: Outcome) -> None:
    world.end(session, outcome)
    world.settle()


def test_commits_of_a_session_that_was_cut_off_are_pushed_with_its_end_and_continued() -> None:
    world = planned(task("a"))
    head = world.next_commit()
    ends(world, FIRST, void(head))
    [push] = [act for act in world.done if isinstance(act, PushLedger) and act.branches]
    assert [(moved.branch, moved.head, moved.expected) for moved in push.branches] == [(BRANCH, head, None)]
    assert world.running[SECOND].continues == head
    assert world.running[SECOND].starts_from is None, "the branch of the task is where it was"
    assert told(world, SECOND) == SalvagedWork(session=FIRST, head=head, branch=BRANCH, continued=True)
    assert f"commits so far: [`{BRANCH}`](../tree/{BRANCH})" in world.status()
    ends(world, SECOND, published(world))
    assert BRANCH not in world.status()


def test_a_session_that_adds_nothing_and_is_cut_off_too_loses_nothing() -> None:
    world = planned(task("a"))
    head = world.next_commit()
    ends(world, FIRST, void(head))
    ends(world, SECOND, void())
    assert world.running[THIRD].continues == head


def test_what_failed_to_verify_is_named_to_the_next_session_but_not_continued() -> None:
    world = planned(task("a"))
    head = world.next_commit()
    ends(world, FIRST, failed(FailureKind.VERIFY, head))
    assert world.sha(BRANCH) == head
    assert world.running[SECOND].continues is None
    assert told(world, SECOND) == SalvagedWork(session=FIRST, head=head, branch=BRANCH, continued=False)


def test_what_was_ended_at_its_limit_is_continued() -> None:
    world = planned(task("a"))
    head = world.next_commit()
    ends(world, FIRST, failed(FailureKind.TIMEOUT, head))
    assert world.running[SECOND].continues == head


def test_commits_that_are_not_on_top_of_the_branch_any_more_are_not_continued() -> None:
    world = planned(task("a"))
    theirs = world.next_commit()
    world.end(FIRST, void(world.next_commit()))
    world._show(BranchMoved("crewline/12/a", None, theirs))
    world.settle()
    assert all(assignment.continues is None for assignment in world.running.values())


def test_commits_of_a_session_whose_branch_somebody_moved_are_kept_beside_it() -> None:
    world = planned(task("a"))
    outcome = published(world)
    world.end(FIRST, outcome)
    world._show(BranchMoved("crewline/12/a", None, world.next_commit()))
    world.settle()
    assert world.sha(BRANCH) == outcome.head


def test_where_a_person_is_asked_the_commits_are_linked_or_their_refusal_is_told() -> None:
    config = RepositoryConfig(limits=Limits(backoff_seconds=0, attempts=1))
    for salvage, text in (
        (Salvage(head=CommitSha("a" * 40)), f"What `{FIRST}` had committed is on [`{BRANCH}`](../tree/{BRANCH})."),
        (Salvage(refusal="`x`: no"), f"What `{FIRST}` had committed was refused at the gate and stayed"),
    ):
        world = planned(task("a"))
        world.config = config
        ends(world, FIRST, Failed(reason=FailureKind.AGENT, detail="…", salvage=salvage))
        [escalation] = [body for body in world.replies() if "crewline:escalation" in body]
        assert text in escalation
