"""Codex (measured with 0.169.0): ``codex exec --json``.

Its own sandbox is off: it makes a worktree's git folder read-only, so that commits fail while the exit is 0. The
session has one around the whole program. Tools get none of its environment but the core: the key is in it. Usage is
told at the end of a turn; after a resume it counts the whole conversation. It tells no cost; which model it asks, it
writes down with each turn, and what each answer has read and written. An ``error`` line is
often only a retry: ``turn.failed`` is the last word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, JsonValue

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Choice,
    Command,
    Invocation,
    Message,
    Model,
    RateLimited,
    Started,
    StepUsage,
    Thinking,
    ToolCall,
    ToolResult,
    Upstream,
    Usage,
)
from bot.agents.program import Line, Program, read_cost, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown
from bot.model.offer import McpServer

_OPENAI = "https://api.openai.com/v1"
_SETTINGS = (
    'model_provider="crewline"',
    "analytics.enabled=false",
    "check_for_update_on_startup=false",
    'web_search="disabled"',
    "allow_login_shell=false",
    'shell_environment_policy.inherit="all"',
    'shell_environment_policy.exclude=["OPENAI_API_KEY"]',
)


@dataclass(frozen=True)
class CodexAgent(Program):
    """With an API key (OPENAI_API_KEY); a login of its own lies in a home that no session sees."""

    name: str = "codex"
    program: str = "codex"
    credentials: tuple[str, ...] = ("OPENAI_API_KEY",)
    resumes: bool = True
    hosts: tuple[str, ...] = ("api.openai.com",)
    system_place: str | None = "`developer_instructions`"
    notebook: str | None = ".codex/sessions/*/*/*/rollout-*.jsonl"
    mcp_place: str | None = "`mcp_servers`"
    takes: tuple[Choice, ...] = ("model", "effort")

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        return Upstream(base_url or _OPENAI, self.credentials)

    def start(self, invocation: Invocation) -> Command:
        base = invocation.base_url or _OPENAI
        provider = (
            f'{{name="crewline",base_url={_toml(base)},wire_api="responses",env_key="OPENAI_API_KEY",'
            "request_max_retries=3,stream_max_retries=3,stream_idle_timeout_ms=120000}"
        )
        settings = [*_SETTINGS, f"model_providers.crewline={provider}"]
        if invocation.effort:
            settings.append(f"model_reasoning_effort={_toml(invocation.effort)}")
        if invocation.system:
            settings.append(f"developer_instructions={_toml(invocation.system)}")
        settings += [f"mcp_servers.{name}={_server(server)}" for name, server in invocation.mcp.items()]
        argv = [self.program, "exec"]
        if invocation.continues:
            argv += ["resume", invocation.continues]
        argv += ["--json", "--dangerously-bypass-approvals-and-sandbox", "--disable", "plugins", "--disable", "apps"]
        if invocation.model:
            argv += ["-m", invocation.model]
        folder = invocation.home / ".codex"
        files = {folder / "config.toml": "\n".join(settings) + "\n"}
        return Command((*argv, "--", prompt_argument(invocation)), {"CODEX_HOME": str(folder)}, files)

    def noted(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_cost(line, _Note, _TurnContext)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)


def _toml(value: str | Sequence[str]) -> str:
    """A string or a list of strings. TOML's differ from JSON's in this: no halves of a character, no DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _server(server: McpServer) -> str:
    """A server is started without its environment, but for the variables that are named."""
    if server.url is None:
        words, variables = server.words, server.variables
        return f"{{command={_toml(words[0])},args={_toml(words[1:])},env_vars={_toml(variables)}}}"
    token = f",bearer_token_env_var={_toml(server.token)}" if server.token else ""
    return f"{{url={_toml(server.url)}{token}}}"


class _Item(BaseModel):
    """One thing that happened in a turn; which fields it has depends on `type`."""

    type: str = ""
    text: str = ""
    command: str = ""
    aggregated_output: str = ""
    exit_code: int | None = None
    message: str = ""
    server: str = ""
    tool: str = ""
    arguments: JsonValue = None
    result: JsonValue = None
    error: JsonValue = None
    status: str = ""

    def begun(self) -> tuple[AgentEvent, ...]:
        match self.type:
            case "command_execution":
                return (ToolCall(name="shell", arguments=shown(self.command)),)
            case "mcp_tool_call":
                return (ToolCall(name=f"{self.server}.{self.tool}", arguments=shown(self.arguments)),)
            case _:
                return ()

    def done(self) -> tuple[AgentEvent, ...] | None:
        match self.type:
            case "agent_message":
                return (Message(text=self.text),)
            case "reasoning":
                return (Thinking(text=shown(self.text)),)
            case "command_execution":
                return (ToolResult(text=shown(self.aggregated_output), failed=self.exit_code != 0),)
            case "mcp_tool_call":
                text = self.result if self.result is not None else self.error
                return (ToolResult(text=shown(text), failed=self.status == "failed"),)
            case _:
                return None


class _Tokens(BaseModel):
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None


class _Noted(BaseModel):
    thread_id: str = ""
    usage: _Tokens


class _Note(Line):
    """One line of what it keeps of a conversation, or of that of an agent below it."""

    type: Literal["token_usage_record"]
    ordinal: int
    payload: _Noted

    def events(self) -> tuple[AgentEvent, ...]:
        used = self.payload.usage
        step = f"{self.payload.thread_id}#{self.ordinal}"
        return (
            StepUsage(
                step=step,
                input_tokens=used.input_tokens or 0,
                output_tokens=used.output_tokens or 0,
                cached_tokens=used.cached_input_tokens,
            ),
        )


class _Context(BaseModel):
    model: str


class _TurnContext(Line):
    """One line of the same file, at the beginning of a turn."""

    type: Literal["turn_context"]
    payload: _Context

    def events(self) -> tuple[AgentEvent, ...]:
        return (Model(name=self.payload.model),)


class _Error(BaseModel):
    message: str = ""


class _Line(Line):
    """One line of the stream."""

    type: str
    thread_id: str | None = None
    item: _Item | None = None
    usage: _Tokens | None = None
    error: _Error | None = None
    message: str = ""

    def events(self) -> tuple[AgentEvent, ...] | None:
        match self.type:
            case "thread.started":
                return (Started(conversation=self.thread_id),)
            case "item.started" if self.item is not None:
                return self.item.begun()
            case "item.completed" if self.item is not None:
                return self.item.done()
            case "turn.completed" if self.usage is not None:
                tokens = self.usage
                return (
                    Usage(input_tokens=tokens.input_tokens, output_tokens=tokens.output_tokens, of_conversation=True),
                )
            case "turn.failed" if self.error is not None:
                return (AgentError(text=self.error.message, trouble=trouble_of(self.error.message)),)
            case "error" if trouble_of(self.message) is not None:
                return (RateLimited(text=self.message),)
            case _:
                return None
