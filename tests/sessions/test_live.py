"""What sessions do right now, as the dashboard shows it."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.model.identity import SessionId
from bot.model.view import LiveLine, ObjectiveView, TaskView
from bot.sessions.live import MOST_LINES, MOST_SESSIONS, Live, Progress
from tests.sessions.conftest import SHOP

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = ObjectiveView(
    repository=str(SHOP),
    number=12,
    title="A shop",
    url="",
    state="building",
    tasks=(TaskView("one", "One", "working", session="12.one.worker.1"), TaskView("two", "Two", "ready")),
)


def heard(live: Live, text: str, session: str = "12.one.worker.1") -> None:
    live.heard(Progress(SHOP, SessionId(session), text, NOW))


def test_the_last_lines_of_a_session_stand_at_its_task_until_it_is_over() -> None:
    live = Live()
    for number in range(20):
        heard(live, f"line {number}")
    (view,) = live.shown([VIEW])
    assert len(view.tasks[0].lines) == MOST_LINES
    assert view.tasks[0].lines[-1] == LiveLine(NOW, "line 19")
    assert view.tasks[1].lines == ()
    live.over(str(SHOP), "12.one.worker.1")
    assert live.shown([VIEW])[0].tasks[0].lines == ()


def test_a_session_that_never_ends_is_forgotten_when_there_are_too_many() -> None:
    live = Live()
    heard(live, "first")
    for number in range(MOST_SESSIONS):
        heard(live, "other", f"13.x.worker.{number}")
    assert live.shown([VIEW])[0].tasks[0].lines == ()
