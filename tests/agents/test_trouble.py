"""Trouble of a model's provider, in the words that the programs have for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.agents.agent import AgentError, Invocation
from bot.agents.mini import MiniAgent
from bot.agents.trouble import trouble_of
from bot.model.session import Trouble

SAID = [
    ("API Error: 429 rate limit reached", Trouble.RATE_LIMITED),
    ("gemini's model answered 429: RESOURCE_EXHAUSTED", Trouble.RATE_LIMITED),
    ("APIError: Rate limit reached", Trouble.RATE_LIMITED),
    ("provider.rate_limit: 429 Rate limit reached", Trouble.RATE_LIMITED),
    ("mini ended with RateLimitError.", Trouble.RATE_LIMITED),
    ('{"type":"unknown","message":"[API Error: Overloaded]"}', Trouble.OVERLOADED),
    ("APIError: Overloaded", Trouble.OVERLOADED),
    ("provider.overloaded: 503 Overloaded", Trouble.OVERLOADED),
    ("provider.api_error: 500 Something broke", Trouble.OVERLOADED),
    ("mini ended with ServiceUnavailableError.", Trouble.OVERLOADED),
    ("mini ended with InternalServerError.", Trouble.OVERLOADED),
    ("mini ended with BadGatewayError.", Trouble.OVERLOADED),
    ('[API Error: {"error":{"code":402,"message":"Insufficient balance","status":"INTERNAL"}}]', Trouble.NO_CREDIT),
    ("APIError: Insufficient balance", Trouble.NO_CREDIT),
    ("provider.api_error: 402 Insufficient balance", Trouble.NO_CREDIT),
    ("provider.api_error: 402 Top up", Trouble.NO_CREDIT),
    ("mini ended with APIError. litellm.APIError: OpenAIException - Insufficient balance", Trouble.NO_CREDIT),
    ("mini ended with AuthenticationError.", Trouble.NOT_LOGGED_IN),
    ("mini ended with APIConnectionError.", Trouble.UNREACHABLE),
    (
        "mini ended with InternalServerError. litellm.InternalServerError: OpenAIException - Connection error.",
        Trouble.UNREACHABLE,
    ),
    ("mini ended with Timeout.", Trouble.UNREACHABLE),
    ("mini ended with APIError.", None),
    ("mini ended with LimitsExceeded.", None),
    ("provider.api_error: 400 Unknown tool", None),
    ("loop.max_steps_exceeded: 3 steps", None),
    ("the tests ended with a timeout after 500 lines", None),
]


@pytest.mark.parametrize(("text", "trouble"), SAID, ids=[text[:50] for text, _ in SAID])
def test_the_words_of_the_programs_tell_whose_fault_it_is(text: str, trouble: Trouble | None) -> None:
    assert trouble_of(text) is trouble


def test_what_mini_keeps_to_itself_stands_in_its_trajectory(tmp_path: Path) -> None:
    raised = {"exception_str": "litellm.APIError: APIError: OpenAIException - Insufficient balance"}
    messages = [
        {"role": "user", "content": "Say hi."},
        {"role": "exit", "extra": {"exit_status": "APIError", **raised}},
    ]
    (tmp_path / "trajectory.json").write_text(json.dumps({"info": {"exit_status": "APIError"}, "messages": messages}))
    paths = (tmp_path / "prompt.md", tmp_path, tmp_path / "answer.json")
    *_, error = MiniAgent().ending(Invocation(*paths, "1.shop.worker.1", None, tmp_path), 1)
    assert isinstance(error, AgentError)
    assert error.trouble is Trouble.NO_CREDIT
    assert "Insufficient balance" in error.text


def test_a_cap_that_mini_keeps_itself_is_no_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "trajectory.json").write_text(json.dumps({"info": {"exit_status": "LimitsExceeded"}}))
    paths = (tmp_path / "prompt.md", tmp_path, tmp_path / "answer.json")
    *_, error = MiniAgent().ending(Invocation(*paths, "1.shop.worker.1", None, tmp_path), 0)
    assert isinstance(error, AgentError)
    assert (error.capped, error.trouble) == (True, None)
