"""`/escalate [reason]`: stop, and leave it to people."""

from __future__ import annotations

from bot.decide.commands.command import CommandRule, Done, Refused, Request
from bot.decide.situation import Situation
from bot.decide.task import Stage, tasks_of


def _escalate(situation: Situation, request: Request) -> Done | Refused:
    if request.task is not None:
        task = next(task for task in tasks_of(situation) if task.key == request.task)
        if task.stage in (Stage.DONE, Stage.DROPPED):
            return Refused(f"{task.reference} is closed already.")
    if situation.ledger.record(request.task).escalation is not None:
        return Refused("it waits for a person already; `/retry` continues it.")
    reason = request.argument or f"@{request.by} asked for it"
    ledger = situation.ledger.escalate(request.task, reason, situation.now, request.by)
    return Done(situation.recording(ledger, f"{request.task or 'objective'}: escalated by @{request.by}"))


ESCALATE = CommandRule(
    name="escalate",
    arguments="[reason]",
    text="Stop working on it and leave it to people until `/retry`. On a task its session ends; on the objective "
    "nothing starts and nothing merges any more.",
    carry_out=_escalate,
)
