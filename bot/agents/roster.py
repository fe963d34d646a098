"""Which agents this server offers, which of them are installed, and which credentials each is given."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from difflib import get_close_matches

from bot.agents.agent import Agent
from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.command import CommandAgent
from bot.agents.gemini import GeminiAgent
from bot.agents.kimi import KimiAgent
from bot.agents.mini import MiniAgent
from bot.agents.opencode import OpencodeAgent

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


class Roster:
    """`commands` adds agents by name from command templates; `environment` is where credentials are read from,
    each agent's by the names that it declares; a command's are `command_credentials`. Raises BadTemplate."""

    def __init__(
        self,
        commands: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        command_credentials: tuple[str, ...] = (),
    ) -> None:
        agents: list[Agent] = list(KNOWN)
        agents += [CommandAgent(name, template, command_credentials) for name, template in (commands or {}).items()]
        self._agents = {agent.name: agent for agent in agents}
        self._environment = dict(environment or {})

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
        return {name: self._environment[name] for name in agent.credentials if self._environment.get(name)}

    def secrets(self) -> tuple[str, ...]:
        """Every credential of every agent, to be masked wherever text is kept."""
        values = (value for agent in self._agents.values() for value in self.credentials(agent).values())
        return tuple(
            sorted({value for value in values if len(value) >= 8 and "://" not in value}, key=len, reverse=True)
        )
