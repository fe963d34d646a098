"""What sessions do right now, as the dashboard shows it, and what they had cost when they were last heard of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bot.agents.agent import AgentEvent, Message, ToolCall, ToolResult, Usage
from bot.model.identity import SessionId
from bot.model.session import Spend
from bot.model.view import LiveLine, ObjectiveView, TaskView
from bot.sessions.heard import heard_spend
from bot.sessions.live import MOST_LINES, MOST_SESSIONS, Live, Progress
from bot.sessions.transcript import Transcript
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


def written(path: Path, *entries: AgentEvent | str) -> Path:
    with Transcript(path, (), lambda: NOW) as transcript:
        for entry in entries:
            transcript.note(entry, "text") if isinstance(entry, str) else transcript.events([entry])
    return path


def test_what_a_session_had_cost_is_read_from_its_transcript(tmp_path: Path) -> None:
    turn = (ToolCall(name="Bash", arguments="ls"), ToolResult(text="x"), Message(text="Done."))
    each = Usage(usd=0.5, input_tokens=10, output_tokens=1)
    path = written(tmp_path / "1.jsonl", "prompt", *turn, each, "exit", "prompt", *turn, each)
    with path.open("a") as file:
        file.write('{"at": "2026", "kind": "usa')
    assert heard_spend(path, 7) == Spend(seconds=7, usd=1.0, input_tokens=20, output_tokens=2, turns=4, tool_calls=2)


def test_a_program_that_tells_what_its_whole_conversation_cost_is_counted_once(tmp_path: Path) -> None:
    first = Usage(input_tokens=200, output_tokens=40, of_conversation=True)
    second = Usage(input_tokens=300, output_tokens=60, of_conversation=True)
    spend = heard_spend(written(tmp_path / "1.jsonl", "prompt", first, "prompt", second), 1)
    assert (spend.input_tokens, spend.output_tokens) == (300, 60)


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
