"""What may be spent: by a session, a task, an objective, and in a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.config import BudgetCaps, BudgetConfig, Limits, RepositoryConfig
from bot.decide.commands.budget import read_amount
from bot.decide.texts import session_text
from bot.model.action import EditComment
from bot.model.budget import Caps, Metric
from bot.model.identity import InstanceId, SessionId
from bot.model.plan import Plan, PlannedTask
from bot.model.session import Failed, FailureKind, Judged, Outcome, Planned, Role, SessionRecord, SessionReport, Spend
from bot.model.snapshot import Elsewhere
from tests.decide.test_life_of_an_objective import APPROVE, published, task
from tests.decide.world import START, World

FAILED = Failed(reason=FailureKind.NO_COMMITS, detail="nothing")


def world_of(*tasks: PlannedTask, **levels: BudgetCaps) -> World:
    """An objective with this plan, which cost nothing, and these budgets."""
    config = RepositoryConfig(limits=Limits(backoff_seconds=0), budget=BudgetConfig(**levels))
    world = World(config=config)
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=tasks)))
    world.settle()
    return world


def spend(world: World, session: str, outcome: Outcome, usd: float, tokens: int = 0) -> None:
    """A running session ends like this, having cost that much."""
    del world.running[SessionId(session)]
    cost = Spend(seconds=1, usd=usd, input_tokens=tokens)
    world.reports.append(SessionReport(id=SessionId(session), outcome=outcome, spend=cost))
    world.settle()


def granted(world: World, key: str) -> float | None:
    (found,) = [running.usd for running in world.running.values() if running.task == key]
    return found


def asked(world: World) -> list[str]:
    return [body for body in world.replies() if "crewline:escalation" in body]


def test_a_session_may_spend_the_least_of_what_its_session_task_objective_and_day_have_left() -> None:
    caps = (BudgetCaps(usd=9), BudgetCaps(usd=4), BudgetCaps(usd=7), BudgetCaps(usd=6))
    world = world_of(task("one"), **dict(zip(("session", "task", "objective", "day"), caps, strict=True)))
    assert granted(world, "one") == 4
    spend(world, "12.one.worker.1", FAILED, 1.5)
    assert granted(world, "one") == 2.5


def test_without_budgets_nothing_is_bounded() -> None:
    world = world_of(task("one"))
    (running,) = world.running.values()
    assert (running.usd, running.tokens, running.commits, running.seconds) == (None, None, None, 30 * 60)


def test_a_task_that_has_spent_its_budget_asks_once_and_goes_on_with_more() -> None:
    world = world_of(task("one"), task("two"), task=BudgetCaps(usd=5))
    spend(world, "12.one.worker.1", FAILED, 5.12)
    number = world.observed.tasks[0].number
    [question] = asked(world)
    assert f"its budget of $5 is spent ($5.12); `/budget 10` on #{number} continues it" in question
    assert list(world.running) == ["12.two.worker.1"]
    world.settle()
    assert len(asked(world)) == 1
    world.say("/budget 10", on=number)
    world.settle()
    assert granted(world, "one") == pytest.approx(4.88)
    assert "needs-human" not in str(world.observed.objective.labels)


def test_an_objective_that_has_spent_its_budget_starts_nothing_but_merges_what_is_approved() -> None:
    world = world_of(task("one"), task("two", "one"), objective=BudgetCaps(usd=5))
    done = published(world)
    spend(world, "12.one.worker.1", done, 3)
    spend(world, "12.one.reviewer.1", Judged(head=done.head, verdict=APPROVE), 2.5)
    assert world.observed.pull_requests[0].merge_commit is not None
    assert not world.running
    [question] = asked(world)
    assert "The objective** waits for you: its budget of $5 is spent ($5.50); `/budget 10` on #12" in question
    assert "waits for a person: its budget of $5 is spent" in world.status()
    world.say("/retry")
    world.settle()
    assert not world.running
    world.say("/budget 12")
    world.settle()
    assert list(world.running) == ["12.two.worker.1"]
    assert len(asked(world)) == 1


def test_settings_that_grant_more_withdraw_the_question() -> None:
    world = world_of(task("one"), task=BudgetCaps(tokens=1000))
    spend(world, "12.one.worker.1", FAILED, 0, tokens=1200)
    assert "its budget of 1k tokens is spent (1.2k tokens); `/budget 2k tokens` on" in asked(world)[0]
    world.config = world.config.model_copy(update={"budget": BudgetConfig()})
    world.settle()
    assert list(world.running) == ["12.one.worker.2"]


def test_when_the_day_has_spent_its_budget_everything_waits_until_midnight() -> None:
    world = world_of(task("one"), day=BudgetCaps(usd=5))
    spend(world, "12.one.worker.1", FAILED, 5)
    assert not world.running
    assert not asked(world)
    assert "waits until midnight UTC: the day's budget of $5 is spent ($5)" in world.status()
    midnight = (START + timedelta(days=1)).replace(hour=0)
    assert world.decide().look_again_at == midnight
    world.now = midnight
    world.settle()
    assert list(world.running) == ["12.one.worker.2"]


def test_what_other_objectives_spent_today_counts_and_what_they_may_still_spend() -> None:
    world = world_of(task("one"), day=BudgetCaps(usd=5))
    world.elsewhere = Elsewhere({Metric.USD: 2.0}, {Metric.USD: 1.0})
    spend(world, "12.one.worker.1", FAILED, 1)
    assert granted(world, "one") == 1
    world.elsewhere = Elsewhere({Metric.USD: 2.0}, {Metric.USD: 2.0})
    spend(world, "12.one.worker.2", FAILED, 0)
    assert not world.running
    assert "waits for what the running sessions leave of the day's budget of $5" in world.status()


def test_sessions_side_by_side_share_what_is_left_of_the_objective() -> None:
    world = world_of(task("one"), task("two"), task("three", "two"), objective=BudgetCaps(usd=9))
    assert (granted(world, "one"), granted(world, "two")) == (3, 3)
    spend(world, "12.one.worker.1", FAILED, 0)
    assert granted(world, "one") == 3


def test_the_status_says_what_was_spent_but_is_not_edited_for_that_alone() -> None:
    world = world_of(task("one"), objective=BudgetCaps(usd=5))
    assert "💰" not in world.status()
    world.say("/escalate wait", on=world.observed.tasks[0].number)
    del world.running[SessionId("12.one.worker.1")]
    done = published(world)
    world.reports.append(
        SessionReport(
            id=SessionId("12.one.worker.1"),
            outcome=done,
            spend=Spend(usd=1.2, input_tokens=40_000, output_tokens=5_000),
        )
    )
    world.settle()
    assert "💰 $1.20 of $5.00, 45k tokens\n" in world.status()
    assert world.ledger is not None
    sessions = (*world.ledger.sessions[:-1], world.ledger.sessions[-1].model_copy(update={"spend": Spend(usd=2)}))
    world.ledger = world.ledger.model_copy(update={"sessions": sessions})
    assert not [action for action in world.settle() if isinstance(action, EditComment)]


@pytest.mark.parametrize(
    ("text", "caps"),
    [
        ("10", Caps(usd=10)),
        ("$2.50", Caps(usd=2.5)),
        ("10 usd", Caps(usd=10)),
        ("500k tokens", Caps(tokens=500_000)),
        ("1.5M tokens", Caps(tokens=1_500_000)),
        ("90 minutes", Caps(seconds=5400)),
        ("2 hours", Caps(seconds=7200)),
        ("30 turns", Caps(turns=30)),
        ("1 commit", Caps(commits=1)),
        ("", None),
        ("0", None),
        ("-3", None),
        ("ten", None),
        ("5 euros", None),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, caps: Caps | None) -> None:
    assert read_amount(text) == caps


def test_a_budget_that_is_no_amount_or_spent_already_is_refused() -> None:
    world = world_of(task("one"), objective=BudgetCaps(usd=5))
    spend(world, "12.one.worker.1", FAILED, 3)
    for words in ("/budget a lot", "/budget 2"):
        world.say(words)
    world.settle()
    first, second = [body for body in world.replies() if "crewline:reply" in body]
    assert "`/budget 500k tokens`" in first
    assert "$3 are spent already" in second


@given(
    cap=st.integers(1, 40),
    session=st.none() | st.integers(1, 10),
    parts=st.lists(st.floats(0, 1), min_size=1, max_size=25),
    succeeds=st.lists(st.booleans(), min_size=25, max_size=25),
)
@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_sessions_that_keep_to_what_they_were_granted_never_overdraw_the_objective(
    cap: int, session: int | None, parts: list[float], succeeds: list[bool]
) -> None:
    levels = {"objective": BudgetCaps(usd=cap), "session": BudgetCaps(usd=session)}
    world = world_of(task("one"), task("two"), task("three", "one"), **levels)
    for part, success in zip(parts, succeeds, strict=False):
        reserved = sum(running.usd or 0.0 for running in world.running.values())
        assert world.ledger is not None
        spent = sum(done.spend.usd or 0.0 for done in world.ledger.sessions)
        assert spent + reserved <= cap + 0.01
        if not world.running:
            break
        name, running = next(iter(world.running.items()))
        outcome = published(world) if success and running.role is Role.WORKER else FAILED
        spend(world, name, outcome, part * (running.usd or 0.0))


def test_a_check_says_where_a_bound_on_money_bounded_nothing() -> None:
    told = SessionRecord(
        id=SessionId("12.parser.worker.1"),
        role=Role.WORKER,
        task="parser",
        holder=InstanceId("one"),
        claimed_at=datetime(2026, 1, 1, tzinfo=UTC),
        granted=Caps(usd=5.0),
        spend=Spend(usd=0.5),
    )
    silent = told.model_copy(update={"spend": Spend(input_tokens=10)})
    assert "Nothing told what it cost, so its bound of $5 bounded nothing." in session_text(silent)
    unbounded = silent.model_copy(update={"granted": Caps(tokens=10)})
    reckoned = told.model_copy(update={"spend": Spend(input_tokens=10, reckoned_usd=0.25)})
    assert "$0.25 by list prices" in session_text(reckoned)
    assert not any("Nothing told" in session_text(session) for session in (told, unbounded, reckoned))
