"""`crewline doctor`: what is installed, what is missing, whether the settings can be used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from pydantic import ValidationError

from bot.agents.roster import Roster
from bot.demo.settings_problems import settings_problems
from bot.settings import Settings

OLDEST_GIT = (2, 38)
"""The first with `git merge-tree --write-tree`."""


def examine() -> int:
    """Print one line for each finding; the exit code is 1 where something must be put right before anything works."""
    good = [_python(), _git()]
    _agents()
    _settings()
    return 0 if all(good) else 1


def _say(good: bool | None, text: str) -> bool:
    mark = {True: "ok     ", False: "MISSING", None: "note   "}[good]
    print(f"{mark} {text}")
    return good is not False


def _python() -> bool:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return _say(sys.version_info >= (3, 11), f"Python {version}; 3.11 or newer is needed")


def _git() -> bool:
    wanted = ".".join(map(str, OLDEST_GIT))
    program = shutil.which("git")
    if program is None:
        return _say(False, f"git {wanted} or newer: there is no git on the PATH")
    said = subprocess.run((program, "--version"), capture_output=True, text=True, check=False, timeout=10).stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    new_enough = match is not None and (int(match[1]), int(match[2])) >= OLDEST_GIT
    return _say(new_enough, f"{said.strip() or program}; {wanted} or newer is needed")


def _agents() -> None:
    roster = Roster(environment=os.environ)
    installed = roster.installed()
    for name in roster.names():
        agent = roster.find(name)
        if name not in installed:
            _say(None, f"agent {name}: there is no {agent.program} on the PATH")
        elif agent.credentials and not roster.credentials(agent):
            _say(None, f"agent {name}: installed, but none of {', '.join(agent.credentials)} is set")
        else:
            _say(True, f"agent {name}: installed")
    if not installed:
        _say(None, "without an agent `crewline demo` works, and CREWLINE_AGENT_COMMAND can name any program")


def _settings() -> None:
    if not any(name.startswith("CREWLINE_") for name in os.environ):
        _say(None, "no CREWLINE_… variable is set: `crewline demo` needs none, `crewline serve` does")
        return
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in settings_problems(error):
            _say(None, f"settings: {problem}")
        return
    try:
        settings.private_key_pem()
    except OSError as error:
        _say(None, f"settings: CREWLINE_PRIVATE_KEY_FILE: {error.strerror}: {settings.private_key_file}")
        return
    _say(True, f"settings: App {settings.app_id} at {settings.api_url}, data in {settings.data.resolve()}")
