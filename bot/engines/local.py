"""Sessions as processes of this machine, in a bounded number of slots.

A session that is stopped is not dropped: what runs is cancelled, which ends its processes, and then it is wound up:
its report is void with the reason, and with what it had committed. Only leaving the context is in more of a hurry.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

from bot.engines.engine import OnReport, RunKey
from bot.journal import REPORT_NOT_TAKEN, SESSION_BROKE, about, tell
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName, SessionId
from bot.model.session import SessionReport, Spend, Void

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

    Sessions that leaving ends are reported too, as Void: the bot may still want to say so.
    """

    def __init__(self, runner: Runner, slots: int, on_report: OnReport, wind_up: WindUp = nothing_left) -> None:
        self._runner = runner
        self._slots = slots
        self._on_report = on_report
        self._wind_up = wind_up
        self._free = asyncio.Semaphore(slots)
        self._tasks: dict[RunKey, asyncio.Task[None]] = {}
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

    def running(self) -> frozenset[RunKey]:
        return frozenset(self._tasks)

    def free_slots(self) -> int:
        return 0 if self._closed_for is not None else max(0, self._slots - len(self._tasks))

    async def _run(self, key: RunKey, assignment: Assignment) -> None:
        where, number, task = assignment.repository, assignment.objective, assignment.task
        with about(repository=where, objective=number, task=task, session=assignment.id):
            await self._run_it(key, assignment)

    async def _run_it(self, key: RunKey, assignment: Assignment) -> None:
        async with self._free:
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

    def _settle(self, key: RunKey, assignment: Assignment) -> None:
        """A task that was cancelled, perhaps before it ever ran, or that could not be wound up, is reported here."""
        if key in self._tasks:
            self._hand_over(key, assignment, _void(assignment, self._reasons.get(key, "the session was cancelled")))

    def _hand_over(self, key: RunKey, assignment: Assignment, report: SessionReport) -> None:
        """Reported first and forgotten then, without a wait between: it is never neither running nor reported."""
        try:
            self._on_report(assignment, report)
        except Exception:
            tell(REPORT_NOT_TAKEN, traceback=True, session=assignment.id)
        del self._tasks[key]
        self._runs.pop(key, None)
        self._reasons.pop(key, None)
        self._ended[key] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        if not self._tasks:
            self._idle.set()


def _void(assignment: Assignment, reason: str) -> SessionReport:
    return SessionReport(id=assignment.id, outcome=Void(reason=reason), spend=Spend())
