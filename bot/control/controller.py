"""What drives the bot: hints, sessions, timers and the sweep put keys on the queue; the queue looks at them.

Nothing here decides anything about an objective. A hint from a webhook only names what to look at; when it is lost,
the sweep looks anyway, later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from bot.control.concern import concern
from bot.control.departures import Departures
from bot.control.hints import Cause, Gathered, Hints
from bot.control.instance import Instance
from bot.control.lease import Tending
from bot.control.look import Looker
from bot.control.queue import FIRST_PAUSE, KeyQueue
from bot.control.room import Room
from bot.control.turns import Turns
from bot.engines.engine import Engine
from bot.git.errors import GitFailed
from bot.github.app import GitHubApp, Reached
from bot.github.errors import GitHubError, NotThere
from bot.github.webhook import Hint, RepositoriesChanged
from bot.journal import (
    HANDED_OFF_UNKNOWN,
    HINTS_HELD_BACK,
    HINTS_LOST,
    LEFT,
    LEFT_UNKNOWN,
    NOT_INSTALLED,
    NOT_TAKEN_UP,
    STANDS_BY,
    SWEEP_FAILED,
    TOO_MANY_HINTS,
    about,
    tell,
)
from bot.model.assignment import Assignment
from bot.model.identity import ObjectiveKey, RepositoryName
from bot.model.session import SessionReport
from bot.model.view import ObjectiveView, StandbyView

log = structlog.get_logger(__name__)


class Controller:
    """One instance of the bot at work. It lives in `group` and ends when that is cancelled.

    `open_room` makes the connection to a repository; it is called once for each, and again after a failure.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        app: GitHubApp,
        instance: Instance,
        open_room: Callable[[RepositoryName], Awaitable[Room]],
        sweep_seconds: float,
    ) -> None:
        self._group = group
        self._app = app
        self._instance = instance
        self._open_room = open_room
        self._sweep_seconds = sweep_seconds
        self._rooms: dict[RepositoryName, Room] = {}
        self._opening: dict[RepositoryName, asyncio.Lock] = {}
        self._queue = KeyQueue(group, self._look, instance.longest_pause, self._caused_by)
        self._looker: Looker | None = None
        self._engine: Engine | None = None
        self._turns: Turns | None = None
        self._tending: Tending | None = None
        self._standing_by: dict[RepositoryName, Room] = {}
        self._departures = Departures()
        self._closed = False
        self._sweep_soon = asyncio.Event()
        self._hints = Hints(group, self._follow, self._too_many_hints)

    def start(self, engine: Engine) -> None:
        """Begin: every open objective of every repository is looked at, then whatever hints name."""
        self._engine = engine
        self._tending = Tending(self._group, engine.running, self._stand_by, self._serves)
        self._turns = turns = Turns(engine)
        self._looker = Looker(self._instance, engine, turns, self._queue.add_later, self._stand_by, self._tending.keep)
        self._group.create_task(self._sweep(), name="sweeps")

    def accept(self, hint: Hint | RepositoriesChanged) -> None:
        """A webhook came. Returns at once."""
        if self._closed:
            return
        if isinstance(hint, RepositoriesChanged):
            self._sweep_soon.set()  # and once more when every replica must show it
            asyncio.get_running_loop().call_later(self._instance.settle.total_seconds(), self._sweep_soon.set)
        elif hint.sender != self._instance.bot:
            self._hints.add(hint)

    def look_at_all(self) -> None:
        """Something changed for all open objectives that is not on GitHub: whether sessions may start."""
        for name, room in self._rooms.items():
            for number in room.memories:
                self._queue.add(ObjectiveKey(name, number))

    def _too_many_hints(self) -> None:
        tell(TOO_MANY_HINTS)
        self._sweep_soon.set()

    def sweep_soon(self) -> None:
        """Look at every open objective before long, whatever the interval."""
        self._sweep_soon.set()

    def ended(self, assignment: Assignment, report: SessionReport) -> None:
        """A session ended: its objective is looked at, and those that wait for a slot."""
        name = RepositoryName.parse(assignment.repository)
        if self._closed:
            return
        room = self._rooms.get(name)
        left = self._departures.ended(name, assignment.objective, report, room)
        if left is not None:
            self._hand_over_what_ended(left)
        elif room is not None:
            room.memory(assignment.objective).reports[report.id] = report
            self._queue.add(ObjectiveKey(name, assignment.objective))
        asyncio.get_running_loop().call_soon(self._offer_slots, room)  # the slot is free once it has been reported

    def _offer_slots(self, room: Room | None) -> None:
        """A session ended: those are looked at whose turn it is, and those of its repository that wait for something
        else than a slot: for its files, for what it had reserved of the day's budget."""
        if self._closed or self._turns is None:
            return
        for key in self._turns.next():
            self._queue.add(key)
        if room is not None:
            hungry = [ObjectiveKey(room.name, number) for number, memory in room.memories.items() if memory.hungry]
            for key in hungry:
                if not self._turns.waits(key):
                    self._queue.add(key)

    def views(self) -> tuple[ObjectiveView, ...]:
        """Every open objective, then those that ended last."""
        memories = [memory for room in self._rooms.values() for memory in room.memories.values()]
        ended = [view for room in self._rooms.values() for view in reversed(room.finished)]
        return (*(memory.view for memory in memories if memory.view is not None), *ended)

    def standing_by(self) -> tuple[StandbyView, ...]:
        """The repositories that another instance serves."""
        return tuple(StandbyView(str(name), room.lease.holder) for name, room in sorted(self._standing_by.items()))

    def drain(self) -> None:
        """The server is about to stop: what waits for a slot says so from now on."""
        if self._looker is not None:
            self._looker.drain()

    async def settled(self) -> None:
        """Until every report is recorded and nothing waits to be looked at."""
        while True:
            await self._queue.idle()
            if not any(memory.reports for room in self._rooms.values() for memory in room.memories.values()):
                return
            await asyncio.sleep(FIRST_PAUSE / 4)  # GitHub did not take it; the look is repeated by itself

    def close(self) -> None:
        """Take no more reports and forget the timers; what is being looked at ends with the group."""
        self._closed = True
        self._queue.close()

    async def _look(self, key: ObjectiveKey) -> None:
        """Look at one; whoever's turn it is then, is looked at next."""
        assert self._turns is not None
        try:
            with self._turns.looking(key):
                await self._look_at(key)
        finally:
            if not self._closed:
                for other in self._turns.next():
                    if other != key:
                        self._queue.add(other)

    async def _look_at(self, key: ObjectiveKey) -> None:
        assert self._looker is not None
        assert self._tending is not None
        room = await self._room(key.repository)
        if room is not None:
            cause = room.causes.pop(key.number, Cause())
            memory = room.memory(key.number)
            memory.looked_at = True
            try:
                with about(delivery=cause.guids()):
                    await self._looker.look(room, key.number)
            except Exception as error:
                room.causes[key.number] = cause.followed_by(room.causes.get(key.number))  # it is looked at once more
                if isinstance(error, NotThere):
                    self._sweep_soon.set()  # the App may reach the repository under another name, or no more
                raise
            finally:
                memory.looked_at = False
            if not self._closed:
                self._tending.attend(room)

    def _caused_by(self, key: ObjectiveKey) -> str | None:
        room = self._rooms.get(key.repository)
        return room.causes.get(key.number, Cause()).guids() if room is not None else None

    async def _room(self, name: RepositoryName) -> Room | None:
        """The room of a repository, opened if need be; None where the App cannot reach it, or another instance
        serves it."""
        async with self._opening.setdefault(name, asyncio.Lock()):
            with about(repository=str(name)):
                return await self._room_at(name)

    async def _room_at(self, name: RepositoryName) -> Room | None:
        if name in self._standing_by:
            return None
        if name not in self._rooms:
            try:
                room = await self._open_room(name)
            except NotThere:
                tell(NOT_INSTALLED)
                return None
            for other in [other for other in self._rooms.values() if other.id == room.id]:
                self._leave(other)
            if not await self._recall(room):
                return None
        return self._rooms.get(name)

    def _leave(self, room: Room) -> None:
        """The App reaches the repository no more, or otherwise: what runs for it ends, what is known is forgotten."""
        assert self._engine is not None
        tell(LEFT, repository=str(room.name))
        self._rooms.pop(room.name, None)
        self._departures.left(room)
        for run in self._engine.running():
            if run.repository == room.name:
                self._engine.stop(run.repository, run.session, "the App cannot reach the repository as it did")

    def _hand_over_what_ended(self, repository: int) -> None:
        """To the room that serves the repository now, if one does."""
        for room in self._rooms.values():
            if room.id == repository:
                for key in self._departures.returned(room):
                    self._queue.add(key)

    async def _recall(self, room: Room) -> bool:
        """Make it one of ours, with what the ledgers of the open objectives say: one fetch, whatever their number.
        False where the lease, which came with the same fetch, says that another instance serves the repository."""
        ledgers = await room.ledgers.load_all()
        await room.lease.recall()
        room.github.recall(room.lease.noted)
        if room.lease.wait() > 0.0:
            self._stand_by(room)
            return False
        await room.configure(await room.github.configuration())
        room.recall(ledgers, await room.github.open_objectives(room.config.label), self._instance.clock())
        await self._inherit(room)
        self._departures.returned(room)
        self._rooms[room.name] = room
        log.info("opened a repository", open=len(room.memories))
        if self._tending is not None:
            self._tending.patrol(room)
        if self._instance.settle:
            self._group.create_task(self._recall_the_rest(room), name=f"recalls the rest of {room.name}")
        return True

    async def _recall_the_rest(self, room: Room) -> None:
        """What was handed off just before may not have shown, and its webhook may have gone to an earlier process."""
        await asyncio.sleep(self._instance.settle.total_seconds())
        try:
            opened = await room.github.open_objectives(room.config.label)
        except GitHubError as error:
            tell(HANDED_OFF_UNKNOWN, error=str(error), request_id=error.request_id)
            self._sweep_soon.set()
            return
        for number in opened if self._rooms.get(room.name) is room else ():
            if number not in room.memories:
                self._queue.add(ObjectiveKey(room.name, number))

    async def _inherit(self, room: Room) -> None:
        """What sessions of an earlier process on this machine came to, where nobody has recorded it yet."""
        found = [(memory, memory.ledger.open_claims()) for memory in room.memories.values() if memory.ledger]
        claims = [claim for _, open_claims in found for claim in open_claims]
        try:
            reports = await room.kept.unreported(room.name, claims)
        except Exception:
            tell(LEFT_UNKNOWN, traceback=True, repository=str(room.name))
            return
        for report in reports:
            log.info("an earlier process left", session=report.id, outcome=report.outcome.kind)
            for memory, open_claims in found:
                if any(claim.id == report.id for claim in open_claims):
                    memory.reports[report.id] = report

    def _serves(self, room: Room) -> bool:
        return self._rooms.get(room.name) is room

    def _stand_by(self, room: Room) -> None:
        """Another instance serves the repository: whatever runs here for it ends, and what is known is forgotten."""
        assert self._engine is not None
        assert self._tending is not None
        if room.name in self._standing_by or self._closed:
            return
        self._rooms.pop(room.name, None)
        self._standing_by[room.name] = room
        tell(STANDS_BY, repository=str(room.name), held_by=room.lease.holder)
        for run in self._engine.running():
            if run.repository == room.name:
                self._engine.stop(run.repository, run.session, "another server took the repository over")
        self._tending.watch(room, self._may_serve)

    def _may_serve(self, room: Room) -> None:
        log.info("serves a repository that was left", repository=str(room.name))
        self._standing_by.pop(room.name, None)
        self._group.create_task(self._take_up(room.name), name=f"takes {room.name} up")

    async def _take_up(self, name: RepositoryName) -> None:
        try:
            room = await self._room(name)
        except (GitHubError, GitFailed) as error:
            tell(NOT_TAKEN_UP, repository=str(name), error=str(error))
            self._sweep_soon.set()
            return
        except Exception:
            tell(NOT_TAKEN_UP, traceback=True, repository=str(name))
            self._sweep_soon.set()
            return
        for number in room.memories if room is not None else ():
            self._queue.add(ObjectiveKey(name, number))

    async def _follow(self, name: RepositoryName, gathered: Gathered) -> None:
        with about(repository=str(name), delivery=gathered.cause().guids()):
            await self._follow_all(name, gathered)

    async def _follow_all(self, name: RepositoryName, gathered: Gathered) -> None:
        try:
            room = await self._room(name)
            if room is None:
                return
            await self._configure(room, gathered)
        except (GitHubError, GitFailed) as error:
            tell(HINTS_LOST, error=str(error))
            self._sweep_soon.set()
            return
        except Exception:
            tell(HINTS_LOST, traceback=True)
            self._sweep_soon.set()
            return
        found: set[int] = set()
        if gathered.everything:
            tell(TOO_MANY_HINTS)
            found |= room.memories.keys()
            self._sweep_soon.set()  # hand-offs may be among those that did not fit
        over: set[int] = set()
        for hint in gathered.hints.values():
            named = concern(hint, room)
            found |= named.now
            over |= named.over
            for number in named.now | named.over:
                room.causes.setdefault(number, Cause()).add(hint.delivery)
        for number in sorted(found):
            self._look_because_of_a_hint(room, number)
        for number in sorted(over - found):
            self._look_at_what_is_over(room, number)

    async def _configure(self, room: Room, gathered: Gathered) -> None:
        """Read the settings where somebody may have pushed others. Every look reads them too."""
        pushed = any(hint.event == "push" and hint.to_default_branch for hint in gathered.hints.values())
        if not (pushed or gathered.everything):
            return
        if room.allowance.wait(asyncio.get_running_loop().time()):
            self._sweep_soon.set()
            return
        label = room.config.label
        await room.configure(await room.github.configuration())
        if room.config.label != label:
            self._sweep_soon.set()  # what is handed off with this one was not looked for

    def _look_at_what_is_over(self, room: Room, number: int) -> None:
        """Once, when reads show what the hint is about; all that is over together has one allowance."""
        key = ObjectiveKey(room.name, number)
        if not self._queue.will_look(key):
            wait = room.allowance_of_closed.reserve(asyncio.get_running_loop().time())
            self._queue.add_later(key, max(wait, self._instance.settle.total_seconds()))

    def _look_because_of_a_hint(self, room: Room, number: int) -> None:
        memory, key = room.memory(number), ObjectiveKey(room.name, number)
        memory.refusals = ()
        memory.stale = memory.news = True
        wait = memory.allowance.wait(asyncio.get_running_loop().time())
        if wait:
            if not self._queue.will_look(key):
                tell(HINTS_HELD_BACK, objective=number, seconds=round(wait, 1))
            self._queue.add_later(key, wait)
        else:
            self._queue.add(key)
        settle = self._instance.settle
        if settle:  # reads may not show yet what the hint is about
            memory.look_anew_at = self._instance.clock() + settle
            self._queue.add_later(key, settle.total_seconds() + 0.01)

    async def _sweep(self) -> None:
        """Every so often, and soon where a sweep or a hint came to nothing."""
        failures = 0
        while True:
            self._sweep_soon.clear()
            failures = 0 if await self._sweep_once() else failures + 1
            if failures:
                longest = min(self._instance.longest_pause, self._sweep_seconds)
                await asyncio.sleep(min(FIRST_PAUSE * (1 << min(failures - 1, 16)), longest))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_seconds):
                    await self._sweep_soon.wait()
                await asyncio.sleep(FIRST_PAUSE)

    async def _sweep_once(self) -> bool:
        """Look at every open objective, and at those that are remembered but not open any more. False where that
        could not be found out."""
        try:
            names = await self._app.repositories()
            for lost in [room for room in self._rooms.values() if _is_lost(room, names.get(room.name))]:
                self._leave(lost)
            for name in names:
                known = name in self._rooms
                room = await self._room(name)
                if room is None:
                    continue
                if known:
                    await room.configure(await room.github.configuration())
                opened = await room.github.open_objectives(room.config.label) if known else ()
                for number in {*opened, *room.memories}:
                    memory = room.memory(number)
                    memory.swept = not memory.stale
                    memory.stale = True
                    self._queue.add(ObjectiveKey(name, number))
        except (GitHubError, GitFailed) as error:
            tell(SWEEP_FAILED, error=str(error))
            return False
        except Exception:
            tell(SWEEP_FAILED, traceback=True)
            return False
        return True


def _is_lost(room: Room, reached: Reached | None) -> bool:
    return reached is None or (reached.id, reached.installation) != (room.id, room.installation)
