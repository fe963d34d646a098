"""What is worth remembering of what GitHub shows, but not worth a push of its own: it goes along with the next one."""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.task import tasks_of


def remember(situation: Situation) -> Situation:
    """The numbers of the tasks' issues; and that all dependencies of the plan stood on GitHub once."""
    ledger = situation.ledger
    tasks = tasks_of(situation)
    for task in tasks:
        if task.issue is not None and task.record.number != task.issue.number:
            ledger = ledger.with_record(task.key, task.record.model_copy(update={"number": task.issue.number}))
    issues = {task.key: task.issue for task in tasks}
    linked = all(
        task.issue is not None
        and (other := issues[key]) is not None
        and other.number in {blocker.number for blocker in task.issue.blocked_by}
        for task in tasks
        for key in task.planned.depends_on
    )
    if tasks and linked and all(issues.values()):
        ledger = ledger.model_copy(update={"needs_linking": False})
    return situation.recording(ledger)
