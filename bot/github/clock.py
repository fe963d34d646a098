"""The time: the machine's, and GitHub's.

Everything that is compared with a time of GitHub's (when a label was set, when a token or a limit ends, the times in
the App's own JWT) is compared with GitHub's clock, not with the machine's, which may be minutes off. So the whole bot
asks one `GitHubClock`. It learns from the `date` header of GitHub's answers how far the machine is off, and follows
where somebody sets the machine's clock meanwhile.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

TOLD_IN = timedelta(seconds=1)
"""The header tells whole seconds, rounded down (RFC 9110, 5.6.7)."""


class Clock(Protocol):
    """Says the time in UTC and waits for it."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GitHubClock:
    """The time at GitHub, as far as its answers tell; that of `machine` until the first of them.

    An answer with time `date` was made between `sent` and `received`, so GitHub is ahead of the machine by no less than
    ``date - received`` and no more than ``date + 1 s - sent``. What is within that stays as it is, so that the time
    does not jitter from answer to answer.
    """

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.machine.now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await self.machine.sleep(seconds)

    def heard(self, date: str, sent: datetime, received: datetime) -> None:
        """An answer says that it is `date`; `sent` and `received` are by the machine's clock."""
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        if told.tzinfo is None:
            return
        least, most = told - received, told + TOLD_IN - sent
        if least <= most:
            self.ahead = min(max(self.ahead, least), most)
