"""`/retry [hint]`: try again, with what was learned and a hint."""

from __future__ import annotations

from bot.decide.budget import overdrawn
from bot.decide.commands.command import CommandRule, Done, Refused, Request
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, tasks_of


def _retry(situation: Situation, request: Request) -> Done | Refused:
    hint = request.argument or None
    tasks = tasks_of(situation)
    if request.task is None:
        return _retry_objective(situation, tasks, hint)
    task = next(task for task in tasks if task.key == request.task)
    if task.stage is Stage.DONE:
        return Refused(f"{task.reference} is done already.")
    if task.stage is Stage.DROPPED:
        if task.taken_out:
            return Refused(f"{task.reference} is no sub-issue of this objective any more: put it back first.")
        return Refused(f"{task.reference} is closed: reopen it first.")
    if task.claim is not None:
        return Refused(f"a session of {task.reference} is running; `/escalate` stops it.")
    if (spent := overdrawn(situation, task.key)) is not None:
        return Refused(f"{spent.question(task.reference)}.")
    return Done(_forgive(situation, task.key, hint))


def _retry_objective(situation: Situation, tasks: tuple[Task, ...], hint: str | None) -> Done | Refused:
    """Everything that waits for a person is tried again; nothing else is touched."""
    if (spent := overdrawn(situation, None)) is not None:
        return Refused(f"{spent.question(f'#{situation.objective.number}')}.")
    escalated = [task.key for task in tasks if task.stage is Stage.ESCALATED]
    keys: list[str | None] = [key for key in escalated if overdrawn(situation, key) is None]
    planning = situation.ledger.planning
    if planning.escalation is not None or _planner_failed(situation):
        keys.insert(0, None)
    if not keys:
        return Refused("nothing here waits for a retry; `/status` says what goes on.")
    for key in keys:
        situation = _forgive(situation, key, hint)
    return Done(situation)


def _planner_failed(situation: Situation) -> bool:
    ledger = situation.ledger
    idle = not any(session.task is None for session in ledger.open_claims())
    return ledger.plan is None and ledger.answer is None and bool(ledger.sessions) and idle


def _forgive(situation: Situation, key: str | None, hint: str | None) -> Situation:
    return situation.recording(situation.ledger.forgive(key, hint), f"{key or 'planning'}: retry")


RETRY = CommandRule(
    name="retry",
    arguments="[hint]",
    text="Try again what waits for a person; the hint goes into the agent's prompt. On a task it retries that task, "
    "on the objective everything that waits for you. Earlier failures no longer count.",
    carry_out=_retry,
)
