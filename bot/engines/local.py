"""Sessions as processes of this machine, in a bounded number of slots."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from types import TracebackType
from typing import Protocol, Self

from bot.engines.engine import OnReport, RunKey
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName, SessionId
from bot.model.session import SessionReport, Spend, Void

_log = logging.getLogger(__name__)
_REMEMBERED = 10_000


class Runner(Protocol):
    """What carries one session out: `bot.sessions.run.SessionRunner`. On cancellation it ends what it started."""

    async def run(self, assignment: Assignment) -> SessionReport: ...


class LocalEngine:
    """To be used as an async context manager; leaving it ends every session and waits until nothing is left.

    Sessions that leaving ends are reported too, as Void: the bot may still want to say so.
    """

    def __init__(self, runner: Runner, slots: int, on_report: OnReport) -> None:
        self._runner = runner
        self._slots = slots
        self._on_report = on_report
        self._free = asyncio.Semaphore(slots)
        self._tasks: dict[RunKey, asyncio.Task[None]] = {}
        self._reasons: dict[RunKey, str] = {}
        self._ended: OrderedDict[RunKey, None] = OrderedDict()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in tuple(self._tasks):
            self.stop(key.repository, key.session, "the server was stopped")
        await self._group.__aexit__(kind, error, trace)

    def start(self, assignment: Assignment) -> None:
        key = RunKey(RepositoryName.parse(assignment.repository), assignment.id)
        if key in self._tasks or key in self._ended:
            return
        task = self._group.create_task(self._run(key, assignment), name=f"session {assignment.id}")
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._settle(key, assignment))

    def stop(self, repository: RepositoryName, session: SessionId, reason: str) -> None:
        key = RunKey(repository, session)
        if key in self._tasks and key not in self._reasons:
            self._reasons[key] = reason
            self._tasks[key].cancel()

    def running(self) -> frozenset[RunKey]:
        return frozenset(self._tasks)

    def free_slots(self) -> int:
        return max(0, self._slots - len(self._tasks))

    async def _run(self, key: RunKey, assignment: Assignment) -> None:
        async with self._free:
            try:
                report = await self._runner.run(assignment)
            except Exception as error:
                _log.exception("session %s of %s broke", assignment.id, assignment.repository)
                report = _void(assignment, f"the bot failed: {type(error).__name__}: {error}")
        if key not in self._reasons:
            self._hand_over(key, assignment, report)

    def _settle(self, key: RunKey, assignment: Assignment) -> None:
        """A task that was cancelled, perhaps before it ever ran, is reported here."""
        if key in self._tasks:
            self._hand_over(key, assignment, _void(assignment, self._reasons.get(key, "the session was cancelled")))

    def _hand_over(self, key: RunKey, assignment: Assignment, report: SessionReport) -> None:
        """Reported first and forgotten then, without a wait between: it is never neither running nor reported."""
        try:
            self._on_report(assignment, report)
        except Exception:
            _log.exception("the report of session %s was not taken", assignment.id)
        del self._tasks[key]
        self._reasons.pop(key, None)
        self._ended[key] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)


def _void(assignment: Assignment, reason: str) -> SessionReport:
    return SessionReport(id=assignment.id, outcome=Void(reason=reason), spend=Spend())
