"""`crewline try`: the main job on a clone of somebody's own repository, which is only ever read.

The repository is cloned (objects copied, not linked), the clone is pushed to a localhub, and from there on it goes
as in the demo. What was merged comes back as a bundle, which the person may fetch, or not.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter
from rich.console import Console
from rich.text import Text

from bot.agents.command import BadTemplate
from bot.agents.roster import Roster
from bot.config import CONFIG_FILE, RepositoryConfig
from bot.demo.agent_check import check_agent
from bot.demo.play import hand_off, read_issue, settle
from bot.demo.refusal import Refusal
from bot.demo.report import check_merged, print_check, print_totals, run
from bot.demo.result import Result
from bot.demo.signals import Interrupted, until_signalled
from bot.demo.source import Source, look_at
from bot.demo.stage import AgentChoice, Stage, open_stage
from bot.github.configuration import ConfigurationProblem, configuration
from bot.localhub.model.repository import Repository
from bot.model.offer import AgentOffer

OWNER = "you"
_MAPPING: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True)
class Trial:
    """What the command line says."""

    path: Path
    issue: Path
    agent: str | None
    agent_command: str | None
    agent_variables: tuple[str, ...]
    verify: str | None
    output: Path | None
    keep: bool
    minutes: float


async def run_try(trial: Trial) -> int:
    """The exit code: 0 only where the objective closed as completed and its verify command, if any, passes."""
    title, body = _issue(trial.issue)
    if trial.verify is not None and not trial.verify.strip():
        raise Refusal("--verify: the command is empty. Name the one that every commit must pass, or leave it out.")
    choice = choose_agent(trial.agent, trial.agent_command, trial.agent_variables)
    source = await look_at(trial.path)
    output = _output(trial.output, source)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="crewline-try-", ignore_cleanup_errors=True) as folder:
        try:
            return await until_signalled(_perform(Path(folder), trial, source, choice, (title, body), output, console))
        except Interrupted:
            console.print("\nStopped; nothing is left running and your repository is as it was.")
            return 130


def choose_agent(
    name: str | None,
    command: str | None,
    variables: tuple[str, ...] = (),
    environment: Mapping[str, str] = os.environ,
) -> AgentChoice:
    """Raises Refusal that names the agents that are installed, where none was named or it cannot be used."""
    if name is not None and command is not None:
        raise Refusal("name either --agent or --agent-command, not both.")
    if name is not None:
        check_agent(name, environment)
        return AgentChoice(name)
    if command is not None:
        try:
            roster = Roster({"command": AgentOffer(command=command)}, environment)
        except BadTemplate as error:
            raise Refusal(f"--agent-command: {error}.") from None
        if "command" not in roster.installed():
            program = roster.find("command").program
            raise Refusal(f"--agent-command: there is no program {program!r}. Name one on the PATH, or its whole path.")
        if missing := [variable for variable in variables if variable not in environment]:
            raise Refusal(f"--agent-variable: {missing[0]} is not set here. Export it, or leave it out.")
        return AgentChoice("command", command, variables)
    raise Refusal(
        f"no agent was named, and a try needs one. {_found(Roster(environment=environment))}\n"
        "Any other program works as well: --agent-command 'my-agent --prompt {prompt_file} --dir {worktree}'.\n"
        "It may also use {answer_file}, {session_id} and {model}, and is given the variables that you name with "
        "--agent-variable. `crewline demo` needs no agent at all."
    )


def _found(roster: Roster) -> str:
    """The agents that are installed, and which of them could be named as things are."""
    agents = [roster.find(name) for name in roster.installed()]
    if not agents:
        return "None that Crewline knows was found."
    ready = [agent.name for agent in agents if not agent.credentials or roster.credentials(agent)]
    names = ", ".join(agent.name if agent.name in ready else f"{agent.name} (no key is set)" for agent in agents)
    if ready:
        return f"Found here: {names}. Add --agent {ready[0]}."
    keys = " or ".join(agents[0].credentials)
    return f"Found here: {names}. Set {keys} and add --agent {agents[0].name}."


def _issue(path: Path) -> tuple[str, str]:
    try:
        title, body = read_issue(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refusal(
            f"--issue: cannot read {path}: {reason}. Name a Markdown file; its first line is the title."
        ) from None
    if not title:
        raise Refusal(f"--issue: {path} is empty. Its first line is the title, the rest the text of the issue.")
    return title[:256], body[:65_536]


def _output(wanted: Path | None, source: Source) -> Path | None:
    """The folder for the result; None for a temporary one, which is made when there is a result."""
    if wanted is None:
        return None
    folder = wanted.resolve()
    if folder.is_relative_to(source.top.resolve()):
        raise Refusal(f"--output: {folder} lies in {source.top}, which is never written to. Name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"--output: cannot make {folder}: {error.strerror}. Name another folder.") from None
    return folder


async def _perform(
    folder: Path,
    trial: Trial,
    source: Source,
    choice: AgentChoice,
    issue: tuple[str, str],
    output: Path | None,
    console: Console,
) -> int:
    async with open_stage(folder, choice, OWNER) as stage:
        repository = await _bring_over(stage, source, folder)
        config = await _configure(stage, repository, trial.verify)
        console.print(
            Text(f"A GitHub of its own runs at {stage.hub.base_url}, with a clone of {source.top}."), soft_wrap=True
        )
        console.print(Text(_remarks(source, config, trial.verify)), soft_wrap=True)
        base = await repository.git.branch(repository.default_branch) or source.head
        result = Result(repository, source, output, base, console)
        try:
            ending = await hand_off(stage, repository, issue, config, trial.minutes, console, keep=trial.keep)
            print_totals(console, stage, ending.progress, ending.seconds)
            passed = ending.why is None
            if passed and config.verify.command is not None:
                check = await check_merged(repository, folder, config.verify.command)
                print_check(console, check)
                passed = check.passed
            await result.hand_over()
            await settle(stage, ending, repository, console, keep=trial.keep)
        finally:  # a signal may have ended it at any point
            await result.hand_over_more()
    return 0 if passed else 1


async def _bring_over(stage: Stage, source: Source, folder: Path) -> Repository:
    """A repository of the hub with the branch that is checked out, pushed as anybody would push it."""
    repository = await stage.hub.create_repository(stage.owner, source.name, default_branch=source.branch)
    clone = folder / "clone.git"
    address = stage.hub.base_url.replace("://", f"://{OWNER}:{stage.hub.user_token(stage.owner)}@")
    url = f"{address}/{repository.full_name}.git"
    steps = (
        ("clone", "--quiet", "--bare", "--no-hardlinks", str(source.top), str(clone)),
        ("-C", str(clone), "push", "--quiet", url, f"{source.head}:refs/heads/{source.branch}"),
    )
    for step in steps:
        code, said = await run(("git", *step), folder)
        if code != 0:
            raise Refusal(f"cannot clone {source.top}: git {step[0] if step[0] != '-C' else 'push'} said:\n{said}")
    return repository


async def _configure(stage: Stage, repository: Repository, verify: str | None) -> RepositoryConfig:
    """The settings in force; with `verify` a commit on top of the clone sets that one."""
    missing = 128
    blob = f"refs/heads/{repository.default_branch}:{CONFIG_FILE}"
    content = await repository.git.git("cat-file", "blob", blob, ok=(0, missing))
    text = content.decode(errors="replace")
    config = configuration(text)
    if isinstance(config, ConfigurationProblem):
        raise Refusal(
            f"the settings of the repository cannot be used:\n{config.text}\nCorrect them, commit, and try again."
        )
    if verify is None:
        return config
    raw = _MAPPING.validate_python(yaml.safe_load(text) or {})
    raw["verify"] = {**_MAPPING.validate_python(raw.get("verify") or {}), "command": verify}
    changed = {CONFIG_FILE: yaml.safe_dump(raw, sort_keys=False)}
    await stage.hub.push_files(
        repository, stage.owner, repository.default_branch, changed, "Set the verify command for this try"
    )
    return RepositoryConfig.model_validate(raw)


def _remarks(source: Source, config: RepositoryConfig, verify: str | None) -> str:
    lines = [f"It starts from {source.branch} at {source.head[:12]}; your repository is only read."]
    if source.uncommitted:
        files = "1 file" if source.uncommitted == 1 else f"{source.uncommitted} files"
        lines.append(f"Not committed, and so not part of it: {files}.")
    if config.verify.command is None:
        lines.append(f"No verify command is set, so no tests are run: give one with --verify, or in {CONFIG_FILE}.")
    else:
        lines.append(f"Every commit must pass `{config.verify.command}`.")
    if verify is not None:
        lines.append("A commit in the clone sets that; leave it out when you take the result over.")
    return "\n".join(lines) + "\n"
