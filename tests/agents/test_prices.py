"""What an answer costs by list prices, and whose answers are reckoned."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.agents.agent import AgentEvent, Model, StepUsage
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.prices import list_price
from bot.sessions.reckoning import Reckoning

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STEP = StepUsage(step="1", input_tokens=1_000_000, output_tokens=100_000)


def price(event: AgentEvent) -> float | None:
    assert isinstance(event, StepUsage)
    return event.usd


def test_what_came_from_the_cache_costs_less() -> None:
    fresh, cached = (list_price("gpt-5", 1_000_000, tokens, 100_000, NOW) for tokens in (0, 800_000))
    assert fresh == pytest.approx(1.25 + 1.0)
    assert cached == pytest.approx(0.2 * 1.25 + 0.8 * 0.125 + 1.0)


def test_a_model_is_known_with_and_without_its_provider() -> None:
    named, bare = (list_price(model, 1000, 0, 10, NOW) for model in ("moonshot/kimi-k2", "kimi-k2"))
    assert named is not None
    assert named == bare


@pytest.mark.parametrize("model", ["", "/", "scripted", "kimi-for-coding", "no such model"])
def test_what_nobody_knows_has_no_price(model: str) -> None:
    assert list_price(model, 1000, 0, 10, NOW) is None


def test_numbers_that_cannot_be_have_no_price() -> None:
    """An agent may write into its program's files whatever it wants."""
    assert list_price("gpt-5", -1, 0, 10, NOW) is None
    assert list_price("gpt-5", 1, -1, 10, NOW) is None
    assert list_price("gpt-5", 10, 1000, 0, NOW) == list_price("gpt-5", 10, 10, 0, NOW)


def test_the_model_is_the_one_that_the_program_names_else_the_one_that_it_was_told() -> None:
    reckoning = Reckoning(CodexAgent(), "gpt-5-nano", lambda: NOW)
    assert price(reckoning.priced(STEP)) == pytest.approx(0.05 + 0.04)
    reckoning.priced(Model(name="gpt-5"))
    assert price(reckoning.priced(STEP)) == pytest.approx(2.25)
    assert price(reckoning.priced(STEP.model_copy(update={"model": "gpt-5-nano"}))) == pytest.approx(0.09)
    assert price(Reckoning(KimiAgent(), None, lambda: NOW).priced(STEP)) is None


def test_what_tells_money_itself_is_not_reckoned() -> None:
    assert price(Reckoning(ClaudeAgent(), "claude-sonnet-4-5", lambda: NOW).priced(STEP)) is None


def test_codex_says_which_model_a_turn_asks_and_what_came_from_the_cache() -> None:
    agent = CodexAgent()
    assert agent.noted(b'{"ordinal":5,"type":"turn_context","payload":{"model":"gpt-5"}}') == (Model(name="gpt-5"),)
    used = b'{"input_tokens":9,"cached_input_tokens":4,"output_tokens":2}'
    line = b'{"ordinal":6,"type":"token_usage_record","payload":{"thread_id":"t","usage":%b}}'
    assert agent.noted(line % used) == (StepUsage(step="t#6", input_tokens=9, output_tokens=2, cached_tokens=4),)
    assert agent.noted(b'{"ordinal":7,"type":"turn_context","payload":{}}') == ()


def test_gemini_and_kimi_say_what_came_from_the_cache() -> None:
    (step,) = GeminiAgent().noted(
        b'{"id":"a","type":"gemini","tokens":{"input":9,"cached":4,"output":2,"thoughts":1},"model":"gemini-2.5-pro"}'
    )
    assert step == StepUsage(step="a", input_tokens=9, output_tokens=3, cached_tokens=4, model="gemini-2.5-pro")
    (step,) = KimiAgent().noted(
        b'{"type":"usage.record","agentId":"main","time":1,"usage":{"inputOther":5,"inputCacheRead":4,"output":2}}'
    )
    assert step == StepUsage(step="main#1", input_tokens=9, output_tokens=2, cached_tokens=4)
