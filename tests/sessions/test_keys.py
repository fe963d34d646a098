"""Which keys an agent holds where its network is `model-only`."""

from __future__ import annotations

from pathlib import Path

from bot.agents.roster import Roster
from bot.model.offer import AgentOffer, McpServer
from bot.model.sandbox import NetworkMode, SandboxPolicy
from bot.sandbox.bubblewrap import Host
from bot.sandbox.proxy import ADDRESS
from bot.sandbox.sandbox import Sandbox
from bot.sessions.keys import Access, access

SECRETS = {"OPENAI_API_KEY": "sk-openai-1234", "ANTHROPIC_API_KEY": "sk-ant-12345", "TICKETS_TOKEN": "token-1234"}
HOST = Host(Path("/usr/bin/bwrap"), (), (), Path("/etc/passwd"), Path("/etc/group"))
TICKETS = {"tickets": McpServer(url="https://tickets.example.com:8443/mcp", token="TICKETS_TOKEN")}


def told(offer: AgentOffer, name: str, model: str | None = None) -> Access:
    roster = Roster({name: offer}, SECRETS)
    agent = roster.find(name)
    sandbox = Sandbox(SandboxPolicy(network=NetworkMode.MODEL_ONLY), HOST)
    return access(sandbox, roster.needs(agent, model), roster.base_url(agent), roster.credentials(agent))


def test_a_stand_in_takes_the_place_of_the_key_to_its_model_and_other_keys_stay_with_the_server() -> None:
    asks = told(AgentOffer(), "mini", "anthropic/claude-sonnet-4-5")
    assert asks.base_url == ADDRESS
    assert set(asks.credentials) == {"ANTHROPIC_API_KEY"}
    assert asks.reach is not None
    assert asks.reach.upstream == "https://api.anthropic.com"
    stand_in = asks.credentials["ANTHROPIC_API_KEY"]
    assert stand_in != SECRETS["ANTHROPIC_API_KEY"]
    assert asks.reach.with_keys(f"Bearer {stand_in}".encode()) == b"Bearer sk-ant-12345"


def test_a_command_holds_no_key_where_it_can_be_told_the_address() -> None:
    offer = AgentOffer(
        command="run {prompt_file} {mcp_file}", base_url="https://models.example.com/v1", variables=("OPENAI_API_KEY",)
    ).model_copy(update={"mcp": TICKETS})
    holds = told(offer, "mine")
    assert holds.credentials == {"OPENAI_API_KEY": "sk-openai-1234", "TICKETS_TOKEN": "token-1234"}
    asks = told(offer.model_copy(update={"base_url_variable": "OPENAI_BASE_URL"}), "mine")
    assert asks.credentials["OPENAI_API_KEY"] != SECRETS["OPENAI_API_KEY"]
    assert asks.credentials["TICKETS_TOKEN"] == "token-1234", "its MCP server needs that as it is"
    assert asks.reach is not None
    assert asks.reach.allows("tickets.example.com", 8443)
