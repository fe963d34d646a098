"""`crewline try`: the main job on a clone of somebody's own repository, which is only ever read.

The repository is cloned (objects copied, not linked), the clone is pushed to a localhub, and from there on it goes
as in the demo. What was merged comes back as a bundle, which the person may fetch, or not.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import yaml
from pydantic import JsonValue, TypeAdapter
from rich.console import Console
from rich.text import Text

from bot.agents.command import BadTemplate
from bot.agents.roster import Roster
from bot.config import RepositoryConfig
from bot.demo.demo import read_issue
from bot.demo.play import Ending, check_agent, hand_off, settle
from bot.demo.refusal import Refusal
from bot.demo.report import check_merged, print_check, print_totals, run
from bot.demo.signals import Interrupted, until_signalled
from bot.demo.stage import AgentChoice, Stage, open_stage
from bot.demo.watch import TaskState
from bot.github.configuration import ConfigurationProblem, configuration
from bot.localhub.model.repository import Repository
from bot.model.offer import AgentOffer

OWNER = "you"
CONFIG = ".github/crewline.yml"
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


@dataclass(frozen=True)
class Source:
    """The person's repository as it was found. `branch` is what is checked out there."""

    top: Path
    branch: str
    head: str
    uncommitted: int


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


def choose_agent(name: str | None, command: str | None, variables: tuple[str, ...] = ()) -> AgentChoice:
    """Raises Refusal that names the agents that are installed, where none was named or it cannot be used."""
    if name is not None and command is not None:
        raise Refusal("name either --agent or --agent-command, not both.")
    if name is not None:
        check_agent(name)
        return AgentChoice(name)
    if command is not None:
        try:
            roster = Roster({"command": AgentOffer(command=command)}, os.environ)
        except BadTemplate as error:
            raise Refusal(f"--agent-command: {error}.") from None
        if "command" not in roster.installed():
            program = roster.find("command").program
            raise Refusal(f"--agent-command: there is no program {program!r}. Name one on the PATH, or its whole path.")
        if missing := [variable for variable in variables if variable not in os.environ]:
            raise Refusal(f"--agent-variable: {missing[0]} is not set here. Export it, or leave it out.")
        return AgentChoice("command", command, variables)
    found = Roster(environment=os.environ).installed()
    known = (
        f"Found here: {', '.join(found)}. Add --agent {found[0]}." if found else "None that Crewline knows was found."
    )
    raise Refusal(
        f"no agent was named, and a try needs one. {known}\n"
        "Any other program works as well: --agent-command 'my-agent --prompt {prompt_file} --dir {worktree}'.\n"
        "It may also use {answer_file}, {session_id} and {model}, and is given the variables that you name with "
        "--agent-variable. `crewline demo` needs no agent at all."
    )


async def look_at(path: Path) -> Source:
    """Raises Refusal where `path` is no git repository with a commit. Nothing is written there."""
    code, top = await _git(path, "rev-parse", "--show-toplevel") if _is_folder(path) else (1, "no such folder")
    if "dubious ownership" in top:
        raise Refusal(f"git does not read {path}, which belongs to somebody else. It says:\n{top}")
    if code != 0:
        raise Refusal(
            f"{path} is not a git repository ({top.splitlines()[-1] if top else 'git says no more'}).\n"
            "Name the folder of a clone; for a plain folder run `git init && git add . && git commit` there first."
        )
    folder = Path(top)
    code, head = await _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if code != 0:
        raise Refusal(f"{folder} has no commit yet. Commit something there, then try again.")
    _, shallow = await _git(folder, "rev-parse", "--is-shallow-repository")
    if shallow == "true":
        raise Refusal(f"{folder} is a shallow clone. Run `git fetch --unshallow` there, then try again.")
    _, branch = await _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    _, changes = await _git(folder, "status", "--porcelain")
    return Source(folder, branch or "main", head, len(changes.splitlines()))


def _is_folder(path: Path) -> bool:
    return path.is_dir()


async def _git(folder: Path, *arguments: str) -> tuple[int, str]:
    """Without the locks that even `git status` takes to refresh the index: the repository is not ours."""
    return await run(("git", "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments), folder, 120)


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


def _name(source: Source) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source.top.name).strip("-.") or "project"


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
        ending = await hand_off(stage, repository, issue, config, trial.minutes, console)
        print_totals(console, stage, ending.progress, ending.seconds)
        passed = ending.why is None
        if passed and config.verify.command is not None:
            check = await check_merged(repository, folder, config.verify.command)
            print_check(console, check)
            passed = check.passed
        await _hand_over(repository, source, output, ending, console)
        await settle(stage, ending, repository, console, keep=trial.keep)
    return 0 if passed else 1


async def _bring_over(stage: Stage, source: Source, folder: Path) -> Repository:
    """A repository of the hub with the branch that is checked out, pushed as anybody would push it."""
    repository = await stage.hub.create_repository(stage.owner, _name(source), default_branch=source.branch)
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
    blob = f"refs/heads/{repository.default_branch}:{CONFIG}"
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
    changed = {CONFIG: yaml.safe_dump(raw, sort_keys=False)}
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
        lines.append(f"No verify command is set, so no tests are run: give one with --verify, or in {CONFIG}.")
    else:
        lines.append(f"Every commit must pass `{config.verify.command}`.")
    if verify is not None:
        lines.append("A commit in the clone sets that; leave it out when you take the result over.")
    return "\n".join(lines) + "\n"


async def _hand_over(
    repository: Repository, source: Source, wanted: Path | None, ending: Ending, console: Console
) -> None:
    """Write the bundle and say how to fetch it, where there is anything to fetch."""
    merged = any(task.state is TaskState.MERGED for task in ending.progress.tasks)
    unfinished = () if ending.why is None else tuple(await repository.git.refs("refs/heads/crewline/"))
    console.print()
    if not merged and not unfinished:
        console.print("Nothing was committed, so there is no result to fetch.")
        return
    output = wanted or Path(tempfile.mkdtemp(prefix=f"crewline-try-{_name(source)}-"))
    bundle = output / "result.bundle"
    refs = (f"refs/heads/{repository.default_branch}", "--branches=crewline/*")
    code, said = await run(
        ("git", "-C", str(repository.git.path), "bundle", "create", "--quiet", str(bundle), *refs), output
    )
    if code != 0:
        console.print(Text(f"The result could not be written to {bundle}: {said}", style="red"), soft_wrap=True)
        return
    if merged:
        console.print(Text(_merged_result(repository, source, bundle, ending)), soft_wrap=True)
    if unfinished:
        console.print(Text(_unfinished_result(source, bundle, unfinished)), soft_wrap=True)


def _merged_result(repository: Repository, source: Source, bundle: Path, ending: Ending) -> str:
    top, branch = quote(str(source.top)), repository.default_branch
    name = f"crewline-{ending.progress.number}"
    return f"""The result, branch {branch} with all that was merged, is in {bundle}. To look at it:

  git -C {top} fetch {quote(str(bundle))} {branch}:{name}
  git -C {top} log --stat {source.head[:12]}..{name}"""


def _unfinished_result(source: Source, bundle: Path, refs: Sequence[str]) -> str:
    names = "\n".join(f"  {ref.removeprefix('refs/heads/')}" for ref in refs)
    return f"""What was not merged is in {bundle}, on these branches:

{names}

To get them all:

  git -C {quote(str(source.top))} fetch {quote(str(bundle))} 'refs/heads/crewline/*:refs/heads/crewline/*'"""
