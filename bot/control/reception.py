"""Who takes webhooks and shows views while there is no controller yet.

A controller needs to know who the bot is, and only GitHub can say. Where GitHub is down when the server starts, the
server answers all the same: hints are kept until somebody can follow them. How many are kept is bounded; one that is
let go is no loss, since a controller begins with a sweep.
"""

from __future__ import annotations

from collections import deque

from bot.control.controller import Controller
from bot.engines.engine import Engine
from bot.github.webhook import Hint, RepositoriesChanged
from bot.model.events import Batch
from bot.model.identity import RepositoryName, SessionId
from bot.model.view import ObjectiveView, StandbyView
from bot.sessions.live import Live

MOST_HELD = 1000


class Reception:
    """Hands everything through to the controller from `open` on."""

    def __init__(self) -> None:
        self._held: deque[Hint | RepositoriesChanged] = deque(maxlen=MOST_HELD)
        self._controller: Controller | None = None
        self.live: Live | None = None
        """What sessions say, where they run in this process."""
        self.engine: Engine | None = None
        """Where sessions run, from the moment in which they can."""

    @property
    def is_open(self) -> bool:
        """Whether there is a controller."""
        return self._controller is not None

    def open(self, controller: Controller) -> None:
        """`controller` has started."""
        self._controller = controller
        while self._held:
            controller.accept(self._held.popleft())

    def accept(self, hint: Hint | RepositoriesChanged) -> None:
        """A webhook came. Returns at once."""
        if self._controller is None:
            self._held.append(hint)
        else:
            self._controller.accept(hint)

    def views(self) -> tuple[ObjectiveView, ...]:
        views = () if self._controller is None else self._controller.views()
        return views if self.live is None else self.live.shown(views)

    async def events(self, repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch | None:
        """As `Engine.events`; None where there is no engine yet."""
        return None if self.engine is None else await self.engine.events(repository, session, after, wait)

    def standing_by(self) -> tuple[StandbyView, ...]:
        return () if self._controller is None else self._controller.standing_by()
