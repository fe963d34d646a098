"""The objective ends: everything is done, so its issue is closed, after its summary was written.

An objective that the bot closed once and a person opened again stays open: there is nothing left to do for it, and
closing it again would be a quarrel.
"""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.status import finished, status_text
from bot.decide.task import tasks_of
from bot.model.action import Action, CloseIssue
from bot.model.marker import tagged


def close_objective(situation: Situation) -> list[Action]:
    objective = situation.objective
    if not situation.active or not situation.snapshot.absence_trusted or objective.closed_by == situation.snapshot.bot:
        return []
    if not finished(situation, tasks_of(situation)) or not _summarised(situation):
        return []
    return [CloseIssue(objective.number, completed=True)]


def _summarised(situation: Situation) -> bool:
    text = status_text(situation).strip()
    comments = situation.objective.comments
    return any(c.mine and tagged(c.body, "status") and c.body.strip() == text for c in comments)
