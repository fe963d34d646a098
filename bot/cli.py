"""The command line. Each command imports its rooms when it runs, so that `crewline --help` stays quick."""

from __future__ import annotations

import gc as garbage
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from bot.demo.refusal import Refusal

T = TypeVar("T")

app = typer.Typer(
    name="crewline",
    help="Plans labelled GitHub issues into tasks, runs coding agents on them, reviews and merges their work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep", help="Leave both servers up until Ctrl-C, to answer what is asked and to look at the pages."
    ),
]


@app.command()
def serve() -> None:
    """Run the bot against GitHub, or a localhub, as the CREWLINE_… variables say.

    Ctrl-C or TERM ends it in order, a second one at once.
    """
    from bot.demo.serving import run_server
    from bot.demo.settings_problems import unknown_variables
    from bot.demo.usable_settings import usable_settings

    settings = usable_settings()
    for line in unknown_variables(os.environ):
        typer.echo(f"crewline: {line}", err=True)
    _run(run_server(settings))


@app.command()
def demo(
    agent: Annotated[
        str, typer.Option(help="Who plays the roles: scripted (no model), or an installed agent such as claude.")
    ] = "scripted",
    keep: KeepOption = False,
    minutes: Annotated[float, typer.Option(help="Give up after so many minutes.", min=0.05)] = 60.0,
) -> None:
    """Watch the main job on a local GitHub: one issue, planned, built, reviewed and merged. Needs no account."""
    from bot.demo.demo import run_demo

    sys.exit(_run(run_demo(agent, keep=keep, minutes=minutes)))


@app.command(name="try")
def try_(
    path: Annotated[Path, typer.Argument(help="A git repository. It is only read.")],
    issue: Annotated[Path, typer.Option("--issue", help="A Markdown file; its first line is the title.")],
    agent: Annotated[str | None, typer.Option(help="An installed agent, such as claude.")] = None,
    agent_command: Annotated[
        str | None, typer.Option(help="Or any program: 'my-agent --prompt {prompt_file} --dir {worktree}'.")
    ] = None,
    agent_variable: Annotated[
        list[str] | None,
        typer.Option(help="A variable of yours that the program is given, such as its key. Once for each."),
    ] = None,
    verify: Annotated[
        str | None, typer.Option(help="A shell command that every commit must pass. Set in the clone only.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A folder for the result; a new temporary one if absent.")] = None,
    keep: KeepOption = False,
    minutes: Annotated[float, typer.Option(help="Give up after so many minutes.", min=0.05)] = 240.0,
) -> None:
    """Carry out an issue on a clone of your own repository, on a local GitHub. Your repository stays as it is."""
    from bot.demo.trial import Trial, run_try

    trial = Trial(path, issue, agent, agent_command, tuple(agent_variable or ()), verify, output, keep, minutes)
    sys.exit(_run(run_try(trial)))


@app.command()
def localhub(
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8647,
    data: Annotated[Path | None, typer.Option(help="A folder for the repositories; a temporary one if absent.")] = None,
) -> None:
    """Run a GitHub on 127.0.0.1 by itself, with a user and a repository to drive with curl, git or gh."""
    from bot.demo.alone import run_localhub

    _run(run_localhub(port, data))


@app.command()
def gc(
    data: Annotated[Path | None, typer.Option(help="The data folder; that of CREWLINE_DATA if absent.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete old transcripts, trees and mirrors, the oldest first; never what is in use or has unpushed commits.

    A server that runs uses the mirror of every repository that it has opened since its start, until it ends.
    """
    from bot.demo.tidying import tidy

    sys.exit(tidy(data, dry_run=dry_run))


@app.command()
def logs(
    session: Annotated[str, typer.Argument(help="Such as 12.parser.worker.1, or OWNER/NAME/12.parser.worker.1.")],
    data: Annotated[Path | None, typer.Option(help="The data folder; that of CREWLINE_DATA if absent.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the session is over.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="As it is kept: one JSON object a line.")] = False,
) -> None:
    """Show the transcript of a session: its prompt, what the agent said and did, and how it ended."""
    from bot.demo.logs import show_log

    _begin()
    sys.exit(show_log(session, data, follow=follow, raw=raw))


@app.command()
def doctor(
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask each agent's model for one word, which may cost a little.")
    ] = False,
) -> None:
    """Say what is installed, what is missing, and whether the settings can be used."""
    from bot.demo.doctor import examine

    sys.exit(examine(ask))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed_version

    typer.echo(f"crewline {installed_version('crewline')}")


def main() -> None:
    """The entry point: what a person can put right ends with exit code 2 and no traceback."""
    try:
        app()
    except Refusal as refusal:
        _refuse(str(refusal))


def _begin() -> None:
    """From here on garbage is collected, and never looked for among what is imported."""
    garbage.freeze()
    garbage.enable()


def _run(work: Coroutine[None, None, T]) -> T:
    import asyncio

    from bot.git.process import wait_without_threads

    wait_without_threads()
    _begin()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(text: str) -> NoReturn:
    typer.echo(f"crewline: {text}", err=True)
    sys.exit(2)
