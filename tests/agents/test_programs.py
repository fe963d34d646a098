"""The real programs do what their adapters say, against a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agents.agent import Agent, AgentError, Finished, Started, StepUsage, ToolCall, ToolResult, Usage
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.opencode import OpencodeAgent
from bot.agents.summary import find_summary
from bot.model.session import Summary, Trouble
from tests.agents.model.script import Ask, CutOff, Refuse, Reply, Say, Script, Stall, always, once
from tests.agents.model.server import serve
from tests.agents.programs.play import Desk, Played

Installed = Callable[[str], Path]
KEY = "sk-scripted-0123456789"
AGENTS: dict[str, tuple[Agent, str, str, str]] = {
    "claude": (ClaudeAgent(), "ANTHROPIC_API_KEY", "claude-sonnet-4-5", ""),
    "codex": (CodexAgent(), "OPENAI_API_KEY", "gpt-5", "/v1"),
    "gemini": (GeminiAgent(), "GEMINI_API_KEY", "gemini-2.5-pro", ""),
    "opencode": (OpencodeAgent(), "OPENAI_API_KEY", "scripted", "/v1"),
    "kimi": (KimiAgent(), "KIMI_API_KEY", "scripted", "/v1"),
}
WORK = "echo hi > hi.txt && git add -A && git commit -qm 'Say hi' && echo committed"


@pytest.fixture
def desk(tmp_path: Path, installed: Installed, request: pytest.FixtureRequest) -> Desk:
    desk = Desk(tmp_path, installed(request.node.callspec.params["name"]))
    desk.set_up()
    return desk


@pytest.mark.parametrize("name", AGENTS)
async def test_a_program_works_commits_sums_up_and_goes_on_with_the_same_conversation(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    async with serve(once(WORK)) as model:
        first = desk.invocation("Say hi in a file and commit it. The word is xylophone.", model_name, model.url + path)
        played = await desk.play(agent, first, {variable: KEY})
        works_commits_and_sums_up(played, desk)
        conversation = played.account.conversation
        assert conversation is not None
        before = len(model.asked)
        second = desk.invocation("Which word was it?", model_name, model.url + path)
        again = await desk.play(agent, second, {variable: KEY}, continues=conversation)
    assert {ask.key for ask in model.asked} == {KEY}
    assert again.ending.code == 0, again.errors
    asked = model.asked[before].text
    assert "committed" in "".join(model.asked[before].results)
    assert len(asked) > len(model.asked[0].text)


def works_commits_and_sums_up(played: Played, desk: Desk) -> None:
    assert (played.ending.code, played.account.error) == (0, None), played.errors
    assert desk.git("log", "--format=%s", "-1").strip() == "Say hi"
    summary = find_summary(played.account.text)
    assert isinstance(summary, Summary)
    assert summary.summary.strip() == "Did what was asked."
    assert any(isinstance(event, Started) and event.conversation for event in played.events)
    assert WORK in "".join(event.arguments for event in played.events if isinstance(event, ToolCall)).replace("\\", "")
    assert any("committed" in event.text for event in played.events if isinstance(event, ToolResult))
    spend = played.account.spend(1.0)
    assert (spend.input_tokens, spend.output_tokens) == (200, 40)


@pytest.mark.parametrize("name", AGENTS)
async def test_a_program_that_does_not_know_a_conversation_ends_before_it_asks_its_model(name: str, desk: Desk) -> None:
    """So the session that brings an answer can give it the whole prompt instead."""
    agent, variable, model_name, path = AGENTS[name]
    async with serve(once("echo one")) as model:
        invocation = desk.invocation("The answer is yes.", model_name, model.url + path)
        unknown = "0f6f2a4e-6f4b-4b0e-8f0e-3f9d1e8b7a11"
        played = await desk.play(agent, invocation, {variable: KEY}, continues=unknown)
    assert (played.ending.code != 0, played.account.turns, model.asked) == (True, 0, []), played.output
    assert played.account.error is None or played.account.error.trouble is None


@pytest.mark.parametrize("name", ["claude", "codex"])
@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (Refuse(401, "Incorrect API key provided", "authentication_error"), Trouble.NOT_LOGGED_IN),
        (Refuse(429, "Rate limit reached", "rate_limit_error", retry_after=0), Trouble.RATE_LIMITED),
        (Refuse(529, "Overloaded", "overloaded_error", retry_after=0), Trouble.OVERLOADED),
        (Refuse(400, "Your credit balance is too low", "invalid_request_error"), Trouble.NO_CREDIT),
    ],
    ids=["401", "429", "529", "credit"],
)
async def test_trouble_of_the_provider_is_told_from_failure(
    name: str, desk: Desk, reply: Refuse, trouble: Trouble
) -> None:
    agent, variable, model_name, path = AGENTS[name]
    async with serve(always(reply)) as model:
        invocation = desk.invocation("Say hi.", model_name, model.url + path)
        played = await desk.play(agent, invocation, {variable: KEY})
    assert played.account.error is not None, (played.output, played.errors)
    assert played.account.error.trouble is trouble, played.account.error


@pytest.mark.parametrize("name", ["claude", "codex"])
async def test_a_stream_that_is_cut_off_is_asked_again(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    cut = [CutOff()]

    def script(ask: Ask) -> Reply:
        return cut.pop() if cut else Say("Here I am again.")

    async with serve(script) as model:
        invocation = desk.invocation("Say hi.", model_name, model.url + path)
        played = await desk.play(agent, invocation, {variable: KEY})
    assert played.ending.code == 0, played.errors
    assert played.account.text.strip() == "Here I am again." or "Here I am again." in played.account.text


@pytest.mark.parametrize("name", ["claude", "codex"])
async def test_a_silent_model_is_ended_from_outside(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    asked = asyncio.get_running_loop().create_future()

    def script(ask: Ask) -> Reply:
        if not asked.done():
            asked.set_result(None)
        return Stall()

    async with serve(script) as model:
        invocation = desk.invocation("Say hi.", model_name, model.url + path)
        played = await desk.play(agent, invocation, {variable: KEY}, enough=asked)
        assert len(model.asked) >= 1
    assert not any(isinstance(event, Finished) for event in played.events)


@pytest.mark.parametrize("name", ["claude", "gemini", "kimi"])
async def test_a_cap_of_turns_is_kept_by_the_program_itself(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    for_ever: Script = once("echo never", last="")

    def script(ask: Ask) -> Reply:
        return for_ever(Ask(ask.protocol, ask.model, ask.text, (), ask.tools, ask.key))

    async with serve(script) as model:
        invocation = desk.invocation("Go on for ever.", model_name, model.url + path)
        played = await desk.play(agent, invocation, {variable: KEY}, turns=3)
    error = played.account.error
    assert isinstance(error, AgentError)
    assert error.capped
    assert len(model.asked) == 3
    assert any(isinstance(event, Usage | StepUsage) for event in played.events)
