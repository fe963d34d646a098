"""Every loop is bounded: at the bound a person is asked, once, with the reason.

Failures, review rounds, conflicts and failed checks are counted apart, and only those that no `/retry` forgave. A
review that finds the very same things twice will not converge by trying again, so it asks at once.
"""

from __future__ import annotations

from itertools import takewhile

from bot.decide import amend
from bot.decide.budget import overdrawn
from bot.decide.situation import Situation
from bot.decide.task import Lack, Stage, Task, refused_by_provider, tasks_of
from bot.model.observed import PullRequestState
from bot.model.session import Blocked, Cause, Failed, Judged, Role, SessionRecord, Verdict, Void

ALL_GIVEN_UP = "every task was given up: reopen one of them, or close this issue"
MOST_VOIDS = 8
MOST_REFUSALS = 100
"""Sessions in a row that the provider of an agent's model refused; with the longest pauses that is a night."""


def bounds(situation: Situation) -> Situation:
    situation = _bound_giving_up(_bound_planning(situation))
    for task in tasks_of(situation):
        if task.stage in (Stage.DONE, Stage.DROPPED, Stage.ESCALATED) or task.claim:
            continue
        if reason := _reason(task, situation):
            ledger = situation.ledger.escalate(task.key, reason, situation.now)
            situation = situation.recording(ledger, f"{task.key}: a person is asked")
    return _bound_budgets(situation)


def _bound_budgets(situation: Situation) -> Situation:
    """A person is asked where a budget is spent and something waits for it, and no longer asked where it is not. A
    session that still runs was granted what it may spend; nobody is asked before it ends."""
    ledger, tasks = situation.ledger, tasks_of(situation)
    waiting: list[str | None] = [t.key for t in tasks if t.stage in (Stage.NEEDS_WORK, Stage.NEEDS_REVIEW)]
    answering = bool(ledger.exchanges) and ledger.exchanges[-1].answer is None
    unplanned = ledger.plan is None and ledger.answer is None and not answering
    amending = any(task.stage is Stage.AMENDING for task in tasks)
    if (unplanned or amending or waiting or ledger.planning.escalation is not None) and not ledger.open_claims():
        waiting.insert(0, None)
    waiting += [task.key for task in tasks if task.stage is Stage.ESCALATED]
    references = {task.key: task.reference for task in tasks}
    for key in waiting:
        escalation, found = situation.ledger.record(key).escalation, overdrawn(situation, key)
        if found is None and escalation is not None and escalation.for_budget:
            situation = situation.recording(situation.ledger.lift(key), f"{key or 'objective'}: its budget was raised")
        elif found is not None and escalation is None:
            question = found.question(references[key] if key is not None else f"#{ledger.objective}")
            asked = situation.ledger.escalate(key, question, situation.now, for_budget=True)
            situation = situation.recording(asked, f"{key or 'objective'}: its budget is spent")
    return situation


def _bound_giving_up(situation: Situation) -> Situation:
    """Where people gave every task up, nothing is left to do and nothing was done: what they want is theirs to say."""
    tasks, asked = tasks_of(situation), situation.ledger.planning.escalation is not None
    if asked or not situation.active or not tasks or any(task.stage is not Stage.DROPPED for task in tasks):
        return situation
    ledger = situation.ledger.escalate(None, ALL_GIVEN_UP, situation.now)
    return situation.recording(ledger, "every task was given up: a person is asked")


def _bound_planning(situation: Situation) -> Situation:
    ledger = situation.ledger
    if ledger.plan is not None or ledger.answer is not None or ledger.planning.escalation is not None:
        return situation
    counted = ledger.sessions_of(None)[ledger.planning.forgiven :]
    limits = situation.config.limits
    reason = _too_many_failures(counted, limits.attempts, "planning") or _question(counted) or _never_runs(counted)
    asked_too_often = len(ledger.exchanges) >= limits.questions and ledger.exchanges[-1].answer is not None
    if reason is None and asked_too_often and len(counted) >= limits.questions:
        reason = f"the planner has asked questions {len(ledger.exchanges)} times and still has no plan"
    if reason is None:
        return situation
    return situation.recording(ledger.escalate(None, reason, situation.now), "planning: a person is asked")


def _reason(task: Task, situation: Situation) -> str | None:
    limits = situation.config.limits
    pull = task.pull_request
    if pull is not None and pull.state is PullRequestState.CLOSED and pull.head == task.head and task.counted:
        by = f" by @{pull.closed_by}" if pull.closed_by else ""
        return f"its pull request #{pull.number} was closed{by} without being merged"
    if task.dropped_blockers:
        return f"it builds on {task.dropped_blockers[0]}: reopen that issue or put it back, or remove the dependency"
    if task.lack is not None and (reason := _no_amendment(task, task.lack, situation)):
        return reason
    verdicts = _refusals(task.counted)
    if len(verdicts) >= 2 and _same_findings(verdicts[-1], verdicts[-2]):
        return "the reviewer found the very same things twice"
    if len(verdicts) >= limits.review_rounds:
        return f"the reviewer asked for changes {len(verdicts)} times"
    excused = task.record.excused + (task.lack is not None)
    return (
        _question(task.counted)
        or _never_runs(task.counted)
        or _too_many_failures(task.counted, limits.attempts + excused, "it")
        or _too_many_causes(task, Cause.CONFLICT, limits.conflicts, task.conflicting)
        or _too_many_causes(task, Cause.CHECKS, limits.attempts, bool(task.failed_checks))
    )


def _no_amendment(task: Task, lack: Lack, situation: Situation) -> str | None:
    """Why the planner is not asked, or not asked any more, for what the task lacks."""
    limits, paths = situation.config.limits, amend.paths_in_words(lack.paths)
    if protected := amend.protected(situation, lack):
        return f"it needs {amend.paths_in_words(protected)}, which only people may change"
    tries = amend.tries(task)
    if any(session.outcome is None for session in tries) or amend.waits_for_answer(situation, task):
        return None
    times = amend.decided(situation)
    if times >= limits.amendments:
        after = f", and the plan was amended {times} times already" if times else ""
        return f"it needs {paths} beyond its scope{after}"
    asked = len(amend.answered(situation, task))
    if asked >= limits.questions:
        return f"it needs {paths} beyond its scope; the planner has asked {asked} times about that and not decided"
    why = _too_many_failures(tries, limits.attempts, "amending the plan") or _never_runs(tries)
    return f"it needs {paths} beyond its scope, but {why}" if why else None


def _never_runs(counted: tuple[SessionRecord, ...]) -> str | None:
    """Sessions that end through nobody's fault count against no attempt, but not for ever."""
    voids = list(takewhile(lambda session: isinstance(session.outcome, Void), reversed(counted)))
    if len([void for void in voids if not refused_by_provider(void)]) < MOST_VOIDS and len(voids) < MOST_REFUSALS:
        return None
    last = voids[0].outcome
    assert isinstance(last, Void)
    return f"{len(voids)} sessions in a row could not run to their end, the last one because {last.reason}"


def _question(counted: tuple[SessionRecord, ...]) -> str | None:
    last = counted[-1].outcome if counted else None
    return f"the agent is blocked and asks: {last.question}" if isinstance(last, Blocked) else None


def _refusals(counted: tuple[SessionRecord, ...]) -> list[Verdict]:
    verdicts = [session.outcome.verdict for session in counted if isinstance(session.outcome, Judged)]
    return [verdict for verdict in verdicts if verdict.decision == "request_changes"]


def _same_findings(one: Verdict, other: Verdict) -> bool:
    def essence(verdict: Verdict) -> set[tuple[str | None, str]]:
        return {(finding.path, finding.message) for finding in verdict.findings if finding.severity == "blocking"}

    return essence(one) == essence(other)


def _too_many_failures(counted: tuple[SessionRecord, ...], most: int, what: str) -> str | None:
    failures = [session for session in counted if isinstance(session.outcome, Failed)]
    if len(failures) < most:
        return None
    last = failures[-1].outcome
    assert isinstance(last, Failed)
    times = "once" if len(failures) == 1 else f"{len(failures)} times"
    return f"{what} failed {times}, the last time: {last.reason.value}"


def _too_many_causes(task: Task, cause: Cause, most: int, again: bool) -> str | None:
    told = [session for session in task.counted if not isinstance(session.outcome, Void)]
    tried = sum(session.role is Role.WORKER and session.cause is cause for session in told)
    if not again or tried < most:
        return None
    what = "conflicts with its base" if cause is Cause.CONFLICT else "fails its checks"
    return f"its pull request still {what} after {tried} tries"
