"""Whether GitHub answers, and how long to leave it alone where it does not.

The pause grows with the time for which nothing was answered, so it costs little either way: after an outage of ten
seconds the bot goes on ten seconds later at most, after one of an hour no later than the longest pause. While GitHub
is down each request is tried once and not four times. The first answer after a longer outage is told to whoever
listens, so that not even that pause is waited for.

An answer with a status of 500 or more is none: whoever stands before GitHub's servers gives it when they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from bot.github.clock import GitHubClock, SystemClock

LONGEST_PAUSE = 60.0
DOWN_AFTER = timedelta(seconds=20)
"""A shorter disturbance is nothing to tell anybody."""

log = structlog.get_logger("github")


class Reach:
    """What all connections to GitHub know together. `longest_pause` is in seconds.

    `on_back` is called when GitHub answers again after an outage. It must not wait.
    """

    def __init__(self, clock: GitHubClock | None = None, longest_pause: float = LONGEST_PAUSE) -> None:
        self.clock = clock or GitHubClock(SystemClock())
        self.on_back: Callable[[], None] = lambda: None
        self._longest = timedelta(seconds=longest_pause)
        self._silent_since: datetime | None = None
        self._reason = ""

    def answered(self, status: int, headers: Mapping[str, str], sent: datetime) -> None:
        """An answer came to what was sent at `sent`, by the machine's clock."""
        if status >= 500:
            self.silent(f"it answers {status}")
            return
        if "x-github-request-id" in headers:  # no proxy's or portal's idea of the time
            self.clock.heard(headers.get("date", ""), sent, self.clock.machine.now())
        was_down, since = self.down, self._silent_since
        self._silent_since = None
        if was_down:
            log.info("GitHub answers again", silent_since=since.isoformat() if since else "")
            self.on_back()

    def silent(self, reason: str) -> None:
        """No answer came, because of `reason`."""
        self._reason = reason
        if self._silent_since is None:
            self._silent_since = self.clock.now()

    @property
    def down(self) -> bool:
        """Whether it has not answered for long enough to be called an outage."""
        return self._silent_for() >= min(DOWN_AFTER, self._longest)

    def pause(self) -> timedelta:
        """How long to leave GitHub alone now."""
        return min(max(self._silent_for(), timedelta(seconds=1)), self._longest)

    def problem(self, *, at_once: bool = False) -> str | None:
        """One sentence for people, where GitHub is down; `at_once`: or where it did not answer this once."""
        if self._silent_since is None or not (self.down or at_once):
            return None
        return (
            f"GitHub has not answered since {self._silent_since:%H:%M} UTC ({self._reason}). "
            "Agents that run go on, and everything else does once it answers."
        )

    def _silent_for(self) -> timedelta:
        return timedelta() if self._silent_since is None else self.clock.now() - self._silent_since
