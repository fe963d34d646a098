"""`crewline demo`: the main job on the sample project, from an empty machine to a merged objective."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot import scripted
from bot.config import RepositoryConfig
from bot.demo.play import hand_off, read_issue, settle
from bot.demo.report import check_merged, print_check, print_totals
from bot.demo.sample_project import HERE, OWNER, sample_files
from bot.demo.signals import Interrupted, until_signalled
from bot.demo.stage import AgentChoice, open_stage

TESTS = "python3 -m unittest -q"


async def run_demo(agent: str, *, keep: bool, minutes: float) -> int:
    """The exit code: 0 only where the objective closed as completed and the merged tests pass."""
    if agent == "scripted":
        choice = scripted_agent(HERE / "playbook" / "playbook.json")
    else:
        from bot.demo.agent_check import check_agent  # it brings all agents along, and the scripted one is none of them

        check_agent(agent)
        choice = AgentChoice(agent)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="crewline-demo-", ignore_cleanup_errors=True) as folder:
        try:
            return await until_signalled(_perform(Path(folder), choice, keep, minutes, console))
        except Interrupted:
            console.print("\nStopped; nothing is left running.")
            return 130


def scripted_agent(playbook: Path) -> AgentChoice:
    """The scripted agent with a playbook, as the command template that it is to the bot."""
    program = Path(scripted.__file__).with_name("agent.py")
    words = (sys.executable, "-I", "-S", str(program), "--playbook", str(playbook))
    return AgentChoice("scripted", f"{literal(*words)} {{prompt_file}} {{worktree}} {{answer_file}}")


def literal(*words: str) -> str:
    """Words for a command template that mean themselves."""
    return shlex.join(words).replace("{", "{{").replace("}", "}}")


async def _perform(folder: Path, choice: AgentChoice, keep: bool, minutes: float, console: Console) -> int:
    issue = read_issue((HERE / "objective.md").read_text(encoding="utf-8"))
    async with open_stage(folder, choice, OWNER) as stage:
        repository = await stage.hub.create_repository(
            stage.owner, "larder", files=sample_files(), description="The sample project of Crewline's demo"
        )
        console.print(Text(f"A GitHub of its own runs at {stage.hub.base_url}, and Crewline beside it."))
        console.print(Text(_who(choice)), soft_wrap=True)
        ending = await hand_off(stage, repository, issue, RepositoryConfig(), minutes, console, keep=keep)
        print_totals(console, stage, ending.progress, ending.seconds)
        passed = False
        if ending.why is None:
            check = await check_merged(repository, folder, TESTS)
            print_check(console, check)
            passed = check.passed
        await settle(stage, ending, repository, console, keep=keep)
        if ending.why is None and not keep:
            words = "\nThe pages go with this program; KEEP=1 make demo (crewline demo --keep) leaves them up."
            console.print(words, soft_wrap=True)
    return 0 if passed else 1


def _who(choice: AgentChoice) -> str:
    if choice.command is None:
        return f"The roles are played by {choice.name}.\n"
    return "The roles are played by a scripted agent: real edits and commits, from a playbook. No model is asked.\n"
