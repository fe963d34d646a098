"""Whether an agent answers: the smallest question that there is, put to the real program."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from bot.agents.agent import Account, Agent, Invocation
from bot.agents.roster import Roster
from bot.git.process import Identity
from bot.sessions.process import Tail, run_guarded
from bot.sessions.surroundings import Folders, clean_environment

QUESTION = "Answer with the one word READY, and do nothing else."
SECONDS = 120


def version_of(program: str) -> str:
    """What the program says of its version, in one line; empty where it says nothing within ten seconds."""
    try:
        done = subprocess.run((program, "--version"), capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0][:100] if lines else ""


def ask(roster: Roster, agent: Agent) -> tuple[bool, str]:
    """Whether it answers, and its words or what is wrong. This asks its model once, which may cost a little."""
    with tempfile.TemporaryDirectory(prefix="crewline-doctor-") as folder:
        account, problem = asyncio.run(_ask(roster, agent, Path(folder)))
    if problem is None and account.error is not None:
        problem = account.error.text
    said = " ".join(account.text.split())
    return (True, said[-200:]) if problem is None else (False, " ".join(problem.split())[:300])


async def _ask(roster: Roster, agent: Agent, folder: Path) -> tuple[Account, str | None]:
    home, temporary, tree = folder / "home", folder / "tmp", folder / "tree"
    for path in (home, temporary, tree):
        path.mkdir()
    prompt = folder / "prompt.md"
    prompt.write_text(QUESTION, encoding="utf-8")
    asked, base_url = roster.model(agent.name), roster.base_url(agent)
    invocation = Invocation(prompt, tree, folder / "answer.json", "doctor", asked, home, base_url=base_url)
    command = agent.start(invocation)
    for path, text in command.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    identity = Identity("crewline", "crewline@localhost")
    clean = clean_environment(Folders(home, temporary), identity)
    output, errors = bytearray(), Tail(2_000)
    ending = await run_guarded(
        command.argv,
        folder=tree,
        environment={**clean, **roster.credentials(agent), **command.environment},
        seconds=SECONDS,
        on_output=output.extend,
        on_error_output=errors,
    )
    account = Account()
    for event in (event for line in bytes(output).splitlines() for event in agent.events(line)):
        account.add(event)
    for event in agent.ending(invocation, ending.code, errors.text):
        account.add(event)
    if ending.timed_out:
        return account, f"no answer within {SECONDS} seconds"
    if ending.problem or (ending.code and account.error is None):
        return account, ending.problem or errors.text.strip() or f"exit code {ending.code}"
    return account, None
