"""A task that needs what no setting grants waits until the planner has amended the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Limits, RepositoryConfig, ScopeConfig
from bot.decide.situation import Situation
from bot.decide.task import tasks_of
from bot.model.action import CreateTasks, EditIssue, LinkDependencies
from bot.model.amendment import Amendment, Ordering, Refusal, Widening
from bot.model.assignment import Assignment, Need, PlannerBriefing, ReviewerBriefing, WorkerBriefing
from bot.model.identity import SessionId
from bot.model.plan import Plan, PlannedTask, Questions
from bot.model.session import (
    Evidence,
    Failed,
    FailureKind,
    Judged,
    Outcome,
    Planned,
    Published,
    Summary,
    Verdict,
    Void,
)
from tests.decide.test_life_of_an_objective import task
from tests.decide.world import World

AMENDS = SessionId("12.planner.2")
WHY = "Prices are shared."
LACKS = Failed(reason=FailureKind.GATE, detail="shared/prices.py is outside", outside=("shared/prices.py",))
WIDER = Amendment(reason=WHY, widen=(Widening(task="one", paths=("shared/prices.py",)),))
WIDER_ANSWER = Planned(answer=WIDER)
BAD = Failed(reason=FailureKind.BAD_ANSWER, detail="no JSON")


def world_of(*tasks: PlannedTask, limits: Limits | None = None, may_widen: tuple[str, ...] = ()) -> World:
    """An objective with this plan, whose first sessions run."""
    config = RepositoryConfig(limits=limits or Limits(backoff_seconds=0), scope=ScopeConfig(may_widen=may_widen))
    world = World(config=config)
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=tasks)))
    world.settle()
    return world


def ends(world: World, session: str, outcome: Outcome) -> None:
    world.end(SessionId(session), outcome)
    world.settle()


def running(world: World) -> dict[str | None, Assignment]:
    """The running sessions by their task; the planner's by None."""
    return {assignment.task: assignment for assignment in world.running.values()}


def need(world: World) -> Need:
    """What the planner that runs is asked."""
    briefing = running(world)[None].briefing
    assert isinstance(briefing, PlannerBriefing)
    assert briefing.need is not None
    return briefing.need


def briefing(world: World, key: str) -> WorkerBriefing:
    found = running(world)[key].briefing
    assert isinstance(found, WorkerBriefing)
    return found


def published(world: World, key: str, summary: Summary | None = None) -> None:
    """The worker of `key` publishes, the reviewer approves, it is merged."""
    worker = running(world)[key].id
    head = world.next_commit()
    evidence = Evidence(command="true", exit_code=0, head=head, seconds=0)
    base = world.next_commit()
    ends(world, worker, Published(head=head, base=base, evidence=evidence, summary=summary))
    ends(world, running(world)[key].id, Judged(head=head, verdict=Verdict(decision="approve", summary="Good.")))


def issue_of(world: World, key: str) -> str:
    """The text of the issue of a task."""
    assert world.ledger is not None
    situation = Situation(world.snapshot(), world.config, world.now, world.ledger)
    found = next(one.issue for one in tasks_of(situation) if one.key == key)
    assert found is not None
    return found.body


def test_the_planner_is_asked_and_told_the_plan_and_the_reason() -> None:
    world = world_of(task("one"), task("two", "one"))
    ends(world, "12.one.worker.1", LACKS)
    assert set(running(world)) == {None}
    asked = need(world)
    assert (asked.task, asked.paths, asked.attempt) == ("one", ("shared/prices.py",), 1)
    assert asked.said == "shared/prices.py is outside"
    assert [(one.task.key, one.condition.value) for one in asked.standing.tasks] == [
        ("one", "under way"),
        ("two", "not begun"),
    ]
    assert "waits for an amended plan, since it needs `shared/prices.py`; the planner is at work" in world.status()
    world.say("/status", on=world.observed.tasks[0].number)
    world.settle()
    assert any("waits for an amended plan" in reply for reply in world.replies(world.observed.tasks[0].number))


def test_a_wider_scope_is_shown_and_the_attempt_is_excused() -> None:
    world = world_of(task("one"), limits=Limits(backoff_seconds=0, attempts=1))
    ends(world, "12.one.worker.1", LACKS)
    ends(world, AMENDS, WIDER_ANSWER)
    assert running(world)["one"].scope == ("one/**", "shared/prices.py")
    told = briefing(world, "one").planner
    assert told is not None
    assert (told.granted, told.reason) == (True, WHY)
    assert f"**May change** `one/**`, `shared/prices.py`\n\n**The plan was amended** {WHY}" in issue_of(world, "one")
    assert f"the plan was amended: {WHY}" in world.status()
    ends(world, "12.one.worker.2", Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    assert any("it failed 2 times" in reply for reply in world.replies())


def test_a_new_task_gets_an_issue_and_a_native_dependency_and_goes_first() -> None:
    world = world_of(task("one"))
    first = len(world.done)
    ends(world, "12.one.worker.1", LACKS)
    prices = task("prices").model_copy(update={"scope": ("shared/**", "one/**")})
    amendment = Amendment(reason=WHY, add=(prices,), order=(Ordering(task="one", depends_on=("prices",)),))
    ends(world, AMENDS, Planned(answer=amendment))
    made = [action for action in world.done[first:] if isinstance(action, CreateTasks)]
    assert [[new.key for new in action.tasks] for action in made] == [["prices"]]
    links = [
        one for action in world.done[first:] if isinstance(action, LinkDependencies) for one in action.dependencies
    ]
    one, new = (issue.number for issue in world.observed.tasks)
    assert [(link.number, link.blocked_by) for link in links] == [(one, new)]
    assert set(running(world)) == {"prices"}
    assert f"waits for #{new}" in world.status()
    assert "t1 --> t0" in world.status()
    assert "**Builds on** `prices`" in issue_of(world, "one")
    assert f"**The plan was amended** {WHY}" in issue_of(world, "prices")
    published(world, "prices")
    assert [result.key for result in briefing(world, "one").results] == ["prices"]
    published(world, "one")
    assert not world.observed.objective.open


def test_a_dependency_that_a_person_took_away_is_not_put_back_by_an_amendment() -> None:
    world = world_of(task("one"), task("two", "one"), task("three"))
    two = world.observed.tasks[1]
    world.unblock(two.number)
    world.settle()
    assert "two" in running(world)
    ends(world, "12.one.worker.1", LACKS)
    order = Amendment(reason=WHY, order=(Ordering(task="one", depends_on=("three",)),))
    ends(world, AMENDS, Planned(answer=order))
    assert not next(issue for issue in world.observed.tasks if issue.number == two.number).blocked_by
    assert "two" in running(world)


def test_a_refusal_is_told_to_the_agent_and_the_same_is_not_asked_twice() -> None:
    world = world_of(task("one"), limits=Limits(backoff_seconds=0, attempts=2))
    ends(world, "12.one.worker.1", LACKS)
    ends(world, AMENDS, Planned(answer=Refusal(reason="Not needed.", hint="Use `price()`.")))
    told = briefing(world, "one").planner
    assert told is not None
    assert (told.granted, told.hint) == (False, "Use `price()`.")
    assert running(world)["one"].scope == ("one/**",)
    assert "the plan was not amended: Not needed." in world.status()
    ends(world, "12.one.worker.2", LACKS)
    assert set(running(world)) == {"one"}
    ends(world, "12.one.worker.3", LACKS)
    assert any("it failed 3 times" in reply for reply in world.replies())


def test_the_planner_asks_people_and_decides_with_their_answer() -> None:
    world = world_of(task("one"))
    ends(world, "12.one.worker.1", LACKS)
    ends(world, AMENDS, Planned(answer=Questions(questions=("May prices change?",))))
    assert not world.running
    assert "the planner has questions: answer them in a comment" in world.status()
    assert sum("May prices change?" in reply for reply in world.replies()) == 1
    world.say("Yes.")
    world.settle()
    told = running(world)[None].briefing
    assert isinstance(told, PlannerBriefing)
    assert [(one.questions, one.answer) for one in told.answered] == [(("May prices change?",), "Yes.")]
    ends(world, "12.planner.3", WIDER_ANSWER)
    assert running(world)["one"].scope == ("one/**", "shared/prices.py")


def test_what_only_people_may_change_is_asked_of_them_at_once() -> None:
    world = world_of(task("one"), may_widen=("**",))
    ends(world, "12.one.worker.1", LACKS.model_copy(update={"outside": (".github/workflows/ci.yml",)}))
    assert not world.running
    assert any("`.github/workflows/ci.yml`, which only people may change" in reply for reply in world.replies())


def test_what_a_task_under_way_may_change_is_not_granted_by_a_setting() -> None:
    world = world_of(task("one"), task("two"), may_widen=("**",))
    ends(world, "12.one.worker.1", LACKS.model_copy(update={"outside": ("two/a.py",)}))
    assert set(running(world)) == {None, "two"}
    shares = Amendment(reason=WHY, widen=(Widening(task="one", paths=("two/a.py",)),))
    ends(world, AMENDS, Planned(answer=shares))
    told = running(world)[None].briefing
    assert isinstance(told, PlannerBriefing)
    assert told.setback is not None
    assert "let 'one' depend on 'two' too" in told.setback.detail
    waits = shares.model_copy(update={"order": (Ordering(task="one", depends_on=("two",)),)})
    ends(world, "12.planner.3", Planned(answer=waits))
    assert set(running(world)) == {"two"}
    published(world, "two")
    assert running(world)["one"].scope == ("one/**", "two/a.py")


def test_amendments_are_bounded_and_then_a_person_is_asked() -> None:
    world = world_of(task("one"), limits=Limits(backoff_seconds=0, amendments=1))
    ends(world, "12.one.worker.1", LACKS)
    ends(world, AMENDS, WIDER_ANSWER)
    ends(world, "12.one.worker.2", LACKS.model_copy(update={"outside": ("other/x.py",)}))
    assert not world.running
    assert any("`other/x.py` beyond its scope, and the plan was amended 1 times" in one for one in world.replies())
    world.say("/retry Leave other/ alone.", on=world.observed.tasks[0].number)
    world.settle()
    assert briefing(world, "one").hint == "Leave other/ alone."


def test_a_planner_that_cannot_amend_asks_a_person_about_that_task_only() -> None:
    world = world_of(task("one"), task("two"), limits=Limits(backoff_seconds=0, attempts=2))
    ends(world, "12.one.worker.1", LACKS)
    for number in (2, 3):
        ends(world, f"12.planner.{number}", BAD)
    assert set(running(world)) == {"two"}
    assert any("but amending the plan failed 2 times" in reply for reply in world.replies())


@pytest.mark.parametrize("word", ["/retry Do without.", "/escalate I do it myself."])
def test_a_person_who_decides_meanwhile_decides(word: str) -> None:
    world = world_of(task("one"))
    ends(world, "12.one.worker.1", LACKS)
    world.say(word, on=world.observed.tasks[0].number)
    world.settle()
    assert set(running(world)) == ({"one"} if "retry" in word else set())
    assert world.ledger is not None
    assert isinstance(world.ledger.sessions_of(None)[-1].outcome, Void)


def test_an_answer_that_comes_after_a_crash_is_asked_for_again_and_followed_once() -> None:
    world = world_of(task("one"))
    ends(world, "12.one.worker.1", LACKS)
    world.restart()
    world.settle()
    assert set(running(world)) == {None}
    ends(world, "12.planner.3", WIDER_ANSWER)
    world.restart()
    world.settle()
    assert running(world)["one"].scope == ("one/**", "shared/prices.py")
    assert sum(isinstance(action, EditIssue) for action in world.done) == 1


def test_a_text_that_a_person_put_in_other_words_stays() -> None:
    world = world_of(task("one"))
    mine = issue_of(world, "one").replace("**May change** `one/**`", "May change its own folder.")
    world.edit(world.observed.tasks[0].number, mine)
    ends(world, "12.one.worker.1", LACKS)
    ends(world, AMENDS, WIDER_ANSWER)
    assert issue_of(world, "one") == mine


def test_the_reviewer_is_told_what_the_agent_says_must_change_elsewhere() -> None:
    world = world_of(task("one"))
    head = world.next_commit()
    left = Summary(status="completed", summary="Did it.", out_of_scope_changes_needed=("docs/x.md",))
    ends(world, "12.one.worker.1", Published(head=head, base=world.next_commit(), evidence=None, summary=left))
    told = running(world)["one"].briefing
    assert isinstance(told, ReviewerBriefing)
    assert told.outside == ("docs/x.md",)


def test_what_remains_to_be_done_is_said_to_people() -> None:
    world = world_of(task("one"), task("two"))
    left = Summary(
        status="completed",
        summary="Did it.",
        needs_follow_up=True,
        follow_up_notes="Rename `cart`.",
        out_of_scope_changes_needed=("docs/x.md",),
    )
    published(world, "one", left)
    line = "Do one: Rename `cart`. It says that `docs/x.md` must change too."
    assert line in world.status()
    published(world, "two")
    assert not world.observed.objective.open
    assert f"**To follow up**\n\n* #{world.observed.tasks[0].number} {line}" in world.status()


GOLDENS = Path(__file__).parent / "goldens"


def test_the_status_and_the_issue_read_like_this() -> None:
    world = world_of(task("one"), task("two", "one"))
    ends(world, "12.one.worker.1", LACKS)
    waiting = world.status()
    prices = task("prices").model_copy(update={"criteria": ("All prices are in cents.",)})
    changes = WIDER.model_copy(update={"add": (prices,), "order": (Ordering(task="one", depends_on=("prices",)),)})
    ends(world, AMENDS, Planned(answer=changes))
    texts = (waiting, world.status(), issue_of(world, "one"), issue_of(world, "prices"))
    assert "\n\n---\n\n".join(texts) + "\n" == (GOLDENS / "amended.md").read_text(encoding="utf-8")
