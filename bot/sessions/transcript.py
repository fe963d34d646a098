"""The transcript of a session: one JSON object a line, with the time, secrets masked, bounded."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bot.agents.agent import AgentEvent
from bot.sessions.archive import packed
from bot.sessions.mask import Mask

LARGEST = 20_000_000
"""Bytes of one transcript; the prompt is kept whole whatever its size."""


class Transcript:
    """A new file at `path`; an older one is replaced, or continued with `append`. `secrets` never stand in it, as they
    are or as JSON; `mask` is for what leaves the session. `on_news` is called whenever lines have reached the file."""

    def __init__(
        self,
        path: Path,
        secrets: Sequence[str],
        clock: Callable[[], datetime],
        *,
        append: bool = False,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._mode: Literal["a", "w"] = "a" if append else "w"
        self.secrets = tuple(secrets)
        self.mask = Mask(secrets)
        self._clock = clock
        self._on_news = on_news
        self._has_news = False
        self._written = 0
        self._full = False
        self.trouble: OSError | None = None
        """Why the disk did not take it, where it did not; nothing is written any more then, and the session goes on."""

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._mode == "w":
            packed(self._path).unlink(missing_ok=True)
        self._file = self._path.open(self._mode, encoding="utf-8", errors="replace")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._file, fcntl.LOCK_SH)  # in use: nobody deletes it meanwhile (`bot.disk.use`)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.trouble = error

    def note(self, kind: str, text: str) -> None:
        """Something of ours: the prompt, the command, how the process ended, what the gate said. Never dropped."""
        self._write(json.dumps({"at": self._now(), "kind": kind, "text": text}, ensure_ascii=False))
        self.flush()

    def events(self, events: Sequence[AgentEvent]) -> None:
        """What the agent said just now. Dropped where the transcript is full, which is said once."""
        if self._full:
            return
        if self._written > LARGEST:
            self._full = True
            self.note("full", f"the transcript has {self._written} bytes; what the agent said from here on is left out")
            return
        at = f'{{"at":"{self._now()}",'
        self._write("\n".join(at + event.model_dump_json()[1:] for event in events))

    def flush(self) -> None:
        if self.trouble is None:
            try:
                self._file.flush()
            except OSError as error:
                self.trouble = error
            else:
                if self._has_news:
                    self._has_news = False
                    self._on_news()

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")

    def _write(self, lines: str) -> None:
        masked = self.mask.own(lines)
        self._written += len(masked) + 1
        if self.trouble is None:
            try:
                self._file.write(masked + "\n")
                self._has_news = True
            except OSError as error:
                self.trouble = error
