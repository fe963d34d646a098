"""The terminal: a table that lives where there is a terminal, one line for each change where there is none.

Titles and findings come from agents: they are shown as text, without markup and without control characters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bot.demo.watch import Progress, TaskLine, TaskState
from bot.model.session import Judged

STYLES = {
    TaskState.WAITING: "dim",
    TaskState.READY: "default",
    TaskState.WORKING: "bold cyan",
    TaskState.REVIEWING: "bold magenta",
    TaskState.CHANGES_REQUESTED: "bold yellow",
    TaskState.APPROVED: "green",
    TaskState.PUBLISHED: "blue",
    TaskState.FAILED: "bold red",
    TaskState.ASKING: "bold red reverse",
    TaskState.MERGED: "bold green",
    TaskState.DROPPED: "dim strike",
}


class Screen(Protocol):
    """Where progress is shown, from `open` to `close`."""

    def open(self) -> None: ...

    def show(self, progress: Progress, seconds: float) -> None:
        """`seconds` since the hand-off."""
        ...

    def close(self) -> None: ...


def screen_for(console: Console) -> Screen:
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """One line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._changes = Changes()

    def open(self) -> None:
        pass

    def show(self, progress: Progress, seconds: float) -> None:
        for line in self._changes.since(progress):
            self._console.print(Text(f"{seconds:6.1f} s  {line}"), soft_wrap=True)

    def close(self) -> None:
        pass


class LiveScreen:
    """A table in place, with the last changes below it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="ellipsis")
        self._changes = Changes()
        self._last: deque[Text] = deque(maxlen=5)

    def open(self) -> None:
        self._live.start()

    def show(self, progress: Progress, seconds: float) -> None:
        self._last.extend(Text(f"{seconds:6.1f} s  {line}", style="dim") for line in self._changes.since(progress))
        self._live.update(Group(table_of(progress, seconds), *self._last), refresh=True)

    def close(self) -> None:
        self._live.stop()


class Changes:
    """What is new since the last time it was asked, in words."""

    def __init__(self) -> None:
        self._before: Progress | None = None

    def since(self, progress: Progress) -> list[str]:
        """Why first, then the tasks; that the objective is over comes after what ended it."""
        before, self._before = self._before, progress
        lines = [] if before is None else list(_sent_back(before, progress))
        told = before is not None and before.state == progress.state
        objective = [] if told else [f"#{progress.number} {plain(progress.title)}: {progress.state}"]
        old = {task.key: task for task in before.tasks} if before else {}
        tasks = [line for task in progress.tasks for line in _news(old.get(task.key), task)]
        return [*lines, *tasks, *objective] if progress.closed else [*lines, *objective, *tasks]


def _news(before: TaskLine | None, task: TaskLine) -> Iterator[str]:
    """A new state with all there is to say, or else the pull request that it has by now."""
    if before is None or (before.state, before.attempt) != (task.state, task.attempt):
        yield _sentence(task)
    elif before.pull_request is None and task.pull_request is not None:
        yield f"{_name(task)}: opened PR #{task.pull_request}"


def _sent_back(before: Progress, progress: Progress) -> Iterator[str]:
    """A review that asked for changes is told even where the next attempt has begun by the time of the next look."""
    known = {session.id for session in before.sessions if session.outcome is not None}
    for session in progress.sessions:
        outcome = session.outcome
        if session.id in known or not isinstance(outcome, Judged) or outcome.verdict.decision == "approve":
            continue
        task = next((task for task in progress.tasks if task.key == session.task), None)
        name = _name(task) if task else session.id
        yield f"{name}: the review asks for changes"
        for finding in outcome.verdict.findings:
            place = f"{finding.path}:{finding.line} " if finding.path and finding.line else ""
            yield f"    {place}{plain(finding.message)[:300]}"


def table_of(progress: Progress, seconds: float) -> RenderableType:
    """The objective and its tasks."""
    merged = sum(task.state is TaskState.MERGED for task in progress.tasks)
    running = sum(session.outcome is None for session in progress.sessions)
    title = Text(f"#{progress.number} {plain(progress.title)}", style="bold")
    caption = (
        f"{progress.state} · {merged} of {len(progress.tasks)} merged · "
        f"{_count(running, 'session')} running · {seconds:.0f} s"
    )
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", expand=False)
    table.add_column("issue", justify="right", no_wrap=True)
    table.add_column("task", overflow="ellipsis", no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=20)
    table.add_column("attempt", justify="right", no_wrap=True)
    table.add_column("PR", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for task in progress.tasks:
        table.add_row(
            f"#{task.number}" if task.number else "",
            Text(plain(task.title)),
            Text(_state(task), style=STYLES[task.state]),
            str(task.attempt) if task.attempt else "",
            f"#{task.pull_request}" if task.pull_request else "",
            f"{task.seconds:.0f} s" if task.seconds is not None else "",
        )
    return table


def plain(text: str) -> str:
    """One line without control characters: an agent's text cannot steer the terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _state(task: TaskLine) -> str:
    if task.state is TaskState.WAITING:
        return f"waits for {', '.join(task.waits_for)}"
    return task.state.value


def _sentence(task: TaskLine) -> str:
    attempt = f" (attempt {task.attempt})" if task.attempt > 1 and task.state is TaskState.WORKING else ""
    pull = f" · PR #{task.pull_request}" if task.pull_request else ""
    note = f": {plain(task.note)[:300]}" if task.note else ""
    return f"{_name(task)}: {_state(task)}{attempt}{pull}{note}"


def _name(task: TaskLine) -> str:
    return f"#{task.number} {plain(task.title)}" if task.number else plain(task.title)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
