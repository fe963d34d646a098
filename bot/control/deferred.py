"""The writes of one look that have to wait, and those that GitHub refused.

A write that may not go out now (a limit of GitHub's, or GitHub does not answer) does not hold up the look, nor the
other objectives of the repository. It is deferred: what may overtake it is still done (`bot/decide/lanes.py`), the look
ends, and the next one comes when GitHub will take it. Nothing is kept for then but the time.

After one write waited for anything else than content, no other is tried in the same look: they would all wait.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.decide.lanes import in_order, last_words
from bot.decide.refused_writes import write_refusal
from bot.github.errors import Unavailable
from bot.model.action import Action, PushLedger, StartSession, StopSession
from bot.model.snapshot import Wait, WriteRefusal

NOT_LIMITED = (PushLedger, StartSession, StopSession)


class Deferred:
    """Grows during one look."""

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self.refused: list[Action] = []
        """What GitHub refused in this look: it is not tried again in it, and holds what relies on it."""
        self.refusals: tuple[WriteRefusal, ...] = ()
        """The same, with what GitHub said."""
        self._closed = False
        self.wait: Wait | None = None
        """Until when the first of them waits, and for which limit."""

    def take(self, action: Action, error: Unavailable) -> None:
        """`action` was not done. What was done before it of the same action is known by the error's facts."""
        self._actions.append(action)
        self._closed = self._closed or not error.only_content
        wait = Wait(error.retry_at, error.limit)
        self.wait = wait if self.wait is None else min(self.wait, wait, key=lambda one: one.until)

    def refuse(self, action: Action, message: str) -> None:
        """GitHub said no to `action`, in the words of `message`."""
        self.refused.append(action)
        refusal = write_refusal(action, message)
        if refusal not in self.refusals:  # the status, which says it, may be refused too: it is said in the same words
            self.refusals = (*self.refusals, refusal)

    def free(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """Those of `actions` that may be tried, in order."""
        return self._if_open(in_order(actions, self._actions, self.refused))

    def last_words(self, afterwards: Iterable[Action]) -> tuple[Action, ...]:
        left = (action for action in afterwards if action not in self.refused)
        return self._if_open(last_words(left, self._actions))

    def _if_open(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(action for action in actions if not self._closed or isinstance(action, NOT_LIMITED))
