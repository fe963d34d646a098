"""Named events: every change of the hub's state is one, and everything that follows hangs on them.

Webhooks are rendered by a listener in the very moment of the change, before anything else can happen.
Tests wait for events instead of sleeping.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bot.localhub.model.actor import Actor
    from bot.localhub.model.app import App, Installation
    from bot.localhub.model.check import CheckRun, CheckSuite, CommitStatus
    from bot.localhub.model.comment import Comment
    from bot.localhub.model.delivery import Delivery
    from bot.localhub.model.issue import Issue
    from bot.localhub.model.label import Label, Milestone
    from bot.localhub.model.pull_request import PullRequest
    from bot.localhub.model.push import Push
    from bot.localhub.model.reactions import Reaction
    from bot.localhub.model.repository import Repository
    from bot.localhub.model.review import Review, ReviewComment, ReviewThread
    from bot.localhub.model.user import User

    Subject: TypeAlias = (
        Issue | PullRequest | Comment | Label | Milestone | Review | ReviewComment | ReviewThread | CheckRun
        | CheckSuite | CommitStatus | Push | Repository | Installation | App | User | Delivery | Reaction
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    `name` is `thing.action` (`issue.closed`, `pull_request.merged`, `comment.created`, `push`,
    `webhook.delivered`, …). `related` is the second thing of it: the label that was set, the assignee, the
    sub-issue, the blocking issue. `changes` holds the old values of an edit.
    """

    name: str
    at: datetime
    subject: "Subject"
    actor: "Actor | None" = None
    repository: "Repository | None" = None
    related: "Subject | None" = None
    changes: Mapping[str, str] = field(default_factory=dict)


Listener = Callable[[Event], None]
Predicate = Callable[[Event], bool]


class EventBus:
    """Tells listeners at once, and those who wait."""

    def __init__(self, keep: int = 100_000) -> None:
        self.log: list[Event] = []
        """All that happened, oldest first; the oldest are dropped beyond `keep`."""
        self._keep = keep
        self._listeners: list[Listener] = []
        self._waiters: list[asyncio.Event] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, synchronously."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Record the event, tell the listeners, wake those who wait."""
        self.log.append(event)
        if len(self.log) > self._keep:
            del self.log[: self._keep // 10]
        for listener in self._listeners:
            listener(event)
        for waiter in self._waiters:
            waiter.set()

    async def wait(self, wanted: str | Predicate, within: float = 10.0, *, count: int = 1) -> Event:
        """The first event that is `wanted` (a name or a predicate), in the past or to come.

        With `count`, the n-th such event. Raises TimeoutError after `within` real seconds.
        """
        matches: Predicate = (lambda event: event.name == wanted) if isinstance(wanted, str) else wanted

        def found() -> Event | None:
            hits = [event for event in self.log if matches(event)]
            return hits[count - 1] if len(hits) >= count else None

        await self.until(lambda: found() is not None, within)
        event = found()
        assert event is not None
        return event

    async def until(self, condition: Callable[[], bool], within: float = 10.0) -> None:
        """Return once `condition` holds, asked again after every event. TimeoutError after `within` seconds."""
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(within):
                while not condition():
                    await waiter.wait()
                    waiter.clear()
        finally:
            self._waiters.remove(waiter)
