"""What is told at the end: pages, totals, the tests of what was merged, and what is stuck where it failed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.demo.screen import plain
from bot.demo.stage import Stage, base_environment
from bot.demo.watch import Progress, TaskLine, TaskState
from bot.localhub.model.repository import Repository
from bot.model.session import Role, SessionRecord

SECONDS_FOR_CHECK = 900


@dataclass(frozen=True)
class Check:
    """The tests of the merged repository, as run by us in a fresh clone."""

    command: str
    exit_code: int
    tail: str

    @property
    def passed(self) -> bool:
        return self.exit_code == 0


def pages(stage: Stage, repository: Repository, progress: Progress) -> list[tuple[str, str]]:
    """What there is to look at, each with its address."""
    base = f"{stage.hub.base_url}/{repository.full_name}"
    return [
        ("the objective", f"{base}/issues/{progress.number}"),
        ("all issues", f"{base}/issues?state=all"),
        ("pull requests", f"{base}/pulls?state=all"),
        ("webhook deliveries", f"{stage.hub.base_url}/_deliveries"),
        ("Crewline's dashboard", stage.server_url),
    ]


def print_pages(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    for name, address in rows:
        console.print(Text(f"  {name:22}{address}"), soft_wrap=True)


def print_totals(console: Console, stage: Stage, progress: Progress, seconds: float) -> None:
    """Wall time, sessions, and what the bot asked of GitHub, by kind."""
    console.print()
    console.print(Text(f"Took {seconds:.1f} s; {describe_sessions(progress.sessions)}."), soft_wrap=True)
    merged = sum(task.state is TaskState.MERGED for task in progress.tasks)
    sent_back = sum(1 for task in progress.tasks if task.attempt > 1)
    console.print(f"{merged} of {len(progress.tasks)} tasks merged; {sent_back} needed a second attempt.")
    for table in usage_tables(stage):
        console.print(table)


def describe_sessions(sessions: Sequence[SessionRecord]) -> str:
    """`12 sessions (1 planner, 6 worker, 5 reviewer), 31.0 s of agents' time`."""
    roles = ", ".join(f"{sum(one.role is role for one in sessions)} {role.value}" for role in Role)
    spent = sum(one.spend.seconds for one in sessions)
    dollars = sum(one.spend.money or 0.0 for one in sessions)
    money = f", ${dollars:.2f}" if dollars else ""
    return f"{len(sessions)} sessions ({roles}), {spent:.1f} s of agents' time{money}"


def usage_tables(stage: Stage) -> list[Table]:
    """The requests and points of the bot, by kind, as the hub counted them."""
    usage = stage.hub.usage
    table = Table(title="What the bot asked of GitHub", title_justify="left", caption_justify="left")
    table.add_column("kind")
    table.add_column("requests", justify="right")
    table.add_column("points", justify="right")
    rows = [
        *((name, count, str(usage.secondary[name])) for name, count in usage.rest.most_common()),
        *((f"GraphQL {name}", count, str(usage.graphql_costs[name])) for name, count in usage.graphql.most_common()),
        *((f"git {name}", count, "") for name, count in usage.git.most_common()),
    ]
    for name, count, points in rows:
        table.add_row(Text(name), str(count), points)
    table.caption = (
        "Points: of REST those a minute, 1 for a read and 5 for a write; of GraphQL those of the hourly limit.\n"
        f"{usage.rest_requests} REST requests, {usage.graphql.total()} GraphQL requests for "
        f"{usage.graphql_points} points, {usage.git.total()} git requests; "
        f"{usage.content_requests} created content, {usage.refused} were refused for a limit"
    )
    return [table]


async def check_merged(repository: Repository, folder: Path, command: str) -> Check:
    """Clone the default branch as it is now and run `command` in it."""
    clone = folder / "merged"
    code, output = await run(
        ("git", "clone", "--quiet", "--branch", repository.default_branch, str(repository.git.path), str(clone)),
        folder,
    )
    if code == 0:
        code, output = await run(("sh", "-c", command), clone)
    return Check(command, code, output)


async def run(command: Sequence[str], folder: Path, seconds: float = SECONDS_FOR_CHECK) -> tuple[int, str]:
    """Exit code and the end of all output; 124 where it took too long. The whole process group ends with it.

    Git runs with the person's own settings: they say which folders of others it may read (`safe.directory`).
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=base_environment() | {"GIT_TERMINAL_PROMPT": "0"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        return 124, f"no end after {seconds:.0f} s"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")[-4000:].strip()


def print_check(console: Console, check: Check) -> None:
    verdict = "pass" if check.passed else f"FAIL with exit code {check.exit_code}"
    console.print()
    console.print(Text(f"In a fresh clone of the merged repository, `{check.command}`: {verdict}"), soft_wrap=True)
    for line in check.tail.splitlines()[-12:]:
        console.print(Text(f"  {plain(line)}", style="dim" if check.passed else "red"), soft_wrap=True)


def print_stuck(console: Console, stage: Stage, progress: Progress, why: str) -> None:
    """Everything that helps to see why it did not end well."""
    console.print()
    console.print(Text(f"It did not get done: {why}", style="bold red"), soft_wrap=True)
    print_questions(console, progress)
    _print_tasks(console, [task for task in progress.tasks if task.state not in (TaskState.MERGED, TaskState.DROPPED)])
    if progress.status_comment:
        console.print(Text("\nThe status comment of the objective says:\n", style="bold"))
        console.print(Text(without_control(progress.status_comment)), soft_wrap=True)
    console.print(Text("\nThe end of the server's log:\n", style="bold"))
    console.print(Text(without_control(stage.log_tail()) or "(nothing)"), soft_wrap=True)


def print_asked(console: Console, progress: Progress) -> None:
    """What a person is asked: questions of the planner, what is said of each task that waits for somebody, or where
    it is neither, all that the status says."""
    console.print(Text("\nA person is asked.", style="bold red"))
    print_questions(console, progress)
    asking = [task for task in progress.tasks if task.state is TaskState.ASKING]
    _print_tasks(console, asking)
    if not progress.questions and not asking:
        console.print(Text(without_control(progress.status_comment)), soft_wrap=True)


def print_questions(console: Console, progress: Progress) -> None:
    """What the planner wants to know, if anything."""
    if progress.questions:
        console.print("  The planner asks:")
    for number, question in enumerate(progress.questions, 1):
        console.print(Text(f"  {number}. {plain(question)[:1000]}"), soft_wrap=True)


def _print_tasks(console: Console, tasks: Sequence[TaskLine]) -> None:
    for task in tasks:
        note = f": {plain(task.note)[:500]}" if task.note else ""
        console.print(Text(f"  {task.key} is {task.state.value}{note}"), soft_wrap=True)


def without_control(text: str) -> str:
    """`text` with its lines, and nothing that steers a terminal."""
    return "\n".join("".join(letter for letter in line if letter.isprintable()) for line in text.splitlines())
