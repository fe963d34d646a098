"""A branch that cannot be pushed does not hold up the ledger."""

from __future__ import annotations

from bot.control.refused import without_refused, without_taken
from bot.model.action import BranchPush
from bot.model.identity import CommitSha, SessionId
from bot.model.session import Failed, FailureKind, Published, Salvage, SessionReport, Spend, Void

ONE, TWO = SessionId("12.one.worker.1"), SessionId("12.two.worker.1")
HEAD, OTHER = CommitSha("a" * 40), CommitSha("b" * 40)
SALVAGED = SessionReport(id=ONE, outcome=Void(reason="stopped", salvage=Salvage(head=HEAD)), spend=Spend())
DONE = SessionReport(
    id=TWO, outcome=Published(head=OTHER, base=OTHER, evidence=None, summary=None), spend=Spend(seconds=1)
)
REPORTS = {ONE: SALVAGED, TWO: DONE}
SALVAGE = BranchPush("crewline/salvage/12/one/12.one.worker.1", HEAD, None)
WORK = BranchPush("crewline/12/two", OTHER, None)


def test_salvage_that_is_refused_is_left_out_and_the_rest_is_tried_again() -> None:
    changed = without_refused(REPORTS, (SALVAGE, WORK), "GH013: no")
    assert changed == {
        ONE: SALVAGED.model_copy(update={"outcome": Void(reason="stopped", salvage=Salvage(refusal="GH013: no"))})
    }


def test_work_that_is_refused_failed_at_the_gate() -> None:
    changed = without_refused(REPORTS, (WORK,), "GH013: no")
    assert changed == {TWO: DONE.model_copy(update={"outcome": Failed(reason=FailureKind.GATE, detail="GH013: no")})}


def test_a_ledger_that_is_refused_by_itself_is_nobody_s_failure() -> None:
    assert without_refused(REPORTS, (), "no") == {}


def test_a_name_that_somebody_has_taken_is_given_up_and_a_branch_that_moved_is_not() -> None:
    moved = without_taken(REPORTS, (SALVAGE, WORK), ["refs/heads/crewline/12/two", "refs/crewline/objectives/12"])
    assert moved == {}
    taken = without_taken(REPORTS, (SALVAGE, WORK), [f"refs/heads/{SALVAGE.branch}"])
    assert taken[ONE].outcome == Void(
        reason="stopped", salvage=Salvage(refusal="a branch of its name is there already")
    )
    assert list(taken) == [ONE]
