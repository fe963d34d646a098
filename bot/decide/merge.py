"""What may be merged now: approved, verified at its head, unblocked, and in dependency order."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.decide import texts
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, tasks_of
from bot.decide.waiting import why_not_merged
from bot.model.action import Action, CloseIssue, Merge
from bot.model.observed import PullRequestState
from bot.model.snapshot import MergeRefusal

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)


def merge(situation: Situation) -> list[Action]:
    """Merges, each guarded by the commit that was verified and reviewed. What an earlier process may not have shown
    (the verdict, its review) is shown before: while absence is not trusted nothing is, so nothing is merged either."""
    if not situation.active or situation.held or situation.unruled or not situation.snapshot.absence_trusted:
        return []
    return [
        Merge(
            pull_request=task.pull_request.number,
            head=task.pull_request.head,
            method=situation.config.merge.method,
            title=f"{texts.quoted(task.planned.title)} (#{task.pull_request.number})",
            message=texts.merge_message(situation, task),
        )
        for task in tasks_of(situation)
        if task.pull_request is not None and _may_merge(task, situation)
    ]


def close_finished(situation: Situation) -> list[Action]:
    """Close the issues of merged tasks: GitHub does so itself only for pull requests to the default branch, and not
    where the repository switched that off. An issue that a person opened again stays open."""
    if situation.snapshot.observed.archived:
        return []
    return [
        CloseIssue(task.issue.number, completed=True)
        for task in tasks_of(situation)
        if task.issue and task.issue.open and task.merged and task.issue.closed_by is None
    ]


def retry_at(refusal: MergeRefusal) -> datetime:
    """When a refused merge is tried again: the wait doubles each time."""
    return refusal.at + min(FIRST_WAIT * (1 << min(refusal.times - 1, 10)), LONGEST_WAIT)


def _may_merge(task: Task, situation: Situation) -> bool:
    pull = task.pull_request
    if task.stage is not Stage.APPROVED or not task.verified or pull is None:
        return False
    if pull.state is not PullRequestState.OPEN or pull.head != task.head or not pull.mine:
        return False
    for refusal in situation.snapshot.refusals:
        if refusal.pull_request == pull.number and refusal.head == pull.head:
            return retry_at(refusal) <= situation.now
    return why_not_merged(task, situation) is None
