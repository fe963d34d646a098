"""Agents that speak the Agent Client Protocol: the real opencode and gemini, against a scripted model.

What opencode does with servers of tools, and that it works, commits and sums up: `tests/agents/test_places.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agents.acp import AcpAgent
from bot.agents.agent import AgentError
from bot.agents.command import BadTemplate
from bot.agents.summary import find_summary
from bot.model.session import Summary, Trouble
from tests.agents.model.script import Refuse, always, once
from tests.agents.model.server import serve
from tests.agents.programs.play import Desk

Installed = Callable[[str], Path]
WORK = "echo hi > hi.txt && git add -A && git commit -qm 'Say hi' && echo committed"


def opencode(url: str) -> dict[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "sk-scripted-0123456789"},
        "models": {"scripted": {}},
    }
    settings = {"provider": {"crewline": provider}, "model": "crewline/scripted", "autoupdate": False}
    return {"OPENCODE_CONFIG_CONTENT": json.dumps(settings), "OPENCODE_DISABLE_MODELS_FETCH": "1"}


async def test_the_model_of_a_role_stands_in_the_command_of_an_agent_of_the_protocol(
    tmp_path: Path, installed: Installed
) -> None:
    desk = Desk(tmp_path, installed("gemini"))
    desk.set_up()
    agent = AcpAgent("gemini-acp", "gemini --acp -m {model}", credentials=("GEMINI_API_KEY",))
    assert agent.takes == ("model",)
    async with serve(once(WORK)) as model:
        keys = {"GEMINI_API_KEY": "sk-scripted-0123456789", "GOOGLE_GEMINI_BASE_URL": model.url}
        played = await desk.play(agent, desk.invocation("Say hi.", "gemini-2.5-pro", ""), keys, seconds=180)
    assert (played.ending.code, played.account.error) == (0, None), (played.output, played.errors)
    assert {ask.model for ask in model.asked} == {"gemini-2.5-pro"}
    assert desk.git("log", "--format=%s", "-1").strip() == "Say hi"
    assert isinstance(find_summary(played.account.text), Summary)


async def test_a_refusal_of_its_model_is_told(tmp_path: Path, installed: Installed) -> None:
    desk = Desk(tmp_path, installed("opencode"))
    desk.set_up()
    agent = AcpAgent("opencode-acp", "opencode acp")
    async with serve(always(Refuse(401, "Incorrect API key provided", "authentication_error"))) as model:
        played = await desk.play(agent, desk.invocation("Say hi.", "", ""), opencode(model.url), seconds=180)
    error = played.account.error
    assert isinstance(error, AgentError), (played.output, played.errors)
    assert error.trouble is Trouble.NOT_LOGGED_IN, error


async def test_a_program_that_does_not_speak_it_is_an_error(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Path("/usr/bin"))
    desk.set_up()
    played = await desk.play(AcpAgent("cat", "git --version"), desk.invocation("Say hi.", "", ""), {}, seconds=20)
    assert isinstance(played.account.error, AgentError), (played.output, played.errors)
    assert played.ending.code == 1


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(BadTemplate, match="is empty"):
        AcpAgent("nothing", "  ")
