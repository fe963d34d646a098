"""What the disk remembers of sessions that are not known to be recorded in the ledger.

A memo is written when a worker's tree is made, again when the session has ended, and goes when the ledger has its
end. So a bot that was killed, and finds its disk again, knows from which tree to salvage what, and what a session
reported that nobody was told. Memos lie outside of the folders that agents are given. Losing them loses comfort only:
whoever finds a claim and no memo starts the session anew.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from bot.model.assignment import Assignment
from bot.model.frozen import Frozen
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.session import SessionReport
from bot.sessions.workplace import Workplace, session_folder


class Tree(Frozen):
    """What a workplace is made of besides its folder, and when it was made."""

    base: CommitSha
    start: CommitSha
    branch: str
    made: datetime
    lies_with: SessionId | None = None
    """The attempt before, where the tree is that one's and lies in its folder."""

    def at(self, folder: Path) -> Workplace:
        return Workplace(folder, self.base, self.start, self.branch)


class Memo(Frozen):
    """One session. `agent` is the name that its commits bear; `report` is there once it has ended."""

    assignment: Assignment
    agent: str
    tree: Tree | None = None
    report: SessionReport | None = None


class Memos:
    """The memos below ``folder/owner/name``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, memo: Memo) -> None:
        """Raises OSError."""
        path = self._path(RepositoryName.parse(memo.assignment.repository), memo.assignment.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_text(memo.model_dump_json(), encoding="utf-8")
        half.replace(path)

    def read(self, repository: RepositoryName, session: SessionId) -> Memo | None:
        """None where there is none, or none that can be read."""
        try:
            return Memo.model_validate_json(self._path(repository, session).read_bytes())
        except (OSError, ValidationError):
            return None

    def sessions(self, repository: RepositoryName) -> tuple[SessionId, ...]:
        """Those of which there is a memo."""
        folder = self._path(repository, SessionId("x")).parent
        with suppress(OSError):  # there is no folder yet
            return tuple(SessionId(name.removesuffix(".json")) for name in sorted(os.listdir(folder)))  # noqa: PTH208
        return ()

    def drop(self, repository: RepositoryName, session: SessionId) -> None:
        with suppress(OSError):  # the ledger has its end: who finds the memo later asks there first
            self._path(repository, session).unlink()

    def _path(self, repository: RepositoryName, session: SessionId) -> Path:
        folder = session_folder(self._folder, repository, session)
        return folder.with_name(f"{folder.name}.json")
