"""Which agents this server offers, which of them are installed, and which credentials each is given."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bot.agents.acp import AcpAgent
from bot.agents.agent import Agent
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.command import CommandAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.mini import MiniAgent
from bot.agents.opencode import OpencodeAgent
from bot.model.offer import AgentOffer

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
    """What an agent needs of the world around it: `paths` that its command names, where the operator wrote one; the
    `hosts` of its model; and the `model` itself, where the agent can be told to ask it elsewhere."""

    paths: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    model: str | None = None


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
        if offer.command is None:
            return self.find(name)
        if offer.speaks == "acp":
            return AcpAgent(name, offer.command, credentials=offer.variables, hosts=offer.hosts)
        return CommandAgent(name, offer.command, credentials=offer.variables, hosts=offer.hosts)

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
        extra = self._offers[agent.name].variables if agent.name in self._offers else ()
        names = dict.fromkeys((*agent.credentials, *extra))
        return {name: self._environment[name] for name in names if self._environment.get(name)}

    def base_url(self, agent: Agent) -> str | None:
        """Where its model is asked, if not at its maker's address."""
        offer = self._offers.get(agent.name)
        return offer.base_url if offer else None

    def hosts(self, agent: Agent) -> tuple[str, ...]:
        """What it must reach to ask its model."""
        offer = self._offers.get(agent.name)
        return (*agent.hosts, *(offer.hosts if offer else ()))

    def needs(self, agent: Agent) -> Needs:
        """What a sandbox must leave it."""
        offer = self._offers.get(agent.name)
        words = shlex.split(offer.command) if offer and offer.command else []
        named = tuple(path for word in words if word.startswith("/") and (path := Path(word)).exists())
        if words:  # a program of the operator's own is told no address
            return Needs(named, self.hosts(agent), None)
        told = [value for name, value in self.credentials(agent).items() if is_address(name)]
        model = self.base_url(agent) or next(iter(told), None) or agent.model_url
        return Needs((), self.hosts(agent), model)

    def secrets(self) -> tuple[str, ...]:
        """Every credential of every agent, to be masked wherever text is kept."""
        values = (value for agent in self._agents.values() for value in self.credentials(agent).values())
        return tuple(
            sorted({value for value in values if len(value) >= 8 and "://" not in value}, key=len, reverse=True)
        )
