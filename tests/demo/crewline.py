"""`crewline` as a person starts it: a process, its lines as they come, and what is left of it."""

import os
import queue
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Run:
    """A running `crewline`. Every process that it starts can be told by a mark in its environment."""

    def __init__(self, process: subprocess.Popen[str], mark: str) -> None:
        self.process = process
        self.mark = mark
        self.output = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, words: str, seconds: float = 60) -> None:
        """Wait for a line that holds `words`."""
        while words not in self.output:
            line = self._lines.get(timeout=seconds)
            assert line is not None, f"it ended without {words!r}:\n{self.output}"
            self.output += line

    def end(self, seconds: float = 90) -> int:
        """Wait for its end; the exit code."""
        while (line := self._lines.get(timeout=seconds)) is not None:
            self.output += line
        self._reader.join(seconds)
        return self.process.wait(seconds)

    def left(self) -> list[str]:
        """The processes that carry the mark."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                if folder.name.isdigit() and self.mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
        return found


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator[Run]:
    mark = f"mark-{uuid.uuid4()}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "STARTED_BY": mark,
        "COLUMNS": "120",
    }
    with subprocess.Popen(
        (sys.executable, "-m", "bot", *arguments),
        cwd=folder,
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Run(process, mark)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(20)
