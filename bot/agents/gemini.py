"""Gemini CLI (measured with 0.61.0): ``gemini -p … -o stream-json``.

It speaks in pieces: a message of the model comes as lines with ``delta``, which the account joins again. It tells
tokens, no cost. What it is to do by itself stands in a settings file of its home; without ``-y`` it offers its model
no shell. Exits: 41 authentication, 42 no input, 52 settings, 53 the cap of turns, 55 a folder that it does not trust;
others are the interface's status modulo 256 (244 for 500, 173 for 429, 145 for 401).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Command,
    Finished,
    Invocation,
    Message,
    Started,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.agents.program import Line, Program, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown
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
    model_url: str | None = "https://generativelanguage.googleapis.com"

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
        }
        if invocation.turns is not None:
            settings["model"] = {"maxSessionTurns": invocation.turns}
        environment = {"GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_CLI_HOME": str(invocation.home)}
        if invocation.base_url:
            environment["GOOGLE_GEMINI_BASE_URL"] = invocation.base_url
        file = invocation.home / ".gemini" / "settings.json"
        return Command(tuple(argv), environment, {file: json.dumps(settings)})

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)

    def ending(self, invocation: Invocation, code: int) -> tuple[AgentEvent, ...]:
        return (_EXITS[code],) if code in _EXITS else ()


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

    def events(self) -> tuple[AgentEvent, ...]:
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
                return self.kept()

    def _result(self) -> tuple[AgentEvent, ...]:
        stats = self.stats or _Stats()
        usage = Usage(input_tokens=stats.input_tokens, output_tokens=stats.output_tokens)
        if self.status == "success":
            return (usage, Finished(text=""))
        text = shown(self.error) if self.error is not None else self.status
        return (usage, AgentError(text=text, trouble=trouble_of(text)))
