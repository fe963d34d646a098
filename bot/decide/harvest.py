"""What sessions achieved enters the ledger, together with the branches they made.

A report is in memory only until the push that records it. A claim that this instance neither runs nor has a report
for was made by an instance that died: its session is void and counts against nothing. A branch that moved while the
session worked (a person pushed to it) makes the session's commits void too: they are not on top of what people see.

What a session had committed and did not publish goes to a branch of its own, ``crewline/salvage/…``, in that push.
"""

from __future__ import annotations

from bot.decide import amend
from bot.decide.situation import Situation
from bot.decide.task import tasks_of
from bot.model.action import BranchPush
from bot.model.amendment import Amendment, Refusal
from bot.model.identity import salvage_branch, task_branch
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
    sessions = ((situation.ledger.session(report.id), report) for report in situation.snapshot.reports)
    found = [(session, report) for session, report in sessions if session is not None and session.outcome is None]
    for session, report in sorted(found, key=lambda one: one[0].amends is not None):  # a plan is amended as it is then
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
    if isinstance(outcome, Planned) and session.amends is not None:
        report = report.model_copy(update={"outcome": amend.judged(situation, session, outcome)})
    salvage = salvage_of(report.outcome)
    if salvage is not None and salvage.head is not None and session.task is not None:
        branch = salvage_branch(situation.objective.number, session.task, session.id)
        situation = situation.pushing(BranchPush(branch, salvage.head, None))
    situation = situation.recording(situation.ledger.end(report, situation.now), f"{report.id}: {report.outcome.kind}")
    return _take_answer(situation, session, report.outcome.answer) if isinstance(report.outcome, Planned) else situation


def _whole(outcome: Published) -> Salvage:
    return Salvage(head=outcome.head)


def _take_answer(
    situation: Situation, session: SessionRecord, answer: Plan | Questions | PlainAnswer | Amendment | Refusal
) -> Situation:
    ledger = situation.ledger
    match answer:
        case Plan():
            return situation.recording(ledger.adopt(answer))
        case PlainAnswer():
            return situation.recording(ledger.model_copy(update={"answer": answer}))
        case Questions() if session.amends is None:
            return situation.recording(ledger.ask(session.id, answer))
        case _:
            return amend.take(situation, session, answer)


def _is_merged(situation: Situation, branch: str) -> bool:
    return any(
        pull.head_branch == branch and pull.state is PullRequestState.MERGED
        for pull in situation.snapshot.observed.pull_requests
    )


def _drop(situation: Situation) -> Situation:
    """End the claims of sessions that became unwanted before they started."""
    for claim in situation.ledger.open_claims():
        reason = unwanted(situation, claim)
        if reason is not None and claim.id not in situation.snapshot.running:
            situation = _end(situation, claim, reason)
    return situation


def _end(situation: Situation, claim: SessionRecord, reason: str) -> Situation:
    report = SessionReport(id=claim.id, outcome=Void(reason=reason), spend=claim.spend)
    return situation.recording(situation.ledger.end(report, situation.now), f"{claim.id}: {reason}")


def unwanted(situation: Situation, claim: SessionRecord) -> str | None:
    """Why the session is not wanted any more, or None."""
    key = claim.task
    if not situation.active:
        return "the objective is not active any more"
    if situation.held or situation.ledger.record(key).escalation is not None:
        return "a person stopped it"
    for task in tasks_of(situation):
        closed = task.taken_out or (task.issue is not None and not task.issue.open)
        if task.key == key and (closed or task.merged):
            return "the task was closed"
    if claim.amends is not None and amend.needed(situation, claim) is None:
        return amend.SETTLED
    return None
