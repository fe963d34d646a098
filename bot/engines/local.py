"""Sessions as processes of this machine, in a bounded number of slots (`slots` says whose turn it is).

A session that is stopped is not dropped: what runs is cancelled, which ends its processes, and then it is wound up:
its report is void with the reason, and with what it had committed. Only leaving the context is in more of a hurry.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol, Self

from bot.engines.engine import OnReport, RunKey
from bot.engines.slots import Occupancy, Place, Slots
from bot.journal import REPORT_NOT_TAKEN, SESSION_BROKE, about, tell
from bot.model.assignment import Assignment
from bot.model.events import Batch, RunState
from bot.model.identity import ObjectiveKey, RepositoryName, SessionId
from bot.model.session import SessionReport, Spend, Void
from bot.sessions.transcripts import Transcripts

_REMEMBERED = 10_000

WindUp = Callable[[Assignment, str], Awaitable[SessionReport]]
"""Makes the report of a session whose run was cancelled: `bot.sessions.run.SessionRunner.wind_up`."""


class Runner(Protocol):
    """What carries one session out: `bot.sessions.run.SessionRunner`. On cancellation it ends what it started."""

    async def run(self, assignment: Assignment) -> SessionReport: ...


async def nothing_left(assignment: Assignment, reason: str) -> SessionReport:
    """For runners that keep nothing of a session that was cancelled."""
    return _void(assignment, reason)


class LocalEngine:
    """To be used as an async context manager; leaving it ends every session and waits until nothing is left.

    Sessions that leaving ends are reported too, as Void: the bot may still want to say so. `transcripts` are those that
    `runner` writes.
    """

    def __init__(
        self,
        runner: Runner,
        slots: Slots | int,
        on_report: OnReport,
        wind_up: WindUp = nothing_left,
        transcripts: Transcripts | None = None,
    ) -> None:
        self._runner = runner
        self._slots = Slots(slots) if isinstance(slots, int) else slots
        self._on_report = on_report
        self._wind_up = wind_up
        self._transcripts = transcripts or Transcripts()
        self._waiting: dict[RunKey, asyncio.Future[None]] = {}
        self._seated: dict[RunKey, Place] = {}
        self._seats = Occupancy(self._slots)
        self._occupied = Occupancy(self._slots)
        self._had_a_turn: dict[ObjectiveKey, int] = {}
        self._count = 0
        self._places: dict[RunKey, Place] = {}
        self._tasks: dict[RunKey, asyncio.Task[None]] = {}
        self._began: dict[RunKey, float] = {}
        self._runs: dict[RunKey, asyncio.Task[SessionReport]] = {}
        self._reasons: dict[RunKey, str] = {}
        self._ended: OrderedDict[RunKey, None] = OrderedDict()
        self._closed_for: str | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key, task in tuple(self._tasks.items()):
            self._reasons.setdefault(key, "the server was stopped")
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    def start(self, assignment: Assignment) -> None:
        key = RunKey(RepositoryName.parse(assignment.repository), assignment.id)
        if key in self._tasks or key in self._ended:
            return
        self._idle.clear()
        task = self._group.create_task(self._run(key, assignment), name=f"session {assignment.id}")
        self._tasks[key] = task
        self._began[key] = asyncio.get_running_loop().time()
        self._places[key] = Place.of(assignment)
        self._occupied.take(self._places[key])
        task.add_done_callback(lambda _: self._settle(key, assignment))
        if self._closed_for is not None:
            self.stop(key.repository, key.session, self._closed_for)

    def stop(self, repository: RepositoryName, session: SessionId, reason: str) -> None:
        key = RunKey(repository, session)
        if key not in self._tasks or key in self._reasons:
            return
        run = self._runs.get(key)
        if run is None:
            self._reasons[key] = reason
            self._tasks[key].cancel()
        elif run.cancel():  # one that has just come to its end reports that end
            self._reasons[key] = reason

    def close(self, reason: str) -> None:
        """Begin no more sessions: those that wait for a slot, and those that are asked for from now on, are void for
        `reason`. Those that run go on."""
        self._closed_for = reason
        for key in tuple(self._tasks):
            if key not in self._runs:
                self.stop(key.repository, key.session, reason)

    def stop_all(self, reason: str) -> None:
        for key in tuple(self._tasks):
            self.stop(key.repository, key.session, reason)

    async def idle(self) -> None:
        """Until every session is reported."""
        await self._idle.wait()

    async def events(self, repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch:
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        with self._transcripts.news(repository, session) as news:
            while True:
                news.clear()  # before the file is read: what comes meanwhile is not missed
                batch = await self._batch(RunKey(repository, session), after)
                if batch.lines or batch.state is not RunState.RUNNING or clock() >= until:
                    return batch
                try:
                    async with asyncio.timeout_at(until):
                        await news.wait()
                except TimeoutError:
                    return batch

    async def _batch(self, key: RunKey, after: int) -> Batch:
        """A session that had ended before its transcript was read has no line more. What was never started here and
        has a transcript ran in an earlier process."""
        runs, known = key in self._tasks, key in self._ended
        part = await asyncio.to_thread(self._transcripts.read, key.repository, key.session, after)
        lines, at = part or ((), after)
        if runs:
            return Batch(lines, at, RunState.RUNNING)
        return Batch(lines, at, RunState.ENDED if part is not None or known else RunState.UNKNOWN)

    def running(self) -> frozenset[RunKey]:
        return frozenset(self._tasks)

    def since(self) -> float | None:
        """When the oldest of those that run was started, by the event loop's clock; None where none runs."""
        return next(iter(self._began.values()), None)

    def occupancy(self) -> Occupancy:
        return self._occupied.copy(closed=self._closed_for is not None)

    async def _run(self, key: RunKey, assignment: Assignment) -> None:
        with about(**assignment.ids):
            await self._run_it(key, assignment)

    async def _run_it(self, key: RunKey, assignment: Assignment) -> None:
        async with self._seat(key):
            self._runs[key] = run = asyncio.create_task(self._runner.run(assignment), name=f"run {assignment.id}")
            try:
                report = await run
            except asyncio.CancelledError:
                if not run.done():  # not the run was cancelled, but we were, and in a hurry
                    run.cancel()
                    await asyncio.gather(run, return_exceptions=True)
                this = asyncio.current_task()
                if this is None or this.cancelling() or key not in self._reasons:
                    raise
                report = await self._wind_up(assignment, self._reasons[key])
            except Exception as error:
                tell(SESSION_BROKE, traceback=True)
                report = _void(assignment, f"the bot failed: {type(error).__name__}: {error}")
        self._hand_over(key, assignment, report)

    @asynccontextmanager
    async def _seat(self, key: RunKey) -> AsyncIterator[None]:
        """A slot, as soon as it is this session's turn."""
        turn = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            self._seat_next()
            await turn
            yield
        finally:
            self._waiting.pop(key, None)
            if (seat := self._seated.pop(key, None)) is not None:
                self._seats.give_back(seat)
            self._seat_next()

    def _seat_next(self) -> None:
        seats = self._seats
        while True:
            waiting = [key for key in self._waiting if seats.fits(self._places[key])]
            if not waiting:
                return
            first = min(waiting, key=lambda key: (*seats.precedence(self._places[key]), self._turn_of(key)))
            self._count += 1
            self._had_a_turn[self._places[first].objective] = self._count
            self._seated[first] = self._places[first]
            seats.take(self._places[first])
            turn = self._waiting.pop(first)
            if not turn.done():  # it may have been cancelled just now, and gives the slot back at once
                turn.set_result(None)

    def _turn_of(self, key: RunKey) -> int:
        """When its objective had a slot last; the first that came is the first among equals."""
        return self._had_a_turn.get(self._places[key].objective, 0)

    def _settle(self, key: RunKey, assignment: Assignment) -> None:
        """A task that was cancelled, perhaps before it ever ran, or that could not be wound up, is reported here."""
        if key in self._tasks:
            self._hand_over(key, assignment, _void(assignment, self._reasons.get(key, "the session was cancelled")))

    def _hand_over(self, key: RunKey, assignment: Assignment, report: SessionReport) -> None:
        """Reported first and forgotten then, without a wait between: it is never neither running nor reported."""
        try:
            self._on_report(assignment, report)
        except Exception:
            tell(REPORT_NOT_TAKEN, traceback=True, **assignment.ids)
        del self._tasks[key], self._began[key]
        self._occupied.give_back(self._places.pop(key))
        self._runs.pop(key, None)
        self._reasons.pop(key, None)
        self._ended[key] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        self._transcripts.tell(key.repository, key.session)
        if not self._tasks:
            self._had_a_turn.clear()
            self._idle.set()


def _void(assignment: Assignment, reason: str) -> SessionReport:
    return SessionReport(id=assignment.id, outcome=Void(reason=reason), spend=Spend())
