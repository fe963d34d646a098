"""Which agents this server offers, which of them are installed, and which credentials each is given."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from bot.agents.acp import AcpAgent
from bot.agents.agent import Agent
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.command import BadTemplate, CommandAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.mini import MiniAgent
from bot.agents.opencode import OpencodeAgent
from bot.model.offer import AgentOffer, McpServer

KNOWN: tuple[Agent, ...] = (
    ClaudeAgent(),
    CodexAgent(),
    GeminiAgent(),
    OpencodeAgent(),
    MiniAgent(),
    KimiAgent(),
)


class UnknownAgent(LookupError):
    """No agent has that name; the text names those that are offered."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an agent needs of the world around it: `paths` that its command and its MCP servers' name, where the
    operator wrote them; the `hosts` of its model; the address of the `model` itself, where the agent can be told to
    ask it elsewhere, with the variables whose values are `keys` to it; and those that it needs `besides`."""

    paths: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    model: str | None = None
    keys: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


def is_address(variable: str) -> bool:
    """Whether a credential's variable holds no key but where the model is."""
    return variable.endswith("_BASE_URL")


class Roster:
    """`offers` says what the operator set, by name: agents of his own, and changes to those that are known.
    `environment` is where credentials are read from, for each agent by the names that it declares. Raises
    BadTemplate, and UnknownAgent for an offer without a command whose name is not known."""

    def __init__(
        self, offers: Mapping[str, AgentOffer] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._offers = dict(offers or {})
        self._agents = {agent.name: agent for agent in KNOWN}
        for name, offer in self._offers.items():
            self._agents[name] = self._offered(name, offer)
        self._environment = dict(environment or {})

    def _offered(self, name: str, offer: AgentOffer) -> Agent:
        """Raises BadTemplate, and UnknownAgent."""
        told = offer.base_url_variable
        agent: Agent
        if offer.command is None:
            agent = self.find(name)
        elif offer.speaks == "acp":
            agent = AcpAgent(name, offer.command, told, credentials=offer.variables, hosts=offer.hosts)
        else:
            agent = CommandAgent(
                name, offer.command, base_url_variable=told, credentials=offer.variables, hosts=offer.hosts
            )
        if offer.mcp and agent.mcp_place is None:
            place = " without {mcp_file} in its command" if offer.command else ""
            raise BadTemplate(f"agent {name} takes no MCP servers{place}")
        return agent

    def names(self) -> tuple[str, ...]:
        return tuple(self._agents)

    def find(self, name: str) -> Agent:
        """Raises UnknownAgent, with the nearest name."""
        if agent := self._agents.get(name):
            return agent
        near = get_close_matches(name, self._agents, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownAgent(f"there is no agent {name!r}; this server offers {', '.join(self._agents)}.{hint}")

    def installed(self) -> tuple[str, ...]:
        """The names of the agents whose program is on the PATH."""
        path = self._environment.get("PATH")
        return tuple(name for name, agent in self._agents.items() if shutil.which(agent.program, path=path))

    def credentials(self, agent: Agent) -> Mapping[str, str]:
        """The values that `agent` may see, of those that the server has."""
        names = dict.fromkeys((*agent.credentials, *self._offer(agent).variables, *self._for_servers(agent)))
        return {name: self._environment[name] for name in names if self._environment.get(name)}

    def base_url(self, agent: Agent) -> str | None:
        """Where its model is asked, if not at its maker's address."""
        return self._offer(agent).base_url

    def model(self, agent: str, named: str | None = None) -> str | None:
        """The model that `agent` is asked where its role has `named` this one, or none; None is the program's own."""
        return named or self._offers.get(agent, AgentOffer()).model

    def system(self, agent: Agent) -> str | None:
        """The operator's standing rules for it."""
        return self._offer(agent).system

    def mcp(self, agent: Agent) -> Mapping[str, McpServer]:
        """The MCP servers that the operator gives it."""
        return self._offer(agent).mcp

    def _offer(self, agent: Agent) -> AgentOffer:
        return self._offers.get(agent.name) or AgentOffer()

    def _for_servers(self, agent: Agent) -> tuple[str, ...]:
        return tuple(variable for server in self._offer(agent).mcp.values() for variable in server.named)

    def hosts(self, agent: Agent) -> tuple[str, ...]:
        """What it must reach to ask its model."""
        offer = self._offer(agent)
        addresses = (urlsplit(server.url) for server in offer.mcp.values() if server.url)
        servers = (f"{url.hostname}:{url.port}" if url.port else url.hostname or "" for url in addresses)
        return (*agent.hosts, *offer.hosts, *servers)

    def needs(self, agent: Agent, model: str | None = None) -> Needs:
        """What a sandbox must leave it, where it asks `model`."""
        offer = self._offer(agent)
        words = [*shlex.split(offer.command or ""), *(word for server in offer.mcp.values() for word in server.words)]
        named = tuple(path for word in words if word.startswith("/") and (path := Path(word)).exists())
        told = [value for name, value in self.credentials(agent).items() if is_address(name)]
        upstream = agent.upstream(model, offer.base_url or next(iter(told), None))
        if upstream is None:
            return Needs(named, self.hosts(agent))
        besides = self._for_servers(agent)
        keys = tuple(name for name in dict.fromkeys((*upstream.keys, *offer.variables)) if name not in besides)
        return Needs(named, self.hosts(agent), upstream.url, keys, besides)

    def secrets(self) -> tuple[str, ...]:
        """Every credential of every agent, to be masked wherever text is kept."""
        values = (value for agent in self._agents.values() for value in self.credentials(agent).values())
        return tuple(
            sorted({value for value in values if len(value) >= 8 and "://" not in value}, key=len, reverse=True)
        )
