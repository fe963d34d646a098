"""opencode (measured with 1.18.33): ``opencode run --format json``.

Its settings come whole in one variable. There is no last line: a step tells what it cost, and the steps are added up.
A prompt in its arguments reaches the model in quotes, and standard input is the null device; so it is told which file
to read. Without a title it asks its model for one, which costs a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Choice,
    Command,
    Invocation,
    Message,
    Started,
    Thinking,
    ToolCall,
    ToolResult,
    Upstream,
    Usage,
)
from bot.agents.program import Line, Program, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import shown
from bot.model.offer import McpServer


@dataclass(frozen=True)
class OpencodeAgent(Program):
    """Its model is named ``provider/model``. With an address of its own the provider is ``crewline``, which speaks
    OpenAI's chat interface with OPENAI_API_KEY."""

    name: str = "opencode"
    program: str = "opencode"
    credentials: tuple[str, ...] = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY")
    resumes: bool = True
    hosts: tuple[str, ...] = ("api.anthropic.com", "api.openai.com", "openrouter.ai", "opencode.ai")

    system_place: str | None = "`instructions`"
    mcp_place: str | None = "`mcp`"
    takes: tuple[Choice, ...] = ("model", "effort")
    tells_money: bool = True

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        """Without an address it asks whichever maker its model's name begins with, each with a key of its own."""
        return Upstream(base_url, ("OPENAI_API_KEY",)) if base_url else None

    def start(self, invocation: Invocation) -> Command:
        settings: dict[str, JsonValue] = {"autoupdate": False, "share": "disabled", "snapshot": False}
        settings["mcp"] = _servers(invocation.mcp)
        model = invocation.model
        if invocation.base_url:
            model = (model or "default").removeprefix("crewline/")
            settings["provider"] = {
                "crewline": {
                    "npm": "@ai-sdk/openai-compatible",
                    "options": {"baseURL": invocation.base_url, "apiKey": "{env:OPENAI_API_KEY}"},
                    "models": {model: {}},
                }
            }
            model = f"crewline/{model}"
        files = {}
        if invocation.system:
            files[invocation.home / "system.md"] = invocation.system
            settings["instructions"] = [str(invocation.home / "system.md")]
        argv = [self.program, "run", "--format", "json", "--auto", "--title", invocation.session_id]
        if model:
            argv += ["-m", model]
        if invocation.effort:
            argv += ["--variant", invocation.effort]
        if invocation.continues:
            argv += ["-s", invocation.continues]
        environment = {
            "OPENCODE_CONFIG_CONTENT": json.dumps(settings),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        }
        task = f"Read the file {invocation.prompt_file} whole and do what it asks. It is your task."
        return Command((*argv, task), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)


def _servers(mcp: Mapping[str, McpServer]) -> dict[str, JsonValue]:
    """It puts variables in the place of ``{env:NAME}``."""
    return {
        name: {
            "type": "local",
            "command": [*server.words],
            "environment": {variable: f"{{env:{variable}}}" for variable in server.variables},
        }
        if server.url is None
        else {
            "type": "remote",
            "url": server.url,
            "headers": {"Authorization": f"Bearer {{env:{server.token}}}"} if server.token else {},
        }
        for name, server in mcp.items()
    }


class _State(BaseModel):
    status: str = ""
    input: JsonValue = None
    output: JsonValue = None
    error: JsonValue = None


class _Cache(BaseModel):
    read: int = 0
    write: int = 0


class _Tokens(BaseModel):
    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache: _Cache = _Cache()


class _Part(BaseModel):
    text: str = ""
    tool: str = ""
    state: _State | None = None
    tokens: _Tokens | None = None
    cost: float | None = None


class _Error(BaseModel):
    name: str = ""
    data: JsonValue = None


class _Line(Line):
    """One line of the stream."""

    type: str
    sessionID: str | None = None  # noqa: N815
    part: _Part | None = None
    error: _Error | None = None

    def events(self) -> tuple[AgentEvent, ...] | None:
        part = self.part or _Part()
        match self.type:
            case "step_start":
                return (Started(conversation=self.sessionID),)
            case "text":
                return (Message(text=part.text),)
            case "reasoning":
                return (Thinking(text=shown(part.text)),)
            case "tool_use" if part.state is not None:
                text = part.state.output if part.state.output is not None else part.state.error
                return (
                    ToolCall(name=part.tool, arguments=shown(part.state.input)),
                    ToolResult(text="" if text is None else shown(text), failed=part.state.status == "error"),
                )
            case "step_finish" if part.tokens is not None:
                tokens = part.tokens
                return (
                    Usage(
                        usd=part.cost,
                        input_tokens=tokens.input + tokens.cache.read + tokens.cache.write,
                        output_tokens=tokens.output + tokens.reasoning,
                        adds=True,
                    ),
                )
            case "error" if self.error is not None:
                text, status = _told(self.error)
                return (AgentError(text=text, trouble=trouble_of(text, status)),)
            case _:
                return None


def _told(error: _Error) -> tuple[str, int | None]:
    data = error.data if isinstance(error.data, dict) else {}
    status = data.get("statusCode")
    return f"{error.name}: {data.get('message', '')}", status if isinstance(status, int) else None
