"""Gemini CLI (measured with 0.61.0): ``gemini -p … -o stream-json``.

It speaks in pieces: a message of the model comes as lines with ``delta``, which the account joins again. It tells
tokens, no cost. What it is to do by itself stands in a settings file of its home; without ``-y`` it offers its model
no shell. Exits: 41 authentication, 42 no input, 52 settings, 53 the cap of turns, 55 a folder that it does not trust;
others are the interface's status modulo 256 (244 for 500, 173 for 429, 145 for 401).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, JsonValue

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Choice,
    Command,
    Finished,
    Invocation,
    Message,
    Started,
    StepUsage,
    ToolCall,
    ToolResult,
    Upstream,
    Usage,
)
from bot.agents.program import Line, Program, read_cost, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown
from bot.model.budget import Metric
from bot.model.offer import McpServer
from bot.model.session import Trouble

_EXITS: dict[int, AgentError] = {
    41: AgentError(text="gemini could not log in", trouble=Trouble.NOT_LOGGED_IN),
    145: AgentError(text="gemini's model answered 401", trouble=Trouble.NOT_LOGGED_IN),
    173: AgentError(text="gemini's model answered 429", trouble=Trouble.RATE_LIMITED),
    244: AgentError(text="gemini's model answered 500", trouble=Trouble.OVERLOADED),
    53: AgentError(text="gemini reached the cap of turns", capped=True),
}


@dataclass(frozen=True)
class GeminiAgent(Program):
    name: str = "gemini"
    program: str = "gemini"
    credentials: tuple[str, ...] = ("GEMINI_API_KEY",)
    resumes: bool = True
    hosts: tuple[str, ...] = ("generativelanguage.googleapis.com",)
    system_place: str | None = "`GEMINI.md` of its home"
    keeps: tuple[Metric, ...] = (Metric.TURNS,)
    takes: tuple[Choice, ...] = ("model",)
    notebook: str | None = ".gemini/tmp/*/chats/session-*.jsonl"
    mcp_place: str | None = "`mcpServers`"

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        return Upstream(base_url or "https://generativelanguage.googleapis.com", self.credentials)

    def start(self, invocation: Invocation) -> Command:
        argv = [self.program, "-p", prompt_argument(invocation), "-o", "stream-json", "-y", "--skip-trust"]
        if invocation.model:
            argv += ["-m", invocation.model]
        if invocation.continues:
            argv += ["--resume", invocation.continues]
        settings: dict[str, JsonValue] = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"maxAttempts": 3, "disableAutoUpdate": True, "checkpointing": {"enabled": False}},
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "mcpServers": _servers(invocation.mcp),
        }
        if invocation.turns is not None:
            settings["model"] = {"maxSessionTurns": invocation.turns}
        environment = {"GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_CLI_HOME": str(invocation.home)}
        if invocation.base_url:
            environment["GOOGLE_GEMINI_BASE_URL"] = invocation.base_url
        folder = invocation.home / ".gemini"
        files = {folder / "settings.json": json.dumps(settings)}
        if invocation.system:
            files[folder / "GEMINI.md"] = invocation.system
        return Command(tuple(argv), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)

    def noted(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_cost(line, _Note)

    def ending(self, invocation: Invocation, code: int, errors: str = "") -> tuple[AgentEvent, ...]:
        return (_EXITS[code],) if code in _EXITS else ()


def _servers(mcp: Mapping[str, McpServer]) -> dict[str, JsonValue]:
    """A server is started with little of its environment; variables take the place of ``$NAME``. Tools of a server
    that it does not trust it does not call by itself."""
    return {
        name: {
            "command": server.words[0],
            "args": [*server.words[1:]],
            "env": {variable: f"${variable}" for variable in server.variables},
            "trust": True,
        }
        if server.url is None
        else {
            "httpUrl": server.url,
            "headers": {"Authorization": f"Bearer ${server.token}"} if server.token else {},
            "trust": True,
        }
        for name, server in mcp.items()
    }


class _NotedTokens(BaseModel):
    input: int = 0
    cached: int = 0
    output: int = 0
    thoughts: int = 0


class _Note(Line):
    """One line of what it keeps of a conversation; that of an answer is written anew when its tools have answered."""

    id: str
    type: Literal["gemini"]
    tokens: _NotedTokens
    model: str | None = None

    def events(self) -> tuple[AgentEvent, ...]:
        used = self.tokens
        return (
            StepUsage(
                step=self.id,
                input_tokens=used.input,
                output_tokens=used.output + used.thoughts,
                cached_tokens=used.cached,
                model=self.model,
            ),
        )


class _Stats(BaseModel):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Line(Line):
    """One line of the stream."""

    type: str
    session_id: str | None = None
    role: str = ""
    content: str = ""
    delta: bool = False
    tool_name: str = ""
    parameters: JsonValue = None
    status: str = ""
    output: JsonValue = None
    error: JsonValue = None
    stats: _Stats | None = None

    def events(self) -> tuple[AgentEvent, ...] | None:
        match self.type:
            case "init":
                return (Started(conversation=self.session_id),)
            case "message" if self.role == "assistant":
                return (Message(text=self.content, continued=self.delta),)
            case "message":
                return ()
            case "tool_use":
                return (ToolCall(name=self.tool_name, arguments=shown(self.parameters)),)
            case "tool_result":
                text = self.output if self.output is not None else self.error
                return (ToolResult(text="" if text is None else shown(text), failed=self.status != "success"),)
            case "result":
                return self._result()
            case _:
                return None

    def _result(self) -> tuple[AgentEvent, ...]:
        stats = self.stats or _Stats()
        usage = Usage(input_tokens=stats.input_tokens, output_tokens=stats.output_tokens)
        if self.status == "success":
            return (usage, Finished(text=""))
        text = shown(self.error) if self.error is not None else self.status
        return (usage, AgentError(text=text, trouble=trouble_of(text)))
