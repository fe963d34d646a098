"""What is worth remembering of what GitHub shows. It goes along with the next push.

One thing is worth a push of its own, when nothing else is left to do: the numbers of the issues that were just
created. Until they are recorded a task's issue is known by the tag in its body alone, and a person may edit that.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.decide.situation import Situation
from bot.decide.task import Stage, tasks_of
from bot.model.action import Action, PushLedger
from bot.model.observed import Issue


def remember(situation: Situation) -> Situation:
    """The numbers of the tasks' issues; and that all dependencies of the plan stood on GitHub once."""
    ledger = situation.ledger
    tasks = tasks_of(situation)
    for task in tasks:
        if task.issue is not None and task.record.number != task.issue.number:
            ledger = ledger.with_record(task.key, task.record.model_copy(update={"number": task.issue.number}))
    issues = {task.key: task.issue for task in tasks}
    linked = all(_stands(issues, task.key, key) for task in tasks for key in task.planned.depends_on)
    if tasks and linked and all(issues.values()):
        ledger = ledger.model_copy(update={"needs_linking": False})
    settled = {task.key for task in tasks if task.stage in (Stage.DONE, Stage.DROPPED)}
    unlinked = tuple(
        link for link in ledger.unlinked if link.task not in settled and not _stands(issues, link.task, link.depends_on)
    )
    return situation.recording(ledger.model_copy(update={"unlinked": unlinked}))


def _stands(issues: Mapping[str, Issue | None], key: str, blocking: str) -> bool:
    """Whether GitHub shows the dependency."""
    issue, other = issues[key], issues[blocking]
    return issue is not None and other is not None and other.number in {one.number for one in issue.blocked_by}


def record_numbers(situation: Situation) -> list[Action]:
    before = situation.snapshot.ledger
    if before is None or before.plan is None or before.tasks == situation.ledger.tasks:
        return []
    return [PushLedger(situation.ledger, "the issues of the tasks are known")]
