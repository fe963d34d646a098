"""The last lines of every session that runs, for the dashboard. In memory only, bounded in every direction."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.model.identity import RepositoryName, SessionId
from bot.model.view import LiveLine, ObjectiveView, TaskView

MOST_LINES = 6
MOST_SESSIONS = 256
"""Beyond that the one that was silent the longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a session does now, in one masked line for the live view."""

    repository: RepositoryName
    session: SessionId
    text: str
    at: datetime


class Live:
    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], deque[LiveLine]] = {}

    def heard(self, progress: Progress) -> None:
        key = (str(progress.repository), str(progress.session))
        lines = self._lines.pop(key, None) or deque(maxlen=MOST_LINES)
        lines.append(LiveLine(progress.at, progress.text[:200]))
        self._lines[key] = lines  # the last one is the one that spoke last
        if len(self._lines) > MOST_SESSIONS:
            del self._lines[next(iter(self._lines))]

    def over(self, repository: str, session: str) -> None:
        self._lines.pop((repository, session), None)

    def shown(self, views: Iterable[ObjectiveView]) -> tuple[ObjectiveView, ...]:
        """`views` with what their sessions say."""
        return tuple(self._with_lines(view) for view in views)

    def _with_lines(self, view: ObjectiveView) -> ObjectiveView:
        def lines(session: str | None) -> tuple[LiveLine, ...]:
            return tuple(self._lines.get((view.repository, session or ""), ()))

        def task(one: TaskView) -> TaskView:
            return replace(one, lines=lines(one.session)) if one.session else one

        return replace(view, lines=lines(view.session), tasks=tuple(map(task, view.tasks)))
