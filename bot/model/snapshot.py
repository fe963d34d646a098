"""Everything `decide` may know: what GitHub shows, what the ledger says, what runs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.model.budget import Metric
from bot.model.identity import CommitSha, InstanceId, Login, RepositoryName, SessionId
from bot.model.ledger import Ledger
from bot.model.observed import Observation, Permission
from bot.model.session import Role, SessionReport


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A task of another objective in the same repository that holds its scope. `running`: a session of it may run."""

    objective: int
    key: str
    scope: tuple[str, ...]
    running: bool = True


@dataclass(frozen=True, slots=True)
class MergeRefusal:
    """GitHub refused a merge at `at`; the next try waits a little. Kept in memory: a restart just tries again."""

    pull_request: int
    head: CommitSha
    message: str
    at: datetime
    times: int = 1


@dataclass(frozen=True, slots=True)
class WriteRefusal:
    """GitHub refused a write of the last look, for good as far as it says: `what` in words, its `message`, and the
    commit that it was about, where it was about one. Kept in memory: every look tries again."""

    what: str
    message: str
    head: CommitSha | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the other objectives of the repository spent today, and what their running sessions may still spend."""

    spent: Mapping[Metric, float] = field(default_factory=dict)
    reserved: Mapping[Metric, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Writes to GitHub wait until then at least, for `limit`, or (None) because it does not answer."""

    until: datetime
    limit: str | None


@dataclass(frozen=True, slots=True)
class BadSettings:
    """``.github/crewline.yml`` cannot be used as it reads now: `text` says why, a problem a line. Its last good version
    is in force instead; `never_good`: there is none."""

    text: str
    never_good: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One objective at one moment.

    `absence_trusted` is false while an earlier write may not show in reads yet (just after a start, or after an
    answer that did not say whether the write took effect): then nothing is created because it was not seen.
    """

    repository: RepositoryName
    observed: Observation
    ledger: Ledger | None
    instance: InstanceId
    bot: Login
    default_agent: str
    """Who plays the roles that the repository gives to nobody by name."""
    agents: tuple[str, ...] = ()
    """The names of all that this server offers; empty where that is not known."""
    permissions: Mapping[Login, Permission] = field(default_factory=dict)
    reports: tuple[SessionReport, ...] = ()
    running: frozenset[SessionId] = frozenset()
    neighbours: tuple[Neighbour, ...] = ()
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    free_slots: int = 0
    free_by_role: Mapping[Role, int] = field(default_factory=dict)
    """How many of them a role may have, where that is less: as its turn and its limits are."""
    absence_trusted: bool = True
    refusals: tuple[MergeRefusal, ...] = ()
    refused_writes: tuple[WriteRefusal, ...] = ()
    config_problem: BadSettings | None = None
    wait: Wait | None = None
    hindrance: str | None = None
    """Why no session can start on this server for now, in one sentence; `free_slots` is 0 then."""
    unwritable: bool = False
    """Whether no ledger can be written: the server's disk takes nothing, or GitHub refuses the push."""
    draining: bool = False
    """Whether this server is about to stop: then nothing starts here any more."""
