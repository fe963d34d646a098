"""How an objective reads to a person: what the dashboard and the JSON interface show.

A view is made of what was last looked at and is never decided on. Every text in it may come from strangers, so
whoever draws it escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LiveLine:
    """What a session that runs did at a moment."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class TaskView:
    """`state` is the stage of the task in one or two words, `why` one sentence on what it waits for."""

    key: str
    title: str
    state: str
    why: str | None = None
    number: int | None = None
    """Of its issue; None until the issue was created."""
    url: str | None = None
    pull_request: int | None = None
    pull_request_url: str | None = None
    attempt: int = 0
    """Worker sessions started so far."""
    depends_on: tuple[str, ...] = ()
    running_since: datetime | None = None
    """When the session that runs now was claimed."""
    session: str | None = None
    """The session that runs now."""
    lines: tuple[LiveLine, ...] = ()
    """What it did last, oldest first."""


@dataclass(frozen=True, slots=True)
class ObjectiveView:
    """`repository` is ``owner/name``; `tasks` stand in the planner's order."""

    repository: str
    number: int
    title: str
    url: str
    state: str
    why: str | None = None
    tasks: tuple[TaskView, ...] = ()
    sessions: int = 0
    seconds: float = 0.0
    """Wall time of all its agents together."""
    usd: float | None = None
    spent: str | None = None
    """What all that has cost, of how much."""
    looked_at: datetime | None = None
    session: str | None = None
    """The planner's, while it runs."""
    lines: tuple[LiveLine, ...] = ()


@dataclass(frozen=True, slots=True)
class StandbyView:
    """A repository that another server serves; `held_by` says which, where that can be told."""

    repository: str
    held_by: str | None
