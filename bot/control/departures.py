"""Repositories that are renamed, or that the App loses and gets back, while sessions run for them.

A room is left when the App reaches its repository no more, reaches it under another name, or through another
installation: requests under the old name would be redirected at best, and go to somebody else's repository at worst;
tokens of an installation that was deleted are never given again. What runs for it is ended. When GitHub shows the
repository again it is opened anew, as after a start, and what its sessions came to is not lost: the report waits here
and is recorded then.

Two rules keep a task from being worked on twice. A session that still ends under a former name of the repository counts
as one of it (`Room.former`), so its claim is not taken up again before it has ended; and a claim whose session was
ended here is ended in the ledger, never started again under the same id.

Commits stay in the mirror of the name under which they were made. Under another name they are not published: such a
session is void, and starts again.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.control.room import Room
from bot.model.identity import ObjectiveKey, RepositoryName
from bot.model.session import Blocked, Failed, Outcome, Published, SessionReport, Void

RENAMED = "the repository was renamed while it ran"


@dataclass(frozen=True, slots=True)
class _Kept:
    name: RepositoryName
    objective: int
    report: SessionReport


class Departures:
    """What was left behind, by the id of the repository."""

    def __init__(self) -> None:
        self._ids: dict[RepositoryName, int] = {}
        self._kept: dict[int, list[_Kept]] = {}

    def left(self, room: Room) -> None:
        """`room` is not served any more; what it knew of sessions that ended is kept."""
        self._ids[room.name] = room.id
        for number, memory in room.memories.items():
            for report in memory.reports.values():
                self._keep(room.id, _Kept(room.name, number, report))

    def ended(self, name: RepositoryName, objective: int, report: SessionReport, room: Room | None) -> int | None:
        """The id of the repository that was left as `name`, of which a session has ended just now; None where it was
        not left, or is served again as `room`."""
        left = self._ids.get(name)
        if left is None or (room is not None and room.id == left):
            return None
        self._keep(left, _Kept(name, objective, report))
        return left

    def returned(self, room: Room) -> tuple[ObjectiveKey, ...]:
        """`room` is served: it gets the reports that were kept for it. The objectives that got one."""
        if self._ids.get(room.name, room.id) != room.id:
            del self._ids[room.name]  # another repository has the name now
        room.former = frozenset(name for name, left in self._ids.items() if left == room.id and name != room.name)
        found = []
        for kept in self._kept.pop(room.id, []):
            if kept.objective in room.memories:
                report = kept.report if kept.name == room.name else _without_commits(kept.report)
                room.memories[kept.objective].reports[report.id] = report
                found.append(ObjectiveKey(room.name, kept.objective))
        return tuple(found)

    def _keep(self, repository: int, kept: _Kept) -> None:
        self._kept.setdefault(repository, []).append(kept)


def _without_commits(report: SessionReport) -> SessionReport:
    return report.model_copy(update={"outcome": _not_published(report.outcome)})


def _not_published(outcome: Outcome) -> Outcome:
    match outcome:
        case Published():
            return Void(reason=RENAMED)
        case Failed() | Blocked() | Void():
            return outcome.model_copy(update={"salvage": None})
        case other:
            return other
