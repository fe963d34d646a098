"""Agents that speak the Agent Client Protocol: the real opencode and gemini, against a scripted model.

What opencode does with servers of tools, and that it works, commits and sums up: `tests/agents/test_places.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agents.acp import AcpAgent
from bot.agents.agent import AgentError
from bot.agents.command import BadTemplate
from bot.agents.summary import find_summary
from bot.model.session import Summary, Trouble
from tests.agents.model.script import Ask, Refuse, Reply, Say, always, once
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


async def test_a_conversation_that_is_loaded_tells_only_what_is_new(tmp_path: Path, installed: Installed) -> None:
    desk = Desk(tmp_path, installed("opencode"))
    desk.set_up()
    agent = AcpAgent("opencode-acp", "opencode acp")

    def script(ask: Ask) -> Reply:
        return Say("Later words." if "Which word" in ask.text else "Earlier words.")

    async with serve(script) as model:
        first = await desk.play(agent, desk.invocation("The word is xylophone.", "", ""), opencode(model.url), 180)
        conversation = first.account.conversation
        assert conversation is not None
        invocation = desk.invocation("Which word was it?", "", "")
        again = await desk.play(agent, invocation, opencode(model.url), 180, continues=conversation)
    assert "xylophone" in model.asked[-1].text
    assert "Earlier words." in model.asked[-1].text
    assert (again.account.text.strip(), again.account.turns) == ("Later words.", 1)


FORGETFUL = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    answers = {
        "initialize": {"protocolVersion": 1, "agentCapabilities": {"loadSession": False}},
        "session/new": {"sessionId": "s"},
        "session/prompt": {"stopReason": "end_turn"},
    }
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answers[asked["method"]]}), flush=True)
"""


async def test_the_conversation_of_an_agent_that_can_load_none_has_no_name(tmp_path: Path) -> None:
    """So nobody takes it for one that can be gone on with."""
    desk = Desk(tmp_path, Path("/usr/bin"))
    desk.set_up()
    (tmp_path / "agent.py").write_text(FORGETFUL)
    agent = AcpAgent("forgetful", f"{sys.executable} {tmp_path / 'agent.py'}")
    played = await desk.play(agent, desk.invocation("Say hi.", "", ""), {}, seconds=20)
    assert (played.ending.code, played.account.error, played.account.conversation) == (0, None, None), played.errors
