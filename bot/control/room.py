"""What is held in memory for one repository. All of it can be lost at any moment: it is found again on GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from bot.config import RepositoryConfig
from bot.control.own_writes import OwnWrite
from bot.github.configuration import ConfigurationProblem, read_configuration
from bot.github.ledger import LedgerStore
from bot.github.repository import GitHubRepository
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.ledger import Ledger
from bot.model.observed import Observation, RepositoryFile
from bot.model.session import SessionReport
from bot.model.snapshot import MergeRefusal, Neighbour
from bot.model.view import ObjectiveView

NEVER = datetime.min.replace(tzinfo=UTC)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Memory:
    """Of one objective."""

    ledger: Ledger | None = None
    revision: CommitSha | None = None
    observed: Observation | None = None
    observed_at: datetime = NEVER
    stale: bool = True
    """Whether something may have changed on GitHub since `observed`."""
    writes: tuple[OwnWrite, ...] = ()
    reports: dict[SessionId, SessionReport] = field(default_factory=dict)
    refusals: tuple[MergeRefusal, ...] = ()
    uncertain_until: datetime | None = None
    """Until when an absence may be a write of ours that reads do not show yet."""
    holds: tuple[Neighbour, ...] = ()
    """The scopes that its tasks hold against other objectives."""
    hungry: bool = False
    """Whether it would start something if there were a slot or a free scope."""
    numbers: frozenset[int] = frozenset()
    """The issues and pull requests that belong to it: hints about these lead here."""
    view: ObjectiveView | None = None


@dataclass(slots=True)
class Room:
    """One repository: how to reach it, its settings, and its objectives."""

    name: RepositoryName
    github: GitHubRepository
    ledgers: LedgerStore
    config: RepositoryConfig = field(default_factory=RepositoryConfig)
    config_file: RepositoryFile | None = None
    config_problem: str | None = None
    memories: dict[int, Memory] = field(default_factory=dict)
    recorded: Mapping[int, tuple[Ledger, CommitSha]] = field(default_factory=dict)
    """Every ledger that the repository had when it was opened, those of closed objectives too."""

    def memory(self, objective: int) -> Memory:
        if objective not in self.memories:
            ledger, revision = self.recorded.get(objective, (None, None))
            self.memories[objective] = Memory(ledger=ledger, revision=revision)
        return self.memories[objective]

    def configure(self, file: RepositoryFile | None) -> None:
        """Take the repository's settings as they read now. Bad ones are told, and the last good ones stay in force."""
        if file == self.config_file:
            return
        self.config_file = file
        read = read_configuration(file)
        if isinstance(read, ConfigurationProblem):
            self.config_problem = read.text
            log.warning("bad configuration", repository=str(self.name), problem=read.text)
        else:
            self.config, self.config_problem = read, None

    def objectives_of(self, number: int) -> frozenset[int]:
        """The objectives that an issue or pull request belongs to, as far as they were looked at."""
        return frozenset(
            objective for objective, memory in self.memories.items() if number == objective or number in memory.numbers
        )

    def neighbours_of(self, objective: int) -> tuple[Neighbour, ...]:
        return tuple(held for other, memory in self.memories.items() if other != objective for held in memory.holds)
