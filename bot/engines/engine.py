"""The seam between the bot and wherever its sessions run.

An engine is given data alone, so that another machine could be behind it. It is no fence against a second bot:
the claim in the ledger is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.engines.slots import Occupancy
from bot.model.assignment import Assignment
from bot.model.events import Batch
from bot.model.identity import RepositoryName, SessionId
from bot.model.session import SessionReport


@dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """One session of one repository."""

    repository: RepositoryName
    session: SessionId


OnReport = Callable[[Assignment, SessionReport], None]
"""Called once for every session that was started, with the run still among `Engine.running`. It must not raise
and must not wait."""


class Engine(Protocol):
    """Starts and stops sessions, and hands each one's report over exactly once while the engine lives."""

    def start(self, assignment: Assignment) -> None:
        """Start a session, at once where a slot is free. A session that runs, or has run, is not started again."""
        ...

    def stop(self, repository: RepositoryName, session: SessionId, reason: str) -> None:
        """End a session; its report will be Void(reason). One that does not run is ignored."""
        ...

    async def events(self, repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch:
        """What a session says from offset `after` on, 0 or the `next` of an earlier batch: at once where there is
        something or nothing more can come, else as soon as there is, and empty after `wait` seconds. An offset holds
        for as long as the transcript is kept, also after a restart. Raises NotAnOffset."""
        ...

    def running(self) -> frozenset[RunKey]:
        """The sessions that were started and have not been reported, those that wait for a slot included."""
        ...

    def occupancy(self) -> Occupancy:
        """Who has a slot, or waits for one that is promised."""
        ...
