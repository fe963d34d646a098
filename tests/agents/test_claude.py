"""Claude Code's stream of JSON lines, and how it is started."""

from __future__ import annotations

import json
from pathlib import Path

from bot.agents.agent import (
    Account,
    AgentError,
    AgentEvent,
    Finished,
    Invocation,
    Message,
    RateLimited,
    Raw,
    Started,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.agents.claude import ClaudeAgent

AGENT = ClaudeAgent()
RESULT = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "num_turns": 2,
    "result": "Done.",
    "total_cost_usd": 0.25,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7},
    "permission_denials": [],
}


def events(*lines: object) -> list[AgentEvent]:
    return [event for line in lines for event in AGENT.events(json.dumps(line).encode())]


def test_a_run_becomes_events() -> None:
    assistant = {
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "1", "name": "Bash", "input": {"command": "ls"}},
        ],
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    result = {"content": [{"type": "tool_result", "tool_use_id": "1", "content": "a\nb", "is_error": True}]}
    assert events(
        {"type": "system", "subtype": "init", "session_id": "abc", "tools": []},
        {"type": "assistant", "message": assistant},
        {"type": "user", "message": result},
        {"type": "system", "subtype": "api_retry", "attempt": 1, "error": "overloaded"},
        RESULT,
    ) == [
        Started(conversation="abc"),
        Thinking(text="hm"),
        Message(text="I look."),
        ToolCall(name="Bash", arguments='{"command":"ls"}'),
        ToolResult(text="a\nb", failed=True),
        RateLimited(text="overloaded"),
        Usage(usd=0.25, input_tokens=100, output_tokens=7),
        Finished(text="Done."),
    ]


def test_tokens_are_known_before_the_end_and_counted_once() -> None:
    step = {"id": "msg_1", "content": [{"type": "text", "text": "I"}], "usage": {"input_tokens": 5, "output_tokens": 1}}
    more = {**step, "usage": {"input_tokens": 5, "output_tokens": 4}}
    other = {**step, "id": "msg_2"}
    account = Account()
    for event in events(*({"type": "assistant", "message": message} for message in (step, more, other))):
        account.add(event)
    assert (account.spend(1).input_tokens, account.spend(1).output_tokens) == (10, 5)
    for event in events(RESULT):
        account.add(event)
    assert (account.spend(1).input_tokens, account.spend(1).output_tokens) == (100, 7)


def test_an_error_that_calls_itself_success_is_an_error() -> None:
    account = Account()
    for event in events({**RESULT, "is_error": True, "result": "API Error: 401"}):
        account.add(event)
    assert account.error is not None
    assert account.error.text == "API Error: 401"
    assert (account.spend(1.5).usd, account.spend(1.5).seconds) == (0.25, 1.5)
    assert AgentError(text="error_max_turns", capped=True) in events(
        {**RESULT, "subtype": "error_max_turns", "result": None}
    )


def test_unknown_lines_are_kept_and_never_fatal() -> None:
    assert AGENT.events(b"not json\n") == (Raw(text="not json"),)
    assert AGENT.events(b"\xff\xfe") == (Raw(text="��"),)
    assert AGENT.events(b"") == ()
    assert isinstance(events({"type": "of tomorrow", "x": 1})[0], Raw)
    assert isinstance(events({"type": "assistant", "message": {"content": 7}})[0], Raw)


def test_the_prompt_is_an_argument_unless_it_is_too_long(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.md"
    invocation = Invocation(prompt, tmp_path, tmp_path / "answer.json", "12.parser.worker.1", "opus", tmp_path)
    prompt.write_text("--help; $(do it)")
    command = AGENT.start(invocation)
    assert command.argv[:3] == ("claude", "-p", "--help; $(do it)")
    assert command.argv[-2:] == ("--model", "opus")
    assert command.environment["CLAUDE_CONFIG_DIR"] == str(tmp_path / ".claude")
    prompt.write_text("ä" * 100_000)
    assert str(prompt) in AGENT.start(invocation).argv[2]
