"""What an earlier run of the bot left on this disk: its processes, its trees, and reports that nobody was told.

The processes are ended first (see `leftovers`); only then are their trees touched, and only then does a session of
this run begin. The trees are moved aside, so that this run's sessions have their places to themselves. When a
repository is opened, those of its sessions that the ledger still knows as claims become reports: as they reported
themselves, or void with what can be salvaged of their trees. Everything else of it is thrown away.

All of it is a comfort. With an empty disk there is nothing to inherit, and the claims are ended as lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from bot.disk.unrecorded import unrecorded
from bot.git.errors import GitFailed
from bot.git.mirror import Mirror
from bot.journal import CUT_OFF, LEFTOVERS_ENDED, NOT_CLEARED, NOT_SALVAGED, REPORT_NOT_WRITTEN, tell
from bot.model.assignment import Assignment, WorkerBriefing
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.session import LOST, Published, SessionRecord, SessionReport, Spend, Void, salvage_of
from bot.sessions.heard import heard_spend
from bot.sessions.leftovers import DataFolder, end_leftovers
from bot.sessions.memo import Memo, Memos
from bot.sessions.salvage import salvage
from bot.sessions.transcripts import transcript_path
from bot.sessions.trash import Trash
from bot.sessions.workplace import session_folder

KEPT = timedelta(days=14)
"""How long trees wait for their repository to be opened again, but for those from which something may be salvaged."""


class Inheritance:
    """Of one data folder: trees in ``work`` move to ``left`` when a run begins. `secrets` are the server's, which no
    salvaged commit may hold."""

    def __init__(
        self, data: Path, memos: Memos, trash: Trash, clock: Callable[[], datetime], secrets: Sequence[str] = ()
    ) -> None:
        self._data = data
        self._memos = memos
        self._trash = trash
        self._clock = clock
        self._secrets = tuple(secrets)
        self._clearing: asyncio.Task[None] | None = None

    def enter(self, folder: DataFolder) -> None:
        """Begin to clear what earlier runs left."""
        self._clearing = asyncio.create_task(self._clear(folder), name="ends what an earlier run left")

    async def leave(self) -> None:
        if self._clearing is not None:
            self._clearing.cancel()
            await asyncio.gather(self._clearing, return_exceptions=True)

    async def cleared(self) -> None:
        """Until nothing of an earlier run is running any more."""
        if self._clearing is not None:
            await asyncio.shield(self._clearing)

    async def reports(
        self, repository: RepositoryName, claims: Sequence[SessionRecord], mirror: Mirror
    ) -> tuple[SessionReport, ...]:
        """For those of `claims` that were begun here. Nothing of this run may work in the repository yet."""
        await self.cleared()
        wanted = {claim.id: claim for claim in claims}
        found: list[SessionReport] = []
        kept = True
        for session in self._memos.sessions(repository):
            memo, claim = self._memos.read(repository, session), wanted.get(session)
            report = None
            if memo is not None and claim is not None and _belongs(memo.assignment, claim):
                report = await self._report(repository, memo, mirror)
            if report is None or memo is None:
                self._memos.drop(repository, session)
            else:
                kept = self._keep(memo.model_copy(update={"report": report, "tree": None})) and kept
                found.append(report)
        if kept:
            self._trash.throw(self._left(repository, SessionId("x")).parent)
        return tuple(found)

    def _keep(self, memo: Memo) -> bool:
        """Whether the disk took it. Where it did not, the tree stays, to be salvaged once more should we die now."""
        try:
            self._memos.write(memo)
        except OSError as error:
            tell(REPORT_NOT_WRITTEN, **memo.assignment.ids, error=str(error))
            return False
        return True

    def _spent(self, repository: RepositoryName, memo: Memo) -> Spend:
        """From when the tree was made until the session was last heard of: nobody knows more."""
        path = transcript_path(self._data, repository, memo.assignment.id)
        try:
            heard = path.stat().st_mtime
            began = memo.tree.made.timestamp() if memo.tree else heard
            return heard_spend(path, min(max(0.0, heard - began), memo.assignment.seconds))
        except OSError:
            return Spend()

    async def _report(self, repository: RepositoryName, memo: Memo, mirror: Mirror) -> SessionReport | None:
        """None where nothing is left to report."""
        if memo.report is not None:
            head = _head(memo.report)
            return memo.report if head is None or await mirror.resolve(head) is not None else None
        if memo.tree is None:
            return None
        folder = self._left(repository, memo.tree.lies_with or memo.assignment.id)
        if not folder.is_dir():
            return None
        try:
            found = await salvage(
                mirror, memo.assignment, memo.tree.at(folder), memo.agent, self._clock(), self._secrets
            )
        except GitFailed as error:
            tell(NOT_SALVAGED, **memo.assignment.ids, error=str(error))
            return None
        head, refusal = (found.head, found.refusal) if found else (None, None)
        tell(CUT_OFF, **memo.assignment.ids, salvaged=head, refusal=refusal)
        return SessionReport(
            id=memo.assignment.id, outcome=Void(reason=LOST, salvage=found), spend=self._spent(repository, memo)
        )

    async def _clear(self, folder: DataFolder) -> None:
        try:
            count = await end_leftovers(folder.earlier)
            if count:
                tell(LEFTOVERS_ENDED, count=count)
            folder.cleared()
            self._set_aside()
        except Exception:
            tell(NOT_CLEARED, traceback=True)
            self._trash.throw(self._data / "work")

    def _set_aside(self) -> None:
        oldest, open_ends = (self._clock() - KEPT).timestamp(), unrecorded(self._data)
        for old in self._data.glob("left/*/*/*"):
            with suppress(OSError):  # it is tried again at the next start
                if old.lstat().st_mtime < oldest and not open_ends.needs(old):
                    self._trash.throw(old)
        for tree in self._data.glob("work/*/*/*"):
            target = self._data / "left" / tree.relative_to(self._data / "work")
            self._trash.throw(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            tree.rename(target)
        self._trash.throw(self._data / "work")

    def _left(self, repository: RepositoryName, session: SessionId) -> Path:
        return session_folder(self._data / "left", repository, session)


async def continuing(mirror: Mirror, assignment: Assignment) -> Assignment:
    """`assignment`, or one that does not continue what an earlier session left, where that is nowhere to be had."""
    if assignment.continues is None or await mirror.resolve(assignment.continues) is not None:
        return assignment
    with suppress(GitFailed):  # whether it can be had is asked below
        await mirror.fetch()
    if await mirror.resolve(assignment.continues) is not None:
        return assignment
    briefing = assignment.briefing
    if isinstance(briefing, WorkerBriefing):
        briefing = briefing.model_copy(update={"salvage": None})
    return assignment.model_copy(update={"continues": None, "briefing": briefing})


def _belongs(assignment: Assignment, claim: SessionRecord) -> bool:
    """Whether the claim is that of this very session: ids come again where somebody took a ledger back."""
    asked = (assignment.role, assignment.starts_from, assignment.judges)
    return asked == (claim.role, claim.starts_from, claim.judges)


def _head(report: SessionReport) -> CommitSha | None:
    """The commit that has to be here for the report to be of use."""
    if isinstance(report.outcome, Published):
        return report.outcome.head
    salvaged = salvage_of(report.outcome)
    return salvaged.head if salvaged else None
