"""What may be done while an earlier write waits, and that everything comes to the same end later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.control.deferred import NOT_LIMITED, Deferred
from bot.decide.lanes import in_order, last_words
from bot.github.errors import Unavailable
from bot.model.action import (
    Action,
    AddLabel,
    CloseIssue,
    Conclusion,
    EditComment,
    Merge,
    PostReview,
    PublishCheck,
    PushLedger,
    StopSession,
    WriteComment,
)
from bot.model.identity import CommitSha, SessionId
from bot.model.marker import tagged
from bot.model.plan import Plan
from tests.decide.test_properties import Story, plans
from tests.decide.world import START, World

HEAD, OTHER = CommitSha("a" * 40), CommitSha("b" * 40)
REVIEW = PostReview(5, HEAD, "Good.", ())
MERGE = Merge(5, HEAD, "squash", "t", "m")
OTHER_MERGE = Merge(6, OTHER, "squash", "t", "m")
CHECK = PublishCheck("crewline/verify", HEAD, Conclusion.SUCCESS, "t", "s", SessionId("12.a.worker.1"))
REPLY = WriteComment(12, "reply")
STATUS = EditComment(12, 7, "status")
LABEL = AddLabel(12, "crewline:needs-human")
CLOSE = CloseIssue(12, completed=True)
STOP = StopSession(SessionId("12.a.worker.1"), "no more")


def test_a_merge_does_not_overtake_its_review() -> None:
    assert in_order([CHECK, REVIEW, MERGE, OTHER_MERGE], [REVIEW]) == (CHECK, OTHER_MERGE)


def test_nor_its_check() -> None:
    assert in_order([CHECK, REVIEW, MERGE], [CHECK]) == ()


def test_what_comes_before_is_not_held_up() -> None:
    assert in_order([MERGE, REPLY], [REPLY]) == (MERGE,)


def test_a_label_waits_for_the_comment_that_explains_it() -> None:
    assert in_order([REPLY, LABEL], [REPLY]) == ()


def test_sessions_wait_for_nothing() -> None:
    assert in_order([REPLY, STOP], [REPLY]) == (STOP,)


def test_the_status_is_edited_though_others_wait_but_nothing_is_closed() -> None:
    assert last_words([STATUS, CLOSE], [REPLY]) == (STATUS,)
    assert last_words([STATUS, CLOSE], []) == (STATUS, CLOSE)


def unavailable(*, only_content: bool) -> Unavailable:
    return Unavailable("wait", START + timedelta(hours=1), "500 an hour", only_content=only_content)


def test_what_makes_no_content_goes_on_when_only_content_is_limited() -> None:
    deferred = Deferred()
    deferred.take(REPLY, unavailable(only_content=True))
    assert deferred.free([REPLY, OTHER_MERGE, STOP]) == (OTHER_MERGE, STOP)


def test_nothing_else_is_tried_when_everything_is_limited() -> None:
    deferred = Deferred()
    deferred.take(REPLY, unavailable(only_content=False))
    assert deferred.free([REPLY, OTHER_MERGE, STOP]) == (STOP,)
    assert deferred.last_words([STATUS]) == ()


class HeldUp(Story):
    """The story of an objective some of whose writes have to wait, each look anew by `waits`."""

    def __init__(self, plan: Plan, waits: Callable[[], bool]) -> None:
        self.waits = waits
        super().__init__(plan)

    def step(self) -> None:
        """As a look does it."""
        deferred = Deferred()
        for _ in range(60):
            decision = self.world.decide()
            todo = deferred.free(decision.actions) or deferred.last_words(decision.afterwards)
            if not todo:
                return
            for action in todo:
                if action not in deferred.free(todo):
                    continue
                if not isinstance(action, NOT_LIMITED) and self.waits():
                    deferred.take(action, unavailable(only_content=True))
                else:
                    self.check(action, deferred)
                    self.world.carry_out(action)
        raise AssertionError("the look does not come to rest")

    def check(self, action: Action, deferred: Deferred) -> None:
        """Nobody finds anything on GitHub that could not have come in this order."""
        if isinstance(action, Merge):
            self._may_merge(action)
            self._is_shown(action)
        if isinstance(action, AddLabel):
            assert any(tagged(body, "escalation") for body in self.world.replies())
        if isinstance(action, CloseIssue) and action.number == 12:
            assert deferred.wait is None, "closed while something waits"

    def _is_shown(self, action: Merge) -> None:
        assert self.world.ledger is not None
        [pull] = [pull for pull in self.world.observed.pull_requests if pull.number == action.pull_request]
        judges = {s.id for s in self.world.ledger.sessions if s.judges == action.head and s.outcome is not None}
        assert {tagged(review.body, "review") for review in pull.reviews} >= judges, "merged before its review"
        assert judges <= {check.session for check in pull.checks}, "merged before its checks"


@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(plan=plans(), data=st.data())
def test_whatever_waits_the_objective_ends_or_asks_a_person(plan: Plan, data: st.DataObject) -> None:
    chance = Random(data.draw(st.integers(0, 1_000_000)))
    story = HeldUp(plan, lambda: chance.random() < 0.5)
    for _ in range(150):
        if story.world.running:
            story.end_one(data)
        elif not (story.world.decide().actions or story.world.decide().afterwards):
            break
        story.step()
    assert ended(story.world)


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(plan=plans(), data=st.data())
def test_agents_go_on_though_nothing_can_be_written_and_all_is_written_later(plan: Plan, data: st.DataObject) -> None:
    story = HeldUp(plan, lambda: True)
    for _ in range(100):
        if not story.world.running:
            break
        story.end_one(data)
        story.step()
    assert story.world.ledger is not None
    assert len(story.world.ledger.sessions) > 1, "somebody worked"
    assert all(isinstance(action, NOT_LIMITED) for action in story.world.done), "nothing was written"
    story.waits = lambda: False
    for _ in range(100):
        story.step()
        if not story.world.running:
            break
        story.end_one(data)
    assert ended(story.world)
    pushes = [action for action in story.world.done if isinstance(action, PushLedger)]
    assert pushes


def ended(world: World) -> bool:
    asking = "crewline:needs-human" in world.observed.objective.labels
    asking = asking or any(tagged(body, "questions") for body in world.replies())  # nobody answers in these stories
    return asking or not world.observed.objective.open
