"""Why does it wait? One sentence for every task and every objective; the same on the issue and in the dashboard."""

from __future__ import annotations

from datetime import timedelta

from bot.decide.amend import paths_in_words, tries, waits_for_answer
from bot.decide.budget import why_nothing_starts
from bot.decide.dispatch import cause_of, obstacle
from bot.decide.players import player
from bot.decide.refused_writes import refused_of
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, backed_off_until
from bot.model.ledger import Escalation
from bot.model.session import Cause, Failed, Role, Void

DOING = {
    Cause.FIRST: "an agent works on it",
    Cause.FAILURE: "an agent tries again after a failure",
    Cause.REVIEW: "an agent works on the reviewer's findings",
    Cause.CONFLICT: "an agent solves the merge conflict",
    Cause.CHECKS: "an agent mends the failed checks",
}


STOPPING = "waits until the server runs again: it is being stopped"

TAKEN_OUT = "given up: its issue was deleted, moved away or taken out; put it back among the sub-issues to go on"
WORTH_TELLING = timedelta(minutes=1)


def why_task(task: Task, situation: Situation, tasks: tuple[Task, ...]) -> str:
    """One sentence, without a time that would change at every look."""
    match task.stage:
        case Stage.DONE:
            return _done(task)
        case Stage.DROPPED:
            return TAKEN_OUT if task.taken_out else "closed without being completed"
        case Stage.ESCALATED:
            return f"waits for a person: {_asked(task.record.escalation)}"
        case Stage.WORKING:
            cause = task.claim.cause if task.claim else Cause.FIRST
            return f"{DOING[cause]} (attempt {task.attempt})"
        case Stage.REVIEWING:
            return "the reviewer looks at it"
        case Stage.AMENDING:
            return paused(situation) or _why_not_amended(task, situation)
        case Stage.BLOCKED:
            return _blocked(task)
        case Stage.NEEDS_REVIEW:
            waits = why_nothing_starts(situation, task.key) or _hindered(situation)
            waits = waits or "waits for a free slot to be reviewed"
            return paused(situation) or _backing_off(task, situation) or waits
        case Stage.NEEDS_WORK:
            return paused(situation) or _why_not_started(task, situation, tasks)
        case Stage.APPROVED:
            return stopped(situation) or why_not_merged(task, situation) or "about to be merged"


def why_objective(situation: Situation, tasks: tuple[Task, ...]) -> str:
    """The state of the whole objective in one sentence."""
    ledger = situation.ledger
    finished = bool(tasks) and all(task.stage in (Stage.DONE, Stage.DROPPED) for task in tasks)
    if not finished and ledger.answer is None and (reason := paused(situation)):
        return reason[0].upper() + reason[1:] + "."
    if ledger.answer is not None:
        return "Answered; no change of code is needed."
    if ledger.plan is None:
        return _why_no_plan(situation)
    done = sum(task.stage is Stage.DONE for task in tasks)
    asking = [task.reference for task in tasks if task.stage is Stage.ESCALATED]
    text = f"{done} of {len(tasks)} tasks done"
    if any(task.stage is Stage.AMENDING and waits_for_answer(situation, task) for task in tasks):
        text += "; the planner has questions: answer them in a comment here"
    return f"{text}; {', '.join(asking)} wait{'s' if len(asking) == 1 else ''} for you." if asking else f"{text}."


def _asked(escalation: Escalation | None, where: str = "") -> str:
    if escalation is None:
        return ""
    return escalation.reason if escalation.for_budget else f"{escalation.reason}; `/retry [hint]`{where} continues it"


def paused(situation: Situation) -> str | None:
    """Why nothing starts in the whole objective, if so."""
    escalation = situation.ledger.planning.escalation
    if (reason := stopped(situation)) or escalation is None:
        return reason
    return f"waits for a person: {_asked(escalation)}"


def stopped(situation: Situation) -> str | None:
    """Why nothing starts and nothing merges in the whole objective, if so."""
    if situation.snapshot.observed.archived:
        return "paused: the repository is archived"
    if not situation.objective.open:
        return "stopped: the objective's issue is closed; reopen it to go on"
    if not situation.labelled:
        return f"paused: the label `{situation.config.label}` was removed; set it again to go on"
    if situation.unruled:
        return "waits until `.github/crewline.yml` is mended: no version of it was ever good"
    if situation.held:
        return f"waits for a person: {_asked(situation.ledger.planning.escalation, ' on the objective')}"
    return None


def waits_for_github(situation: Situation) -> str | None:
    """Until when what is to be written waits, where that is worth telling."""
    wait = situation.snapshot.wait
    if wait is None or wait.until - situation.now < WORTH_TELLING:
        return None
    until = wait.until + timedelta(seconds=59)
    if wait.limit is None:
        return f"GitHub does not answer; it is asked again at {until:%H:%M} UTC."
    return f"What is to be written waits for GitHub's limit until {until:%H:%M} UTC ({wait.limit}); agents go on."


def why_not_merged(task: Task, situation: Situation) -> str | None:
    """What stands between an approved task and its merge, or None where it can be merged now."""
    pull = task.pull_request
    if refused := refused_of(situation.snapshot, task.head):
        return refused
    if pull is None or pull.head != task.head:
        return "its pull request is being opened"
    if pull.base_branch != situation.base_branch:
        return f"#{pull.number} goes into `{pull.base_branch}`, not `{situation.base_branch}`: change its base branch"
    if task.pending_checks and situation.config.merge.wait_for_checks:
        names = ", ".join(f"`{check.name}`" for check in task.pending_checks[:3])
        return f"waits for the checks {names}"
    if pull.merge_state == "DRAFT":
        return f"#{pull.number} is a draft: mark it as ready for review"
    refusal = _refusal(task, situation)
    return f"GitHub has not merged #{pull.number}: {refusal}" if refusal else None


def _refusal(task: Task, situation: Situation) -> str | None:
    for refusal in situation.snapshot.refusals:
        if task.pull_request and refusal.pull_request == task.pull_request.number and refusal.head == task.head:
            return refusal.message
    return None


def _done(task: Task) -> str:
    if task.merged and task.pull_request:
        return f"merged with #{task.pull_request.number}"
    return "closed as completed"


def _blocked(task: Task) -> str:
    if task.dropped_blockers:
        return f"waits for {task.dropped_blockers[0]}"
    names = [f"#{name}" if isinstance(name, int) else f"`{name}`" for name in task.open_blockers]
    return f"waits for {', '.join(names)}"


def _backing_off(task: Task, situation: Situation) -> str | None:
    until = task.not_before(situation.config.limits)
    if until is None or until <= situation.now:
        return _refused(task, situation, Role.REVIEWER if task.stage is Stage.NEEDS_REVIEW else Role.WORKER)
    last = task.counted[-1].outcome
    reason = last.reason if isinstance(last, Failed | Void) else "a failure"
    return f"tries again at {until:%H:%M:%S} UTC, after: {reason}"


def _refused(task: Task | None, situation: Situation, role: Role) -> str | None:
    """Why no agent can be had, if so."""
    who = player(situation, role, task)
    if who.not_before is None or who.not_before <= situation.now:
        return None
    outcomes = (session.outcome for session in reversed(situation.ledger.sessions) if session.agent == who.agent)
    trouble = next((one.trouble for one in outcomes if isinstance(one, Void) and one.trouble), None)
    what = f" is {trouble.value}" if trouble else " cannot be had"
    return f"waits for the model of {who.name}, which{what}; asks again at {who.not_before:%H:%M:%S} UTC"


def _why_not_amended(task: Task, situation: Situation) -> str:
    """Waiting for the planner, who decides whether the task gets what it lacks."""
    paths = paths_in_words(task.lack.paths) if task.lack else ""
    waits = f"waits for an amended plan, since it needs {paths}"
    sessions = tries(task)
    if any(session.outcome is None for session in sessions):
        return f"{waits}; the planner is at work"
    if waits_for_answer(situation, task):
        return f"{waits}; the planner has questions: answer them in a comment on the objective"
    until = backed_off_until(sessions, situation.config.limits)
    if until is not None and until > situation.now:
        return f"{waits}; the planner failed and is asked again at {until:%H:%M:%S} UTC"
    hindered = _refused(None, situation, Role.PLANNER) or why_nothing_starts(situation, None) or _hindered(situation)
    return f"{waits}; {hindered}" if hindered else waits


def _hindered(situation: Situation) -> str | None:
    """What keeps this server from starting anything."""
    if situation.snapshot.draining:
        return STOPPING
    return "waits for the server, which can start nothing now" if situation.snapshot.hindrance else None


def _why_not_started(task: Task, situation: Situation, tasks: tuple[Task, ...]) -> str:
    if backing_off := _backing_off(task, situation):
        return backing_off
    if other := obstacle(situation, task, tasks):
        return f"waits because {other}"
    if hindered := why_nothing_starts(situation, task.key) or _hindered(situation):
        return hindered
    cause = cause_of(task)
    again = "" if cause is Cause.FIRST else f" (after a {cause.value})"
    return f"waits for a free slot{again}"


def _why_no_plan(situation: Situation) -> str:
    ledger = situation.ledger
    if any(claim.role is Role.PLANNER for claim in ledger.open_claims()):
        return "The planner is at work."
    if ledger.exchanges and ledger.exchanges[-1].answer is None:
        return "The planner has questions: answer them in a comment here."
    until = backed_off_until(ledger.sessions_of(None)[ledger.planning.forgiven :], situation.config.limits)
    if (until is None or until <= situation.now) and (refused := _refused(None, situation, Role.PLANNER)):
        return f"{refused[0].upper()}{refused[1:]}."
    if until is not None and until > situation.now:
        return f"Planning failed; the next try is at {until:%H:%M:%S} UTC."
    if hindered := why_nothing_starts(situation, None) or _hindered(situation):
        return f"{hindered[0].upper()}{hindered[1:]}."
    return "Waits for a free slot to be planned."
