"""The transcripts of a data folder: where they lie, what they say from an offset on, and whom that wakes.

Nobody looks at a file again and again: whoever waits is woken when lines have reached it. To be used from one event
loop, but for `read`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.model.identity import RepositoryName, SessionId
from bot.sessions.archive import Part, read_on
from bot.sessions.workplace import session_folder


def transcript_path(data: Path, repository: RepositoryName, session: SessionId) -> Path:
    """Where a session's transcript lies, whether or not it exists. Raises ValueError as `session_folder` does."""
    folder = session_folder(data / "transcripts", repository, session)
    return folder.with_name(f"{folder.name}.jsonl")


class Transcripts:
    """Those below `data`; without it there are none, and news all the same."""

    def __init__(self, data: Path | None = None) -> None:
        self._data = data
        self._waiting: dict[tuple[RepositoryName, SessionId], list[asyncio.Event]] = {}

    def read(self, repository: RepositoryName, session: SessionId, after: int) -> Part | None:
        """As `read_on`; None where there is no such transcript. Blocks. Raises NotAnOffset."""
        if self._data is None:
            return None
        try:
            return read_on(transcript_path(self._data, repository, session), after)
        except (FileNotFoundError, ValueError):  # no session has a name that can name no folder
            return None

    def tell(self, repository: RepositoryName, session: SessionId) -> None:
        """There is news of this session: lines, or its end."""
        for event in self._waiting.get((repository, session), ()):
            event.set()

    @contextmanager
    def news(self, repository: RepositoryName, session: SessionId) -> Iterator[asyncio.Event]:
        """Set by whatever is told while the block runs; it is the block's to clear."""
        key, event = (repository, session), asyncio.Event()
        self._waiting.setdefault(key, []).append(event)
        try:
            yield event
        finally:
            self._waiting[key].remove(event)
            if not self._waiting[key]:
                del self._waiting[key]
