"""Any agent that speaks the Agent Client Protocol over standard input and output, by its command.

The talking is done by `bot.agents.acp_client`, a program of its own that runs where the agent runs; its lines are
our events as they are.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field

from pydantic import ValidationError

from bot.agents.agent import AGENT_EVENT, AgentEvent, Command, Invocation, Upstream
from bot.agents.command import BadTemplate
from bot.agents.program import Program, raw
from bot.model.offer import MCP_SERVERS

_MODEL = "{model}"
"""The one placeholder, since other braces may be the program's own."""


@dataclass(frozen=True)
class AcpAgent(Program):
    """`command` is split into words as a shell would, and ``{model}`` in them is the model. Raises BadTemplate where
    that leaves none. Nothing in the protocol says how hard a model shall think, nor that an agent tells what it costs:
    some do."""

    name: str
    command: str
    resumes: bool = field(default=True, kw_only=True)
    mcp_place: str | None = field(default="the protocol's `session/new`", kw_only=True)
    base_url_variable: str | None = None
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        try:
            words = tuple(shlex.split(self.command))
        except ValueError as error:
            raise BadTemplate(f"the agent command {self.command!r} cannot be read: {error}") from None
        if not words:
            raise BadTemplate("the agent command is empty")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "takes", ("model",) if any(_MODEL in word for word in words) else ())

    @property
    def program(self) -> str:
        return self.words[0]

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        return Upstream(base_url, self.credentials) if base_url and self.base_url_variable else None

    def start(self, invocation: Invocation) -> Command:
        argv = [sys.executable, "-m", "bot.agents.acp_client", str(invocation.prompt_file)]
        if invocation.continues:
            argv += ["--continues", invocation.continues]
        files = {}
        if invocation.mcp:
            file = invocation.home / "mcp.json"
            files[file] = MCP_SERVERS.dump_json(dict(invocation.mcp)).decode()
            argv += ["--mcp", str(file)]
        environment = {}
        if self.base_url_variable and invocation.base_url:
            environment[self.base_url_variable] = invocation.base_url
        words = (word.replace(_MODEL, invocation.model or "") for word in self.words)
        return Command((*argv, "--", *words), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        if not line.strip():
            return ()
        try:
            return (AGENT_EVENT.validate_json(line),)
        except ValidationError:
            return raw(line)
