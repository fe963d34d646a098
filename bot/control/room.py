"""What is held in memory for one repository. All of it can be lost at any moment: it is found again on GitHub."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.config import RepositoryConfig
from bot.control.closed import ClosedObjectives
from bot.control.hints import Allowance, Cause
from bot.control.kept import Kept, NothingKept
from bot.control.own_writes import OwnWrite, recorded
from bot.decide.budget import of_day, reserved_by, spent_by
from bot.decide.scopes import presumed_holdings
from bot.github.configuration import ConfigurationProblem, read_configuration
from bot.github.lease import RepositoryLease
from bot.github.ledger import LedgerStore
from bot.github.repository import GitHubRepository
from bot.journal import BAD_CONFIGURATION, tell
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.ledger import Ledger
from bot.model.observed import Observation, RepositoryFile
from bot.model.session import SessionRecord, SessionReport
from bot.model.snapshot import BadSettings, Elsewhere, MergeRefusal, Neighbour, Wait, WriteRefusal
from bot.model.view import ObjectiveView

SHOWN = 50
NEVER = datetime.min.replace(tzinfo=UTC)


async def no_history() -> RepositoryConfig | None:
    """Of settings."""
    return None


@dataclass(slots=True)
class Memory:
    """Of one objective."""

    ledger: Ledger | None = None
    revision: CommitSha | None = None
    observed: Observation | None = None
    observed_at: datetime = NEVER
    looked_at: bool = False
    """Whether a look is under way."""
    stale: bool = True
    """Whether something may have changed on GitHub since `observed`."""
    news: bool = False
    """Whether something is known to have changed since, or may have gone otherwise than was decided: a hint came, a
    write was refused."""
    swept: bool = False
    """Whether only the sweep wants it read again: that can wait when little of an hour's points is left."""
    wait: Wait | None = None
    """Until when writes or reads waited that the last look wanted."""
    look_anew_at: datetime | None = None
    """When reads must show what the last hint was about."""
    doubted: bool = False
    """Whether the ledger must be read again before anything is decided on it: a push may have won."""
    writes: tuple[OwnWrite, ...] = ()
    reports: dict[SessionId, SessionReport] = field(default_factory=dict)
    refusals: tuple[MergeRefusal, ...] = ()
    refused_writes: tuple[WriteRefusal, ...] = ()
    """What else GitHub refused in the last look."""
    unrecordable: str | None = None
    """Why GitHub does not take the ledger, where it refuses to."""
    blamed: dict[SessionId, SessionReport] = field(default_factory=dict)
    """What sessions reported whose branches were taken, in this look, for what GitHub refuses."""
    uncertain_until: datetime | None = None
    """Until when an absence may be a write of ours that reads do not show yet."""
    holds: tuple[Neighbour, ...] = ()
    """The scopes that its tasks hold against other objectives."""
    hungry: bool = False
    """Whether it would start something if there were a slot or a free scope."""
    numbers: frozenset[int] = frozenset()
    """The issues and pull requests that belong to it: hints about these lead here."""
    view: ObjectiveView | None = None
    allowance: Allowance = field(default_factory=Allowance)
    """Of looks that hints ask for."""


@dataclass(slots=True)
class Room:
    """One repository: how to reach it, its settings, and its objectives."""

    name: RepositoryName
    github: GitHubRepository
    ledgers: LedgerStore
    lease: RepositoryLease
    config: RepositoryConfig = field(default_factory=RepositoryConfig)
    config_file: RepositoryFile | None = None
    config_problem: BadSettings | None = None
    last_good: RepositoryConfig | None = None
    """What the file said when it could be used last, as far as that was asked for or seen."""
    last_good_of_history: Callable[[], Awaitable[RepositoryConfig | None]] = no_history
    configuring: asyncio.Lock = field(default_factory=asyncio.Lock)
    memories: dict[int, Memory] = field(default_factory=dict)
    closed: ClosedObjectives = field(default_factory=ClosedObjectives)
    """Their ledgers are read again where somebody comments there or opens them again."""
    allowance: Allowance = field(default_factory=Allowance)
    """Of reading the settings because of a push."""
    causes: dict[int, Cause] = field(default_factory=dict)
    """The webhooks because of which an objective is about to be looked at."""
    allowance_of_closed: Allowance = field(default_factory=Allowance)
    """Of looks at what is over."""
    finished: deque[ObjectiveView] = field(default_factory=lambda: deque(maxlen=SHOWN))
    """How the last of them ended, for the dashboard."""
    paid_today: dict[int, tuple[SessionRecord, ...]] = field(default_factory=dict)
    """Of the objectives that are over: the sessions that ended on the day on which that was last asked."""
    kept: Kept = field(default_factory=NothingKept)
    id: int = 0
    """GitHub's id of the repository, which a rename leaves as it is."""
    installation: int = 0
    """Through which the App reaches it."""
    former: frozenset[RepositoryName] = frozenset()
    """Names that it had before, under which sessions of it may still be coming to their end."""
    explained: set[int] = field(default_factory=set)
    """The pull requests where this process has said that only issues are handed off."""

    def memory(self, objective: int) -> Memory:
        return self.memories.setdefault(objective, Memory())

    def recall(self, ledgers: Mapping[int, tuple[Ledger, CommitSha]], opened: Iterable[int], now: datetime) -> None:
        """What the ledgers say when the repository is opened: whole for open objectives, numbers for the others."""
        for number in opened:
            memory = self.memory(number)
            if number in ledgers:
                memory.ledger, memory.revision = ledgers[number]
                memory.holds = presumed_holdings(ledgers[number][0])
                memory.writes = recorded(ledgers[number][0], now)
        for number, (ledger, _) in ledgers.items():
            if number not in self.memories:
                self.closed.add(number, (record.number for record in ledger.tasks if record.number is not None))
                self.paid_today[number] = tuple(of_day(ledger.sessions, now))

    def forget(self, objective: int) -> None:
        """Keep of an objective that is over what hints need to find it again."""
        memory = self.memories.pop(objective)
        self.closed.add(objective, memory.numbers)
        if memory.ledger is not None:
            self.paid_today[objective] = memory.ledger.sessions
        if memory.view is not None:
            self.finished.append(memory.view)

    async def configure(self, file: RepositoryFile | None) -> None:
        """Take the repository's settings as they read now. Bad ones are told, and the last good ones are in force, also
        those that only an earlier process saw. Where none were ever good, `config_problem` says so: without a file
        the defaults are meant, but whoever wrote one meant something else.

        Raises GitFailed where the history cannot be read; then nothing has changed.
        """
        async with self.configuring:
            if file == self.config_file:
                return
            read = read_configuration(file)
            if isinstance(read, ConfigurationProblem):
                self.last_good = self.last_good or await self.last_good_of_history()
                self.config = self.last_good or RepositoryConfig()
                self.config_problem = BadSettings(read.text, never_good=self.last_good is None)
                tell(BAD_CONFIGURATION, repository=str(self.name), problem=read.text)
            else:
                self.config, self.config_problem = read, None
                self.last_good = read if file is not None else self.last_good
            self.config_file = file

    def objectives_of(self, number: int) -> frozenset[int]:
        """The objectives that an issue or pull request belongs to, of those that are not over."""
        known = {objective for objective, memory in self.memories.items() if number in memory.numbers}
        return frozenset(known | ({number} & self.memories.keys()))

    def elsewhere(self, objective: int, now: datetime) -> Elsewhere:
        """What the other objectives spent today, and what their sessions may still spend; asked for where a day has
        a budget."""
        if not self.config.budget.day.caps().of():
            return Elsewhere()
        over = {number: tuple(of_day(found, now)) for number, found in self.paid_today.items()}
        self.paid_today = {number: found for number, found in over.items() if found and number not in self.memories}
        open_ones = {number: memory.ledger for number, memory in self.memories.items() if memory.ledger is not None}
        sessions = [session for found in self.paid_today.values() for session in found]
        for number, ledger in open_ones.items():
            sessions += of_day(ledger.sessions, now) if number != objective else ()
        return Elsewhere(spent_by(sessions), reserved_by(sessions))

    def neighbours_of(self, objective: int) -> tuple[Neighbour, ...]:
        return tuple(held for other, memory in self.memories.items() if other != objective for held in memory.holds)
