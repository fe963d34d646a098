"""What a look sees: what GitHub shows, or, where it cannot be asked now, what it showed last.

A limit that is used up, or an outage, stops nothing that can go on without a read. Where nothing hinted at a change
since the last read, that read holds longer than usual: whatever could do harm carries what it was decided on, and what
was written since is known. So a session that ends is harvested, and the next ones start.

Where something is known to have changed (`Memory.news`) and cannot be read, nobody may have wanted what would follow:
the label may be gone, the issue closed, the branch moved. Then only what ended is recorded, with the branches it made,
by compare-and-swap; nothing starts, merges or is said before the news was read.

Whoever commands while their permission cannot be asked is heard later, not refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.control.own_writes import correct
from bot.control.replicas import is_older
from bot.control.room import Memory, Room
from bot.decide.people import people, without_comments_by
from bot.github.errors import Unavailable
from bot.github.observe import Gone
from bot.github.shares import Urgency
from bot.journal import OLDER_READ, SEEN_BEFORE, tell
from bot.model.identity import Login
from bot.model.observed import Observation, Permission
from bot.model.snapshot import Wait

MOST_AGE = timedelta(seconds=20)
MOST_AGE_WAITING = timedelta(minutes=5)
"""While writes wait for a limit: who comes back to write has read not long ago, and reads are limited too."""
ASK_AGAIN_AFTER = timedelta(seconds=1)
MOST_AGE_UNREAD = timedelta(hours=2)
"""A limit lasts an hour at most. After a longer outage everything is looked at anew first."""


@dataclass(frozen=True, slots=True)
class Sight:
    """`wait`: until when GitHub could not be asked. `outdated`: it changed since, and nobody knows how. `again_at`:
    when to ask again, since what GitHub showed now was older than what it had shown before."""

    observed: Observation
    permissions: Mapping[Login, Permission] = field(default_factory=dict)
    wait: Wait | None = None
    outdated: bool = False
    again_at: datetime | None = None


async def see(room: Room, number: int, memory: Memory, now: datetime, settle: timedelta) -> Sight | Gone:
    """Of two reads within `settle` the newer one counts, whichever came last (`replicas`). Raises GitHubError where
    there is nothing to go on with."""
    if memory.look_anew_at is not None and now >= memory.look_anew_at:
        memory.look_anew_at, memory.stale = None, True
    seen, seen_at = memory.observed, memory.observed_at
    most = MOST_AGE if memory.wait is None else MOST_AGE_WAITING
    if seen is not None and not memory.stale and now - memory.observed_at < most:
        return Sight(seen)
    try:
        observed = await _read(room, number, memory, now)
    except Unavailable as error:
        if seen is None or now - memory.observed_at > MOST_AGE_UNREAD:
            raise
        tell(SEEN_BEFORE, reason=str(error))
        return Sight(seen, wait=Wait(error.retry_at, error.limit), outdated=memory.news)
    if seen is not None and now - seen_at < settle and (isinstance(observed, Gone) or is_older(observed, seen)):
        tell(OLDER_READ)
        memory.observed, memory.observed_at = seen, seen_at
        memory.stale = True
        return Sight(seen, again_at=min(now + ASK_AGAIN_AFTER, seen_at + settle))
    return observed if isinstance(observed, Gone) else Sight(observed)


async def ask_permissions(room: Room, number: int, memory: Memory, sight: Sight) -> Sight:
    """What those may do here who are to be heard. Raises GitHubError where the hand-off itself hangs on it."""
    permissions: dict[Login, Permission] = {}
    for login in sorted(people(correct(sight.observed, memory.writes), memory.ledger)):
        try:
            permissions[login] = await room.github.permission(login, number)
        except Unavailable as error:
            if memory.ledger is None:
                raise
            unheard = without_comments_by(sight.observed, login)
            sight = replace(sight, observed=unheard, wait=sight.wait or Wait(error.retry_at, error.limit))
    return replace(sight, permissions=permissions)


async def _read(room: Room, number: int, memory: Memory, now: datetime) -> Observation | Gone:
    """A hint that comes while GitHub is asked may be too late for the answer, so both marks go before asking."""
    plan = memory.ledger.plan if memory.ledger else None
    keys = [task.key for task in plan.tasks] if plan else []
    news, memory.stale, memory.news = memory.news, False, False
    urgency = Urgency.PERSON if news else Urgency.HOUSEKEEPING if memory.swept else Urgency.WORK
    try:
        observed = await room.github.observe(number, keys, room.config.label, urgency)
    except BaseException:
        memory.stale, memory.news = True, memory.news or news
        raise
    memory.swept = False
    memory.observed = None if isinstance(observed, Gone) else observed
    memory.observed_at = now
    return observed
