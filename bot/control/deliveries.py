"""Webhooks that GitHub could not deliver are found in its delivery log and delivered again.

A webhook only says what to look at, and the sweep looks at every open objective anyway. So this is no matter of
correctness: it heals sooner, and it heals what the sweep does not see (a command on an objective that is over, a
pull request that was labelled). Therefore it gives up early rather than late:

* What arrived once, at whichever attempt, is not asked for again, nor an event that nobody here handles.
* An attempt is answered with one redelivery. Where that fails too, the next look answers it, `MOST_TIMES` in all.
* What our own endpoint refused (a wrong signature, a body that is too large) is tried once more by each process, since
  its secret or its code may be another now, and then left.
* A round redelivers `MOST_AT_ONCE`, the oldest first. Where more was missed, one sweep says it all sooner: it is asked
  for, and the next rounds go on.

Only GitHub's own times are compared, so a wrong clock here does no harm. What a replica of the log does not show yet
is found a round later: each look goes back `OVERLAP` beyond the newest delivery that the last one saw.

A redelivery whose 202 came and that never happens shows nowhere, and neither does a delivery that GitHub lost before
it wrote the log. Both are left to the sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.github.deliveries import Delivery, DeliveryLog, Listed
from bot.github.errors import GitHubError, NotThere
from bot.github.webhook import ALWAYS_SENT, EVENTS
from bot.journal import LOG_UNREADABLE, NO_LOG, REDELIVERED, TOO_MANY_MISSED, WEBHOOK_GIVEN_UP, about, tell

MOST_TIMES = 3
MOST_AT_ONCE = 50
MOST_REMEMBERED = 5000
OVERLAP = timedelta(minutes=15)
REFUSALS = frozenset({400, 401, 411, 413})
"""What our own endpoint says where it would say so again."""


class Fate(Enum):
    """What is to be done about an event some of whose deliveries failed."""

    ARRIVED = "arrived"
    OF_NO_USE = "of no use"
    UNDER_WAY = "under way"
    MISSED = "missed"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Asked:
    """How often this process had an event redelivered, and the attempt that it answered last."""

    times: int
    attempt: int


def by_event(failed: Iterable[Delivery]) -> dict[str, tuple[Delivery, ...]]:
    """Failed deliveries, the newest first, by the GUID of their event."""
    found: dict[str, tuple[Delivery, ...]] = {}
    for delivery in failed:
        found[delivery.guid] = (*found.get(delivery.guid, ()), delivery)
    return found


def fate(attempts: Sequence[Delivery], arrived: bool, asked: Asked | None) -> Fate:
    """Of one event: `attempts` are those that failed, the newest first; `arrived` says that another did not."""
    newest = attempts[0]
    if arrived:
        return Fate.ARRIVED
    if newest.event not in EVENTS and newest.event not in ALWAYS_SENT:
        return Fate.OF_NO_USE
    if asked is not None and asked.attempt == newest.id:
        return Fate.UNDER_WAY
    times = max(asked.times if asked else 0, sum(attempt.redelivery for attempt in attempts))
    refused_again = newest.status_code in REFUSALS and asked is not None
    return Fate.GIVEN_UP if times >= MOST_TIMES or refused_again else Fate.MISSED


class Redeliveries:
    """Has GitHub deliver again what it could not deliver. Looks every `seconds`, beginning at once; 0: never.

    `sweep` asks for a sweep; it is called where more was missed than is redelivered at once.
    """

    def __init__(self, deliveries: DeliveryLog, seconds: float, sweep: Callable[[], None]) -> None:
        self._deliveries = deliveries
        self._seconds = seconds
        self._sweep = sweep
        self._since: datetime | None = None
        self._asked: dict[str, Asked] = {}
        self._told: set[str] = set()
        self._has_log = True
        self._behind = False
        self.redelivered = 0
        """How many deliveries were asked for again since the start."""
        self.given_up = 0
        """How many events were given up since the start."""

    async def run(self) -> None:
        """Until it is cancelled; at once where it is not to look at all."""
        while self._seconds > 0:
            await self.look()
            await asyncio.sleep(self._seconds)

    async def look(self) -> None:
        """One round. Raises nothing: what GitHub does not tell now is asked for in the next one."""
        try:
            await self._look()
        except NotThere as error:
            if self._has_log:
                tell(NO_LOG, reason=str(error))
            self._has_log = False
        except GitHubError as error:
            tell(LOG_UNREADABLE, reason=str(error))
        except Exception:
            tell(LOG_UNREADABLE, traceback=True)

    async def _look(self) -> None:
        failed = await self._deliveries.listed("failure", self._since)
        self._has_log = True
        events = by_event(failed.deliveries)
        arrived = await self._arrived(events)
        fates = {guid: fate(attempts, guid in arrived, self._asked.get(guid)) for guid, attempts in events.items()}
        for guid in (guid for guid, its in fates.items() if its is Fate.GIVEN_UP):
            self._give_up(events[guid][0])
        missed = sorted(
            (events[guid][0] for guid, its in fates.items() if its is Fate.MISSED),
            key=lambda delivery: (delivery.delivered_at, delivery.id),
        )
        if len(missed) > MOST_AT_ONCE and not self._behind:
            tell(TOO_MANY_MISSED, missed=len(missed))
            self._sweep()
        self._behind = len(missed) > MOST_AT_ONCE
        for delivery in missed[:MOST_AT_ONCE]:
            await self._redeliver(delivery)
        if failed.deliveries and not self._behind:
            self._since = failed.deliveries[0].delivered_at - OVERLAP

    async def _arrived(self, events: Mapping[str, Sequence[Delivery]]) -> frozenset[str]:
        """The GUIDs of `events` that arrived after all, as far as the log is read; those further back are taken for
        arrived too: the process that ran then has seen to them."""
        if not events:
            return frozenset()
        oldest = min(attempt.delivered_at for attempts in events.values() for attempt in attempts)
        delivered: Listed = await self._deliveries.listed("success", oldest - OVERLAP)
        arrived = {delivery.guid for delivery in delivered.deliveries}
        if delivered.back_to is not None:
            arrived |= {guid for guid, tries in events.items() if tries[0].delivered_at < delivered.back_to}
        return frozenset(arrived)

    async def _redeliver(self, delivery: Delivery) -> None:
        accepted = await self._deliveries.redeliver(delivery.id)
        asked = self._asked.pop(delivery.guid, None)
        times = asked.times + 1 if asked else 1
        self._asked[delivery.guid] = Asked(times, delivery.id)
        if len(self._asked) > MOST_REMEMBERED:
            del self._asked[next(iter(self._asked))]
        if accepted:
            self.redelivered += 1
            with _about(delivery):
                tell(REDELIVERED, times=times)

    def _give_up(self, delivery: Delivery) -> None:
        if delivery.guid in self._told:
            return
        if len(self._told) >= MOST_REMEMBERED:
            self._told.clear()
        self._told.add(delivery.guid)
        self.given_up += 1
        with _about(delivery):
            tell(WEBHOOK_GIVEN_UP)


def _about(delivery: Delivery) -> AbstractContextManager[None]:
    webhook = f"{delivery.event}.{delivery.action}" if delivery.action else delivery.event
    return about(delivery=delivery.guid, webhook=webhook, status=delivery.status or str(delivery.status_code))
