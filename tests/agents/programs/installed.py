"""The real programs, in pinned versions, in a cache of their own.

    python -m tests.agents.programs.installed

installs what is missing; the tests do the same when they need a program. Each is installed once, whatever the number
of processes that ask. Where a program cannot be had, a test is skipped with npm's words, but never in CI.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = {
    "claude": ("@anthropic-ai/claude-code", "2.1.197"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
    "opencode": ("opencode-ai", "1.18.33"),
}
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crewline-agents"


_FLAGS = ("--no-audit", "--no-fund", "--no-save", "--fetch-retries=1", "--fetch-timeout=30000")
_REFUSAL_HOLDS = 600.0
"""Seconds for which a registry that could not be reached is not asked again: many tests want the same program."""


class NotInstalled(Exception):
    """The program cannot be had; the text says why and what to do."""


def program(name: str) -> Path:
    """Where the program lies; installed now if need be. Raises NotInstalled."""
    package, version = PACKAGES[name]
    folder = CACHE / f"{name}-{version}"
    found = folder / "node_modules" / ".bin" / name
    refused = CACHE / f"{name}.refused"
    with _locked(CACHE / f"{name}.lock"):
        if not found.exists():
            if refused.exists() and time.time() - refused.stat().st_mtime < _REFUSAL_HOLDS:
                raise NotInstalled(refused.read_text())
            try:
                _install(f"{package}@{version}", folder)
            except NotInstalled as error:
                refused.write_text(str(error))
                raise
    return found


def _install(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled(f"npm is missing, which brings {package}; install Node.js 20 or newer")
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    done = subprocess.run(
        (npm, "install", "--prefix", str(half), *_FLAGS, package),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise NotInstalled(f"npm could not install {package}: {done.stderr.strip()[-500:]}")
    half.replace(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for name in sys.argv[1:] or PACKAGES:
        print(program(name))
