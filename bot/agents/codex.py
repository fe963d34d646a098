"""Codex (measured with 0.169.0): ``codex exec --json``.

Its own sandbox is off: it makes a worktree's git folder read-only, so that commits fail while the exit is 0. The
session has one around the whole program. Tools get none of its environment but the core: the key is in it. Usage is
told at the end of a turn; after a resume it counts the whole conversation. It tells no cost. An ``error`` line is
often only a retry: ``turn.failed`` is the last word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import BaseModel

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Command,
    Invocation,
    Message,
    RateLimited,
    Started,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.agents.program import Line, Program, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown

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
    model_url: str | None = "https://api.openai.com/v1"

    def start(self, invocation: Invocation) -> Command:
        base = invocation.base_url or "https://api.openai.com/v1"
        provider = (
            f'{{name="crewline",base_url={json.dumps(base)},wire_api="responses",env_key="OPENAI_API_KEY",'
            "request_max_retries=3,stream_max_retries=3,stream_idle_timeout_ms=120000}"
        )
        settings = [*_SETTINGS, f"model_providers.crewline={provider}"]
        if invocation.effort:
            settings.append(f"model_reasoning_effort={json.dumps(invocation.effort)}")
        argv = [self.program, "exec"]
        if invocation.continues:
            argv += ["resume", invocation.continues]
        argv += ["--json", "--dangerously-bypass-approvals-and-sandbox", "--disable", "plugins", "--disable", "apps"]
        if invocation.model:
            argv += ["-m", invocation.model]
        folder = invocation.home / ".codex"
        files = {folder / "config.toml": "\n".join(settings) + "\n"}
        return Command((*argv, "--", prompt_argument(invocation)), {"CODEX_HOME": str(folder)}, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)


class _Item(Line):
    """One thing that happened in a turn; which fields it has depends on `type`."""

    type: str = ""
    text: str = ""
    command: str = ""
    aggregated_output: str = ""
    exit_code: int | None = None
    message: str = ""
    server: str = ""
    tool: str = ""
    status: str = ""

    def begun(self) -> tuple[AgentEvent, ...]:
        match self.type:
            case "command_execution":
                return (ToolCall(name="shell", arguments=shown(self.command)),)
            case "mcp_tool_call":
                return (ToolCall(name=f"{self.server}.{self.tool}", arguments=""),)
            case _:
                return ()

    def done(self) -> tuple[AgentEvent, ...]:
        match self.type:
            case "agent_message":
                return (Message(text=self.text),)
            case "reasoning":
                return (Thinking(text=shown(self.text)),)
            case "command_execution":
                return (ToolResult(text=shown(self.aggregated_output), failed=self.exit_code != 0),)
            case "mcp_tool_call":
                return (ToolResult(text=shown(self.status), failed=self.status == "failed"),)
            case _:
                return self.kept()


class _Tokens(BaseModel):
    input_tokens: int | None = None
    output_tokens: int | None = None


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

    def events(self) -> tuple[AgentEvent, ...]:
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
                return self.kept()
