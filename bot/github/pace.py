"""When a request may go out, so that GitHub never has to refuse one.

What GitHub publishes ("Rate limits for the REST API", "Rate limits and query limits for the GraphQL API", "Best
practices for using the REST API"), for one installation:

* primary: so many points an hour for REST and, counted apart, for GraphQL; the headers say what is left (`primary`);
* 100 requests at once; 900 points a minute for REST and 2,000 for GraphQL, where a read takes 1 and a write 5;
* 90 seconds of its processors' time a minute, 60 of them for GraphQL, "roughly" the sum of the response times;
* 80 requests a minute and 500 an hour that create content: an issue, a comment, a pull request, a review;
* writes one after another, a second apart.

A little less than each of these is used. What was written counts from when its answer came, which is never earlier
than when GitHub counted it. Of the content of an hour some is kept for people: a reply, a question, the first status
of an objective. A limit that GitHub announced holds back everything on the same resource until it ends.

The choice among waiting writes falls when one can go, not when they come: a person's command that arrives during the
pause is answered before the housekeeping that has waited longer. Who goes before whom is in `shares`.

Whoever asks on behalf of an objective has better things to do than to wait: beyond a moment the answer is
`Unavailable`, with the time at which its turn is expected, given its place among all that wait. So those who wait do
not all come back in the same second to find room for one. Who asks for nobody (a sweep) is kept for `patience`.

What an earlier process created within the last hour is noted in the leases of its repositories, with every push, and
recalled when they are opened: the newest note of any of them tells nearly all. What was made after the last push is
not in it; that is less than what is kept for people, but for a process that dies while it makes more than that between
two pushes, or that asks for no leases. Then GitHub's refusal tells it, once, and says until when.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from bot.github.clock import Clock
from bot.github.errors import Unavailable
from bot.github.primary import Primary
from bot.github.shares import Place, Rank, Shares, Turn, Urgency
from bot.github.window import Window
from bot.model.identity import ObjectiveKey

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POINTS = {"core": 850, "graphql": 1_900}
SECONDS = 85
SECONDS_OF_GRAPHQL = 55
CONTENT_PER_MINUTE = 76
CONTENT_PER_HOUR = 495
FOR_PEOPLE = 20
"""Of the content of an hour."""
WORK_LIMIT = "90 seconds of its work a minute"
EVERYTHING = "everything"
"""Stands for all resources at once: a secondary limit names none."""
MOMENT = 3.0
"""Seconds that a request is kept waiting which an objective asked for."""
HOUSEKEEPING = timedelta(seconds=30)
"""So much later than foreseen comes what anything else goes before: it would only find that others were quicker."""
LEAST_WAIT = MINUTE
"""Where GitHub names no time: "wait at least one minute", doubled each time it happens again."""
LONGEST_WAIT = HOUR


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that wants to go out. `points`: what it is expected to take of the primary limit."""

    resource: str
    urgency: Urgency = Urgency.WORK
    creates: int = 0
    points: int = 1
    objective: ObjectiveKey | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Opening:
    """From when on a limit lets a request through, and what that limit is, in words. `content`: only what makes
    content waits for it."""

    at: datetime
    limit: str = field(default="", compare=False)
    content: bool = field(default=False, compare=False)


@dataclass(slots=True, eq=False)
class _Ticket:
    """Somebody who waits here for the turn to write."""

    ask: Ask
    ordinal: int
    patient_until: datetime
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Pace:
    """The turns of one installation. `write_interval`, `patience` and `moment` are in seconds. `clock` may be set right
    by an answer; `stopwatch` tells how long that answer took, and is `clock` where it is None."""

    def __init__(
        self,
        clock: Clock,
        write_interval: float,
        patience: float,
        *,
        moment: float = MOMENT,
        concurrent_reads: int = 16,
        stopwatch: Clock | None = None,
    ) -> None:
        self._clock = clock
        self._stopwatch = stopwatch or clock
        self._interval = timedelta(seconds=write_interval)
        self._patience = patience
        self._moment = moment
        self._reads = asyncio.Semaphore(concurrent_reads)
        self._closed: dict[str, _Opening] = {}
        self._refusals = 0
        self._primary = {"core": Primary(), "graphql": Primary()}
        self._points = {resource: Window(MINUTE, most) for resource, most in POINTS.items()}
        self._seconds = Window(MINUTE, SECONDS)
        self._graphql_seconds = Window(MINUTE, SECONDS_OF_GRAPHQL)
        self._minute = Window(MINUTE, CONTENT_PER_MINUTE)
        self._hour = Window(HOUR, CONTENT_PER_HOUR)
        self._recalled: dict[int, int] = {}
        self._shares = Shares()
        self._waiting: list[_Ticket] = []
        self._busy = False
        self._next_write = clock.now()

    def close(self, resource: str, until: datetime | None, limit: str) -> datetime:
        """GitHub refused a request because of `limit`: hold back all on `resource` (``core``, ``graphql`` or
        EVERYTHING) until then. Where it names no time, the wait doubles with each refusal in a row."""
        backoff = min(LEAST_WAIT * 2 ** min(self._refusals, 6), LONGEST_WAIT)
        self._refusals += 1
        opening = _Opening(until or self._clock.now() + backoff, limit)
        self._closed[resource] = max(opening, self._closed.get(resource, opening))
        return opening.at

    def made(self) -> dict[int, int]:
        """The content of the last hour: how many pieces in which minute since 1970, what was recalled included."""
        return self._hour.by_minute(self._clock.now())

    def recall(self, made: Mapping[int, int]) -> None:
        """What earlier processes had noted, as `made` tells it. Several repositories have notes of the same: of one
        minute the largest number counts."""
        now = self._clock.now()
        for minute, pieces in sorted(made.items()):
            more = pieces - self._recalled.get(minute, 0)
            at = datetime.fromtimestamp(minute * 60 + 59, UTC)
            if more > 0 and at + HOUR > now:
                self._recalled[minute] = pieces
                self._minute.recall(min(at, now), more)
                self._hour.recall(min(at, now), more)

    def accepted(self, resource: str, headers: Mapping[str, str]) -> None:
        """A request was answered in order, with these headers in lower case. Those of a refusal may be about somebody
        else: who was not recognised is counted by address."""
        self._refusals = 0
        if (primary := self._primary.get(headers.get("x-ratelimit-resource", resource))) is not None:
            primary.learn(headers)

    def check(self, ask: Ask) -> None:
        """Raises Unavailable, and keeps a place, where a write would: before work is done for it that costs reads."""
        self._seconds_until(self._expected(ticket := self._ticket(ask)), ask, ticket)

    @asynccontextmanager
    async def reading(self, ask: Ask) -> AsyncIterator[None]:
        """Raises Unavailable."""
        while True:
            await self._until_open(ask)
            async with self._reads:
                if self._seconds_until(self._opens(ask, points=1), ask) > 0:
                    continue  # others went first meanwhile
                started = self._stopwatch.now()
                self._points[ask.resource].spend(self._clock.now(), 1)
                try:
                    with self._primary[ask.resource].on_the_way(ask.points):
                        yield
                finally:
                    self._answered(ask, started)
                return

    @asynccontextmanager
    async def writing(self, ask: Ask) -> AsyncIterator[None]:
        """The one turn to write. Raises Unavailable."""
        await self._take_turn(ask)
        started, next_write = self._stopwatch.now(), self._clock.now() + self._interval
        try:
            with self._primary[ask.resource].on_the_way(ask.points):
                yield
        finally:
            now = self._answered(ask, started)
            self._next_write = next_write
            self._points[ask.resource].spend(now, 5)
            self._minute.spend(now, ask.creates)
            self._hour.spend(now, ask.creates)
            self._shares.had(ask.objective, ask.creates, now)
            self._pass_on()

    async def _until_open(self, ask: Ask) -> None:
        while (wait := self._seconds_until(self._opens(ask, points=1), ask)) > 0:
            await self._clock.sleep(wait)

    def _answered(self, ask: Ask, started: datetime) -> datetime:
        now = self._clock.now()
        seconds = (self._stopwatch.now() - started).total_seconds()
        self._seconds.spend(now, seconds)
        self._graphql_seconds.spend(now, seconds if ask.resource == "graphql" else 0)
        return now

    async def _take_turn(self, ask: Ask) -> None:
        ticket = self._ticket(ask)
        self._seconds_until(self._expected(ticket), ask, ticket)
        self._waiting.append(ticket)
        try:
            while True:
                if self._busy or self._first() is not ticket:
                    if self._clock.now() > ticket.patient_until:
                        self._defer(self._expected(ticket), ask, ticket)
                    ticket.called.clear()
                    await ticket.called.wait()
                    continue
                self._busy = True
                try:
                    await self._wait_for_write(ticket)
                except BaseException:
                    self._busy = False
                    raise
                if self._first() is ticket:
                    return
                self._pass_on()
        finally:
            self._waiting.remove(ticket)
            if not self._busy:
                self._pass_on()

    def _ticket(self, ask: Ask) -> _Ticket:
        patient_until = self._clock.now() + timedelta(seconds=self._kept(ask))
        return _Ticket(ask, self._shares.ordinal(ask.objective, ask.creates), patient_until)

    async def _wait_for_write(self, ticket: _Ticket) -> None:
        """While this one sleeps, one who goes before it may come: then it has the turn."""
        while self._first() is ticket:
            opening = max(self._opens(ticket.ask, points=5), self._content(ticket), _Opening(self._pause_ends()))
            if (wait := self._seconds_until(opening, ticket.ask, ticket)) <= 0:
                return
            await self._clock.sleep(wait)

    def _pass_on(self) -> None:
        """Call the one whose turn it is, and those whom others went before for too long."""
        self._busy = False
        if self._waiting:
            self._first().called.set()
            for ticket in self._waiting:
                if self._clock.now() > ticket.patient_until:
                    ticket.called.set()

    def _first(self) -> _Ticket:
        return min(self._waiting, key=_turn)

    def _rank(self, ticket: _Ticket) -> Rank:
        ask = ticket.ask
        return self._shares.rank(ask.objective, ask.urgency, ticket.ordinal, self._clock.now())

    def _expected(self, ticket: _Ticket) -> _Opening:
        """When the turn of one who comes now will be, as far as can be foreseen."""
        before = sum(_turn(other) < _turn(ticket) for other in self._waiting)
        turn = self._promised(ticket, self._pause_ends() + before * self._interval)
        return max(self._opens(ticket.ask, points=5), self._content(ticket), _Opening(turn, "one write a second"))

    def _pause_ends(self) -> datetime:
        """Never more than the pause away, although an answer may have set the clock back."""
        self._next_write = min(self._next_write, self._clock.now() + self._interval)
        return self._next_write

    def _promised(self, ticket: _Ticket, moment: datetime) -> datetime:
        """The first turn to write from `moment` on that was promised to nobody who goes before this one."""
        return self._shares.first_gap(_turn(ticket), moment, self._interval)

    def _opens(self, ask: Ask, points: int) -> _Opening:
        """What holds for reads and writes alike."""
        now, resource = self._clock.now(), ask.resource
        open_now = _Opening(now)
        primary = self._primary[resource].opens(now, ask.points, ask.urgency)
        return max(
            self._closed.get(resource, open_now),
            self._closed.get(EVERYTHING, open_now),
            _Opening(primary, hourly(resource)),
            _Opening(self._points[resource].opens(now, points), "points a minute"),
            _Opening(self._seconds.opens(now, 0), WORK_LIMIT),
            _Opening(self._graphql_seconds.opens(now, 0) if resource == "graphql" else now, WORK_LIMIT),
        )

    def _content(self, ticket: _Ticket) -> _Opening:
        """When its content stays within GitHub's numbers for a minute and for an hour, after that of those who wait
        elsewhere and go before it."""
        now, ask = self._clock.now(), ticket.ask
        if not ask.creates:
            return _Opening(now)
        wanted = ask.creates + sum(
            place.creates for place in self._shares.ahead(ask.objective, self._rank(ticket), now)
        )
        kept_back = 0 if ask.urgency is Urgency.PERSON else FOR_PEOPLE
        return max(
            _Opening(self._minute.opens(now, wanted), "80 content-creating requests a minute", content=True),
            _Opening(self._hour.opens(now, wanted, kept_back), "500 content-creating requests an hour", content=True),
        )

    def _seconds_until(self, opening: _Opening, ask: Ask, ticket: _Ticket | None = None) -> float:
        """Raises Unavailable where that is longer than who asks is kept."""
        wait = (opening.at - self._clock.now()).total_seconds()
        if wait > self._kept(ask):
            self._defer(opening, ask, ticket)
        return wait

    def _kept(self, ask: Ask) -> float:
        return self._patience if ask.objective is None else self._moment

    def _defer(self, opening: _Opening, ask: Ask, ticket: _Ticket | None) -> NoReturn:
        """A writer keeps its place. Those that wait for the same moment are told to come one after another; those who
        wait for content have a time of their own."""
        until = opening.at
        if ticket is not None and ask.objective is not None:
            if not opening.content:
                patience = HOUSEKEEPING if ask.urgency is Urgency.HOUSEKEEPING else timedelta()
                until = self._promised(ticket, until + patience)
            self._shares.wait(ask.objective, Place(ask.urgency, ask.creates, ticket.ordinal, until))
        message = f"GitHub's limit is reached until {until:%H:%M:%S} UTC ({opening.limit})"
        raise Unavailable(message, until, opening.limit, only_content=opening.content)


def _turn(ticket: _Ticket) -> Turn:
    """Who comes first writes first, among those who are equally urgent."""
    return ticket.ask.urgency, ticket.ordinal


def hourly(resource: str) -> str:
    """The name of a primary limit, for people."""
    return "GraphQL points an hour" if resource == "graphql" else "REST requests an hour"
