"""One objective from its label to its end, watched: what `crewline demo` and `crewline try` share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from bot.config import RepositoryConfig
from bot.demo.by_hand import STATUS, Remark, curl_line, gh_lines
from bot.demo.report import pages, print_asked, print_pages, print_stuck
from bot.demo.screen import screen_for
from bot.demo.stage import Stage
from bot.demo.watch import Progress, TaskState, Watcher
from bot.localhub.model.issue import open_issue
from bot.localhub.model.repository import Repository

SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Ending:
    """How it ended. `why` says what went wrong, None where the objective was closed as completed."""

    progress: Progress
    seconds: float
    why: str | None


async def hand_off(
    stage: Stage,
    repository: Repository,
    text: tuple[str, str],
    config: RepositoryConfig,
    minutes: float,
    console: Console,
    *,
    keep: bool,
) -> Ending:
    """Open the issue (title, body), label it, and show what happens until it is closed or time is up. Where a person
    is asked, it is over too; with `keep` it says how to answer, and goes on."""
    issue = open_issue(repository, stage.owner, *text)
    watcher = Watcher(repository, issue, config.needs_human_label)
    progress = await watcher.look()
    print_pages(console, pages(stage, repository, progress))
    console.print()
    issue.add_label(stage.owner, config.label)
    begun = time.monotonic()
    screen = screen_for(console)
    screen.open()
    told: frozenset[str] | None = None
    try:
        while True:
            progress = await watcher.look()
            seconds = time.monotonic() - begun
            screen.show(progress, seconds)
            why = _why_over(progress, stage, seconds, minutes, keep)
            if why is not None or progress.closed:
                return Ending(progress, seconds, why)
            told = _tell_who_is_asked(progress, told, stage, repository, console)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        screen.close()


def _tell_who_is_asked(
    progress: Progress, told: frozenset[str] | None, stage: Stage, repository: Repository, console: Console
) -> frozenset[str] | None:
    """Once for whatever is asked anew, what that is and how to answer; what was told by now, None while nobody is
    asked. An answer takes its questions away some looks before nobody is asked any more."""
    if not progress.asks:
        return None
    wanted = frozenset(progress.questions) | {task.key for task in progress.tasks if task.state is TaskState.ASKING}
    if told is not None and wanted <= told:
        return told
    print_asked(console, progress)
    remark = Remark(progress.number, "YOUR ANSWER" if progress.questions else "/retry YOUR HINT")
    console.print(Text(f"""
The servers stay up, and it goes on when you have answered as @{stage.owner.login}:

{curl_line(stage.hub, stage.owner, repository, remark)}
{gh_lines(stage.socket, stage.hub, stage.owner, repository, remark)}
Ctrl-C ends everything.
"""), soft_wrap=True)  # fmt: skip
    return wanted | (told or frozenset())


def _why_over(progress: Progress, stage: Stage, seconds: float, minutes: float, keep: bool) -> str | None:
    if progress.closed:
        return None if progress.completed else "the objective was closed, but not as completed."
    if stage.server.returncode is not None:
        return f"the Crewline server ended with exit code {stage.server.returncode}."
    if progress.asks and not keep:
        return "a person is asked, and nobody is there to answer. Try again with --keep to answer it yourself."
    if seconds > minutes * 60:
        return f"time is up after {minutes:g} minutes (--minutes)."
    return None


async def settle(stage: Stage, ending: Ending, repository: Repository, console: Console, *, keep: bool) -> None:
    """What is stuck, where something is; then, with `keep`, both servers until a signal."""
    if ending.why is not None:
        print_stuck(console, stage, ending.progress, ending.why)
    if not keep:
        return
    console.print(Text("\nBoth servers stay up. Look at:\n", style="bold"))
    print_pages(console, pages(stage, repository, ending.progress))
    console.print(Text(f"""
Comment as @{stage.owner.login}, with a command for instance:
{curl_line(stage.hub, stage.owner, repository, STATUS)}
{gh_lines(stage.socket, stage.hub, stage.owner, repository)}
Ctrl-C ends everything."""), soft_wrap=True)  # fmt: skip
    await stage.server.wait()
    console.print("The Crewline server ended.")


def read_issue(text: str) -> tuple[str, str]:
    """Title and body: the title is the first line, a heading or not."""
    title, _, body = text.strip().partition("\n")
    return title.lstrip("#").strip(), body.strip()
