"""`/status`: why is it waiting?"""

from __future__ import annotations

from bot.decide.commands.command import CommandRule, Done, Request
from bot.decide.situation import Situation
from bot.decide.task import tasks_of
from bot.decide.waiting import waits_for_github, why_objective, why_task


def _status(situation: Situation, request: Request) -> Done:
    tasks = tasks_of(situation)
    if request.task is not None:
        task = next(task for task in tasks if task.key == request.task)
        return Done(situation, f"{task.reference}: {why_task(task, situation, tasks)}")
    lines = [why_objective(situation, tasks)]
    if waits := waits_for_github(situation):
        lines.append(waits)
    lines += [f"* {task.reference} {task.planned.title}: {why_task(task, situation, tasks)}" for task in tasks]
    return Done(situation, "\n".join(lines))


STATUS = CommandRule(
    name="status",
    text="Say what goes on and what waits for what.",
    carry_out=_status,
)
