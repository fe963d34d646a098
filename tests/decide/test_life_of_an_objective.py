"""The policy, told as what happens to an objective."""

from __future__ import annotations

from dataclasses import replace

from bot.model.action import CloseIssue, CreateTasks, Merge, OpenPullRequest, StartSession
from bot.model.assignment import PlannerBriefing, ReviewerBriefing, WorkerBriefing
from bot.model.identity import CommitSha, Login, SessionId
from bot.model.observed import Permission
from bot.model.plan import PlainAnswer, Plan, PlannedTask, Questions
from bot.model.session import (
    Blocked,
    Evidence,
    Failed,
    FailureKind,
    Finding,
    Judged,
    Planned,
    Published,
    Summary,
    Verdict,
)
from tests.decide.world import World, issue

APPROVE = Verdict(decision="approve", summary="Good.")
REFUSE = Verdict(decision="request_changes", summary="No.", findings=(Finding(path="a.py", line=1, message="Wrong."),))


def task(key: str, *depends_on: str, scope: str | None = None) -> PlannedTask:
    return PlannedTask(
        key=key, title=f"Do {key}", description="Do it.", scope=(scope or f"{key}/**",), depends_on=depends_on
    )


def planned(*tasks: PlannedTask) -> World:
    """An objective whose plan was just taken."""
    world = World()
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=tasks)))
    world.settle()
    return world


def published(world: World, head: CommitSha | None = None) -> Published:
    head = head or world.next_commit()
    evidence = Evidence(command="make test", exit_code=0, head=head, seconds=1)
    summary = Summary(status="completed", summary="Did it.")
    return Published(head=head, base=world.next_commit(), evidence=evidence, summary=summary)


def finish(world: World, key: str, ordinal: int = 1) -> None:
    """The task's worker and its reviewer both succeed."""
    outcome = published(world)
    world.end(SessionId(f"12.{key}.worker.{ordinal}"), outcome)
    world.settle()
    world.end(SessionId(f"12.{key}.reviewer.{ordinal}"), Judged(head=outcome.head, verdict=APPROVE))
    world.settle()


def test_a_label_of_a_writer_starts_the_planner() -> None:
    world = World()
    world.settle()
    assert list(world.running) == ["12.planner.1"]
    assert "The planner is at work" in world.status()


def test_a_label_of_a_stranger_is_explained_and_starts_nothing() -> None:
    world = World(permissions={Login("alice"): Permission.TRIAGE})
    world.settle()
    assert not world.running
    assert "has no write access" in world.status()


def test_a_text_that_a_stranger_edited_after_the_label_is_not_taken() -> None:
    world = World()
    edited = issue(12, edited_at=world.now.replace(hour=13), edited_by=Login("mallory"))
    world.observed = replace(world.observed, objective=edited)
    world.settle()
    assert not world.running
    assert "was edited after @alice set the label" in world.status()


def test_a_plan_becomes_sub_issues_and_what_is_free_starts() -> None:
    world = planned(task("one"), task("two"), task("both", "one", "two"))
    assert [t.title for t in world.observed.tasks] == ["Do one", "Do two", "Do both"]
    assert [b.number for b in world.observed.tasks[2].blocked_by] == [t.number for t in world.observed.tasks[:2]]
    assert set(world.running) == {"12.one.worker.1", "12.two.worker.1"}


def test_a_task_is_published_reviewed_and_merged_and_sets_the_next_one_free() -> None:
    world = planned(task("one"), task("two", "one"))
    finish(world, "one")
    assert [type(a) for a in world.done if isinstance(a, OpenPullRequest | Merge)] == [OpenPullRequest, Merge]
    assert set(world.running) == {"12.two.worker.1"}


def test_the_objective_is_closed_once_with_a_summary() -> None:
    world = planned(task("one"), task("two", "one"))
    finish(world, "one")
    finish(world, "two")
    assert not world.observed.objective.open
    assert [a.number for a in world.done if isinstance(a, CloseIssue)] == [12]
    assert "Done: 2 of 2 tasks merged" in world.status()


def test_findings_go_back_to_the_worker() -> None:
    world = planned(task("one"))
    outcome = published(world)
    world.end(SessionId("12.one.worker.1"), outcome)
    world.settle()
    world.end(SessionId("12.one.reviewer.1"), Judged(head=outcome.head, verdict=REFUSE))
    world.settle()
    again = world.running[SessionId("12.one.worker.2")]
    assert again.starts_from == outcome.head
    assert isinstance(again.briefing, WorkerBriefing)
    assert again.briefing.findings == REFUSE.findings


def test_the_same_findings_twice_ask_a_person() -> None:
    world = planned(task("one"))
    for ordinal in (1, 2):
        outcome = published(world)
        world.end(SessionId(f"12.one.worker.{ordinal}"), outcome)
        world.settle()
        world.end(SessionId(f"12.one.reviewer.{ordinal}"), Judged(head=outcome.head, verdict=REFUSE))
        world.settle()
    assert not world.running
    [question] = [body for body in world.replies() if "crewline:escalation" in body]
    assert "@alice" in question
    assert "the very same things twice" in question
    assert "crewline:needs-human" in world.observed.objective.labels


def test_failures_are_bounded_and_a_retry_starts_afresh_with_the_hint() -> None:
    world = planned(task("one"))
    for ordinal in (1, 2, 3):
        world.end(SessionId(f"12.one.worker.{ordinal}"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
        world.settle()
    assert not world.running
    world.say("/retry use the other parser", on=world.observed.tasks[0].number)
    world.settle()
    again = world.running[SessionId("12.one.worker.4")]
    assert isinstance(again.briefing, WorkerBriefing)
    assert again.briefing.hint == "use the other parser"
    assert "crewline:needs-human" not in world.observed.objective.labels


def test_a_blocked_agent_asks_a_person_its_question() -> None:
    world = planned(task("one"))
    world.end(SessionId("12.one.worker.1"), Blocked(question="Which currency?"))
    world.settle()
    assert any("Which currency?" in body for body in world.replies())


def test_overlapping_scopes_do_not_run_together() -> None:
    world = planned(task("one", scope="src/**"), task("two", scope="src/cart.py"))
    assert set(world.running) == {"12.one.worker.1"}
    assert "may change the same files" in world.status()
    finish(world, "one")
    assert set(world.running) == {"12.two.worker.1"}


def test_a_session_of_a_dead_server_is_void_and_starts_again() -> None:
    world = planned(task("one"))
    world.restart()
    world.settle()
    assert set(world.running) == {"12.one.worker.2"}
    for ordinal in (2, 3):
        world.end(SessionId(f"12.one.worker.{ordinal}"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
        world.settle()
    assert set(world.running) == {"12.one.worker.4"}, "the void session counted as a failure"


def test_nothing_is_created_while_an_absence_may_be_a_lag() -> None:
    world = World(absence_trusted=False)
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All.", tasks=(task("one"),))))
    world.settle()
    assert not any(isinstance(action, CreateTasks) for action in world.done)
    assert not world.replies()
    world.absence_trusted = True
    world.settle()
    assert len(world.observed.tasks) == 1


def test_questions_are_asked_once_and_the_answer_of_a_writer_is_taken() -> None:
    world = World()
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Questions(questions=("Which one?",))))
    world.settle()
    world.say("The first.", by="mallory")
    world.settle()
    assert not world.running
    world.say("The second.")
    world.settle()
    again = world.running[SessionId("12.planner.2")]
    assert isinstance(again.briefing, PlannerBriefing)
    assert [answered.answer for answered in again.briefing.answered] == ["The second."]


def test_a_plain_answer_closes_the_objective() -> None:
    world = World()
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=PlainAnswer(answer="It is in the README.")))
    world.settle()
    assert "It is in the README." in world.status()
    assert not world.observed.objective.open


def test_a_new_push_voids_verification_and_review() -> None:
    world = planned(task("one"))
    outcome = published(world)
    world.end(SessionId("12.one.worker.1"), outcome)
    world.settle()
    foreign = world.next_commit()
    [pull] = world.observed.pull_requests
    world.observed = replace(
        world.observed, pull_requests=(replace(pull, head=foreign),), branches=((pull.head_branch, foreign),)
    )
    world.end(SessionId("12.one.reviewer.1"), Judged(head=outcome.head, verdict=APPROVE))
    world.settle()
    assert not any(isinstance(action, Merge) for action in world.done)
    again = world.running[SessionId("12.one.reviewer.2")]
    assert again.judges == foreign
    assert isinstance(again.briefing, ReviewerBriefing)
    assert again.briefing.evidence is None


def test_every_start_was_claimed_before() -> None:
    world = planned(task("one"), task("two", "one"))
    finish(world, "one")
    assert world.ledger is not None
    started = [a.assignment.id for a in world.done if isinstance(a, StartSession)]
    assert started == [session.id for session in world.ledger.sessions]
