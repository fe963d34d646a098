"""What sessions achieved enters the ledger, together with the branches they made.

A report is in memory only until the push that records it. A claim that this instance neither runs nor has a report
for was made by an instance that died: its session is void and counts against nothing. A branch that moved while the
session worked (a person pushed to it) makes the session's commits void too: they are not on top of what people see.

What a session had committed and did not publish goes to a branch of its own, ``crewline/salvage/…``, in that push.
"""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.task import tasks_of
from bot.model.action import BranchPush
from bot.model.identity import salvage_branch, task_branch
from bot.model.ledger import Ledger
from bot.model.observed import PullRequestState
from bot.model.plan import PlainAnswer, Plan, Questions
from bot.model.session import LOST, Planned, Published, Salvage, SessionRecord, SessionReport, Void, salvage_of


def bury(situation: Situation) -> Situation:
    """End the claims of instances that are gone (one instance serves a repository at a time), unless what they came
    to is known after all. Before anything is decided about the tasks: nobody works on them."""
    snapshot = situation.snapshot
    told = {report.id for report in snapshot.reports}
    for claim in situation.ledger.open_claims():
        if claim.holder != snapshot.instance and claim.id not in told:
            situation = _end(situation, claim, LOST)
    return situation


def harvest(situation: Situation) -> Situation:
    for report in situation.snapshot.reports:
        session = situation.ledger.session(report.id)
        if session is not None and session.outcome is None:
            situation = _take(situation, session, report)
    return _drop(situation)


def _take(situation: Situation, session: SessionRecord, report: SessionReport) -> Situation:
    outcome = report.outcome
    if isinstance(outcome, Published) and session.task is not None:
        branch = task_branch(situation.objective.number, session.task)
        present = situation.snapshot.observed.branch(branch)
        if present != session.starts_from and present != outcome.head:
            moved = Void(reason=f"the branch `{branch}` moved while the session worked", salvage=_whole(outcome))
            report = report.model_copy(update={"outcome": moved})
        elif _is_merged(situation, branch):
            merged = Void(reason="the pull request was merged meanwhile", salvage=_whole(outcome))
            report = report.model_copy(update={"outcome": merged})
        elif present != outcome.head:
            situation = situation.pushing(BranchPush(branch, outcome.head, present))
    salvage = salvage_of(report.outcome)
    if salvage is not None and salvage.head is not None and session.task is not None:
        branch = salvage_branch(situation.objective.number, session.task, session.id)
        situation = situation.pushing(BranchPush(branch, salvage.head, None))
    ledger = situation.ledger.end(report, situation.now)
    if isinstance(outcome, Planned):
        ledger = _take_answer(ledger, session, outcome.answer)
    return situation.recording(ledger, f"{report.id}: {report.outcome.kind}")


def _whole(outcome: Published) -> Salvage:
    return Salvage(head=outcome.head)


def _take_answer(ledger: Ledger, session: SessionRecord, answer: Plan | Questions | PlainAnswer) -> Ledger:
    match answer:
        case Plan():
            return ledger.adopt(answer)
        case Questions():
            return ledger.ask(session.id, answer)
        case PlainAnswer():
            return ledger.model_copy(update={"answer": answer})


def _is_merged(situation: Situation, branch: str) -> bool:
    return any(
        pull.head_branch == branch and pull.state is PullRequestState.MERGED
        for pull in situation.snapshot.observed.pull_requests
    )


def _drop(situation: Situation) -> Situation:
    """End the claims of sessions that became unwanted before they started."""
    for claim in situation.ledger.open_claims():
        reason = unwanted(situation, claim.task)
        if reason is not None and claim.id not in situation.snapshot.running:
            situation = _end(situation, claim, reason)
    return situation


def _end(situation: Situation, claim: SessionRecord, reason: str) -> Situation:
    report = SessionReport(id=claim.id, outcome=Void(reason=reason), spend=claim.spend)
    return situation.recording(situation.ledger.end(report, situation.now), f"{claim.id}: {reason}")


def unwanted(situation: Situation, key: str | None) -> str | None:
    """Why no session of task `key` (None: of planning) is wanted any more, or None."""
    if not situation.active:
        return "the objective is not active any more"
    if situation.held or situation.ledger.record(key).escalation is not None:
        return "a person stopped it"
    for task in tasks_of(situation):
        closed = task.taken_out or (task.issue is not None and not task.issue.open)
        if task.key == key and (closed or task.merged):
            return "the task was closed"
    return None
