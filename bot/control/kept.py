"""What this machine kept of sessions whose end is in no ledger yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from bot.model.identity import RepositoryName, SessionId
from bot.model.session import SessionRecord, SessionReport


class Kept(Protocol):
    """`bot.sessions.run.SessionRunner`, or nothing."""

    async def unreported(
        self, repository: RepositoryName, claims: Sequence[SessionRecord]
    ) -> tuple[SessionReport, ...]:
        """The reports of those `claims` that an earlier run of the bot began here. Asked when a repository is
        opened, before any session of this run works in it."""
        ...

    def recorded(self, repository: RepositoryName, sessions: Iterable[SessionId]) -> None:
        """The ends of these sessions are in the ledger."""
        ...


class NothingKept:
    """For runners that keep nothing on a disk."""

    async def unreported(
        self, repository: RepositoryName, claims: Sequence[SessionRecord]
    ) -> tuple[SessionReport, ...]:
        return ()

    def recorded(self, repository: RepositoryName, sessions: Iterable[SessionId]) -> None:
        pass
