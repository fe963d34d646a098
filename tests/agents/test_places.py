"""Where standing rules and MCP servers go: the real programs bring both to their model."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.agents.acp import AcpAgent
from bot.agents.agent import Agent, Started, ToolCall, ToolResult
from bot.agents.summary import find_summary
from bot.model.offer import McpServer
from bot.model.session import Summary
from bot.web.server import serving
from tests.agents.model.script import SUMMARY, Ask, Call, Reply, Run, Say, Script
from tests.agents.model.server import serve
from tests.agents.programs.play import Desk, Played
from tests.agents.programs.record import AGENTS, submitting
from tests.agents.programs.tool_server import by_address
from tests.agents.test_acp import WORK, opencode

Installed = Callable[[str], Path]
KEY = "sk-scripted-0123456789"
WORD, PRICE, TOKEN = "xylophone-in-confidence", "42-in-confidence", "token-in-confidence"
RULES = 'Say "hello" to {{ nobody }},\nnever use \\ nor 😀.'
SECRETS = {"SHOP_WORD": WORD, "SHOP_TOKEN": TOKEN}


@pytest.fixture
def desk(tmp_path: Path, installed: Installed, request: pytest.FixtureRequest) -> Desk:
    desk = Desk(tmp_path, installed(request.node.callspec.params["name"]))
    desk.set_up()
    return desk


@asynccontextmanager
async def shop() -> AsyncIterator[Mapping[str, McpServer]]:
    """A server that is started and one that is found by its address."""
    script = Path(__file__).parent / "programs" / "tool_server.py"
    async with serving(by_address("fetch_price", PRICE, TOKEN), "127.0.0.1", 0) as address:
        yield {
            "shop": McpServer(command=f"{sys.executable} {script}", variables=("SHOP_WORD",)),
            "prices": McpServer(url=f"{address.url}/mcp", token="SHOP_TOKEN"),
        }


def fetching(ask: Ask) -> Reply:
    """Calls the tools of both servers, by whatever name they are offered."""
    tools = [tool for tool in ask.tools if tool.endswith(("fetch_word", "fetch_price"))]
    return Call(tools[len(ask.results)]) if len(ask.results) < len(tools) else Say("Done.")


def working(ask: Ask) -> Reply:
    """The same, and then the work."""
    reply = fetching(ask)
    if isinstance(reply, Call) or not ask.results:
        return reply
    return Run(WORK) if len(ask.results) == 2 else Say(SUMMARY.format(text="Did what was asked."))


async def plays(
    agent: Agent, desk: Desk, model_name: str, path: str, keys: Callable[[str], dict[str, str]], script: Script
) -> tuple[Ask, Played]:
    """What the model was asked last, and how it went."""
    async with shop() as servers, serve(script) as model:
        invocation = desk.invocation("Fetch the words.", model_name, model.url + path)
        rules = RULES if agent.system_place else None
        secrets = {**keys(model.url), **SECRETS}
        played = await desk.play(agent, invocation, secrets, seconds=180, mcp=servers, system=rules)
        started = agent.start(invocation)
    assert played.account.error is None, (played.output, played.errors)
    assert not any(secret in "".join((*started.argv, *started.files.values())) for secret in (WORD, PRICE, TOKEN))
    return model.asked[-1], played


@pytest.mark.parametrize("name", [name for name in AGENTS if AGENTS[name][0].mcp_place])
async def test_rules_and_the_tools_of_mcp_servers_reach_the_model(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    asked, _ = await plays(agent, desk, model_name, path, lambda url: {variable: KEY}, fetching)
    assert RULES in asked.system
    assert WORD in "".join(asked.results), asked.tools
    assert PRICE in "".join(asked.results), asked.tools


@pytest.mark.parametrize("name", ["opencode"])
async def test_an_agent_of_the_protocol_is_told_of_mcp_servers_works_commits_and_sums_up(name: str, desk: Desk) -> None:
    asked, played = await plays(AcpAgent("opencode-acp", "opencode acp"), desk, "", "", opencode, working)
    assert WORD in "".join(asked.results), asked.tools
    assert PRICE in "".join(asked.results), asked.tools
    assert (played.ending.code, played.account.error) == (0, None), (played.output, played.errors)
    assert desk.git("log", "--format=%s", "-1").strip() == "Say hi"
    summary = find_summary(played.account.text)
    assert isinstance(summary, Summary)
    assert summary.summary.strip() == "Did what was asked."
    assert any(isinstance(event, Started) and event.conversation for event in played.events)
    assert any(isinstance(event, ToolCall) for event in played.events)
    assert any(isinstance(event, ToolResult) and "committed" in event.text for event in played.events)


@pytest.mark.parametrize("name", ["mini"])
async def test_rules_reach_the_model_of_a_program_that_takes_no_mcp_servers(name: str, desk: Desk) -> None:
    agent, variable, model_name, path = AGENTS[name]
    async with serve(submitting) as model:
        invocation = desk.invocation("Say hi.", model_name, model.url + path)
        played = await desk.play(agent, invocation, {variable: KEY}, seconds=180, system=RULES)
    assert played.account.error is None, (played.output, played.errors)
    assert RULES in model.asked[0].system
