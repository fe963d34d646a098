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
    if task.claim is not None and hint is not None:
        return _hint_later(situation, task, hint)
    if task.claim is not None:
        return Refused(f"a session of {task.reference} is running; `/escalate` stops it.")
    if (spent := overdrawn(situation, task.key)) is not None:
        return Refused(f"{spent.question(task.reference)}.")
    return Done(_forgive(situation, task.key, hint))


def _hint_later(situation: Situation, task: Task, hint: str) -> Done:
    """What runs has its prompt already; nothing is forgiven, since nothing waits."""
    record = situation.ledger.record(task.key).model_copy(update={"hint": hint})
    noted = situation.recording(situation.ledger.with_record(task.key, record), f"{task.key}: a hint for later")
    reply = (
        f"A session of {task.reference} is running and does not see your hint; the next attempt, if there is one, is "
        "told it. `/escalate` stops the session, `/retry` starts that attempt then."
    )
    return Done(noted, reply)


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
    "on the objective everything that waits for you. Earlier failures no longer count, and a "
    "model that was not to be had is asked at once. A hint for a task that is worked on is kept for its next attempt.",
    carry_out=_retry,
)
