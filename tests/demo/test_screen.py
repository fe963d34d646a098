"""The terminal: each change told once, and nothing that an agent wrote steers it."""

import io
from datetime import UTC, datetime

from rich.console import Console

from bot.demo.screen import LiveScreen, PlainScreen, screen_for
from bot.demo.watch import Progress, TaskLine, TaskState
from bot.model.identity import CommitSha, InstanceId, SessionId
from bot.model.session import Finding, Judged, Role, SessionRecord, Verdict

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def progress(
    state: TaskState,
    *,
    attempt: int = 1,
    title: str = "Parse",
    ended: bool = False,
    pull_request: int | None = 3,
    closed: bool = False,
) -> Progress:
    finding = Finding(path="shop.py", line=3, message="Reject an empty line.")
    verdict = Verdict(decision="request_changes", summary="No.", findings=(finding,))
    session = SessionRecord(
        id=SessionId("1.parse.reviewer.1"),
        role=Role.REVIEWER,
        task="parse",
        holder=InstanceId("one"),
        claimed_at=NOW,
        outcome=Judged(head=CommitSha("a" * 40), verdict=verdict) if ended else None,
    )
    task = TaskLine("parse", title, state, number=2, attempt=attempt, pull_request=pull_request, seconds=4.2)
    return Progress(1, "Shop", "done" if closed else "building", (task,), (session,), closed=closed)


def test_without_a_terminal_each_change_is_one_line() -> None:
    output = io.StringIO()
    console = Console(file=output, width=100)
    screen = screen_for(console)
    assert isinstance(screen, PlainScreen)
    screen.show(progress(TaskState.REVIEWING), 1.0)
    screen.show(progress(TaskState.REVIEWING), 2.0)
    screen.show(progress(TaskState.WORKING, attempt=2, ended=True), 3.0)
    assert output.getvalue().splitlines() == [
        "   1.0 s  #1 Shop: building",
        "   1.0 s  #2 Parse: in review · PR #3",
        "   3.0 s  #2 Parse: the review asks for changes",
        "   3.0 s      shop.py:3 Reject an empty line.",
        "   3.0 s  #2 Parse: working (attempt 2) · PR #3",
    ]


def lines_of(*looks: Progress) -> list[str]:
    output = io.StringIO()
    screen = PlainScreen(Console(file=output, width=100))
    for number, look in enumerate(looks):
        screen.show(look, number)
    return output.getvalue().splitlines()


def test_that_the_objective_is_done_is_told_after_the_last_merge() -> None:
    """Both may be seen in the same look."""
    said = lines_of(progress(TaskState.APPROVED), progress(TaskState.MERGED, closed=True))
    assert said[-2:] == ["   1.0 s  #2 Parse: merged · PR #3", "   1.0 s  #1 Shop: done"]


def test_each_pull_request_is_told_when_it_is_opened() -> None:
    """A review may have begun by then, so the state alone would not tell it."""
    said = lines_of(progress(TaskState.REVIEWING, pull_request=None), progress(TaskState.REVIEWING))
    assert said[1:] == ["   0.0 s  #2 Parse: in review", "   1.0 s  #2 Parse: opened PR #3"]


def test_on_a_terminal_a_table_shows_state_attempt_pull_request_and_time() -> None:
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=True, color_system=None)
    screen = screen_for(console)
    assert isinstance(screen, LiveScreen)
    screen.open()
    screen.show(progress(TaskState.WORKING, attempt=2), 9.0)
    screen.close()
    row = next(line for line in output.getvalue().splitlines() if "Parse" in line and "│" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["#2", "Parse", "working", "2", "#3", "4 s"]


def test_a_title_cannot_steer_the_terminal() -> None:
    output = io.StringIO()
    screen = PlainScreen(Console(file=output, width=100))
    screen.show(progress(TaskState.WORKING, title="\x1b[2J[bold]Parse\r\nhidden"), 1.0)
    assert "\x1b" not in output.getvalue()
    assert "[2J[bold]Parse hidden: working" in output.getvalue()
