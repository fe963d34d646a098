"""`crewline doctor`: what is installed, what is missing, whether the settings can be used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.agents.command import BadTemplate
from bot.agents.roster import Roster, UnknownAgent
from bot.demo.asking import ask, version_of
from bot.demo.settings_problems import settings_problems
from bot.git import large_files
from bot.model.offer import AgentOffer
from bot.model.sandbox import NetworkMode
from bot.sandbox.confinement import Confinement, establish
from bot.sandbox.container import Engine
from bot.sandbox.engine import programs_in
from bot.sandbox.sandbox import Sandbox
from bot.settings import SandboxSettings, Settings

_OFFERS: TypeAdapter[dict[str, AgentOffer]] = TypeAdapter(dict[str, AgentOffer])
OLDEST_GIT = (2, 38)
"""The first with `git merge-tree --write-tree`."""


def examine(ask_agents: bool = False) -> int:
    """Print one line for each finding; the exit code is 1 where something must be put right before anything works.
    With `ask_agents` each agent's model is asked a word, which may cost a little."""
    good = [_python(), _git(), _agents(ask_agents), _sandbox()]
    _large_files()
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


def _large_files() -> None:
    found = large_files.installed()
    more = "" if found else "not installed; repositories that set `worktree.lfs` need it"
    _say(found or None, f"git-lfs: {more or 'installed'}")


def _agents(ask_them: bool) -> bool:
    """Every agent that is offered, with its version; False where one that is asked does not answer."""
    roster, problem = _roster()
    installed, good = roster.installed(), problem is None or _say(False, f"CREWLINE_AGENTS: {problem}")
    for name in roster.names():
        agent = roster.find(name)
        if name not in installed:
            _say(None, f"agent {name}: there is no {agent.program} on the PATH")
            continue
        version = version_of(shutil.which(agent.program) or agent.program)
        which = f"agent {name}: installed{f' ({version})' if version else ''}"
        if agent.credentials and not roster.credentials(agent):
            _say(None, f"{which}, but none of {', '.join(agent.credentials)} is set")
        elif ask_them and agent.needs_model and roster.model(name) is None:
            _say(None, f"{which}; not asked, since it needs a model: `model` in CREWLINE_AGENTS names one")
        elif ask_them:
            answers, words = ask(roster, agent)
            good &= _say(answers, f"{which}; {'it answers' if answers else 'it does not answer'}: {words}")
        else:
            _say(True, which)
        if roster.system(agent) and agent.system_place is None:
            _say(None, f"agent {name}: has no place for a system prompt; its `system` comes before the first prompt")
    if not installed:
        _say(None, "without an agent `crewline demo` works, and CREWLINE_AGENT_COMMAND can name any program")
    return good


def _sandbox() -> bool:
    """What agents run in here, tried out; False where the settings demand what cannot be had."""
    try:
        policy = SandboxSettings().sandbox_policy()
    except ValidationError as error:
        return all(_say(False, f"sandbox: {problem}") for problem in settings_problems(error))
    with tempfile.TemporaryDirectory(prefix="crewline-doctor-") as folder:
        confinement = establish(policy, Path(folder))
        told = confinement.statements()
        good = [_one_sandbox(f" ({parts})" if len(told) > 1 else "", sandbox) for parts, sandbox in told]
        _inside(confinement, Path(folder))
        confinement.close()
    if any(sandbox.network is NetworkMode.MODEL_ONLY for _, sandbox in told):
        _keys()
    return all(good)


def _one_sandbox(parts: str, sandbox: Sandbox) -> bool:
    if sandbox.refusal is not None:
        return _say(False, f"sandbox{parts}: {sandbox.statement()}")
    _say(sandbox.confines or None, f"sandbox{parts}: {sandbox.statement()}")
    return _say(sandbox.bounded_by_kernel or None, f"bounds{parts}: {sandbox.bounded()}")


def _inside(confinement: Confinement, folder: Path) -> None:
    """Which agents are in the image of containers, where they may run in one."""
    engine, (roster, _) = confinement.machine.engine, _roster()
    if not isinstance(engine, Engine):
        return
    programs = {name: roster.find(name).program for name in roster.names()}
    there = programs_in(engine, tuple(programs.values()), confinement.policy.paths, folder)
    names = [name for name, program in programs.items() if program in there]
    _say(bool(names) or None, f"image {engine.image}: it has the agents {', '.join(names) or '(none)'}")


def _keys() -> None:
    """Which agents hold their key themselves, although the network is `model-only`."""
    roster, _ = _roster()
    for name in roster.installed():
        agent = roster.find(name)
        if roster.credentials(agent) and roster.needs(agent).model is None:
            _say(None, f"agent {name}: holds its key itself, since it cannot be told to ask the proxy")


def _roster() -> tuple[Roster, str | None]:
    """The agents that are set; without these where they cannot be used, and why not."""
    try:
        return Roster(_offers(), os.environ), None
    except (BadTemplate, UnknownAgent) as error:
        return Roster(environment=os.environ), str(error)


def _offers() -> dict[str, AgentOffer]:
    """What is set about agents, whether or not the rest of the settings is there; nothing where it cannot be read,
    which is told with the settings."""
    try:
        return _OFFERS.validate_json(os.environ.get("CREWLINE_AGENTS") or "{}")
    except ValidationError:
        return {}


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
