"""Claude Code (measured with 2.1.197): print mode with its stream of JSON lines.

Tokens and cost are those of the one ``result`` line, of this run alone, also after ``--resume``: the earlier lines
count parts of it again, and are only believed until it comes. A failure of the
model's interface arrives as ``subtype: success`` with ``is_error: true``. As root the program refuses to skip its
permission prompts unless IS_SANDBOX is exactly 1.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, JsonValue

from bot.agents.agent import (
    AgentError,
    AgentEvent,
    Choice,
    Command,
    Finished,
    Invocation,
    Message,
    RateLimited,
    Started,
    StepUsage,
    Thinking,
    ToolCall,
    ToolResult,
    Upstream,
    Usage,
)
from bot.agents.program import Line, Program, common_form, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown
from bot.model.budget import Metric

_CAPPED = ("error_max_turns", "error_max_budget_usd")


@dataclass(frozen=True)
class ClaudeAgent(Program):
    name: str = "claude"
    program: str = "claude"
    credentials: tuple[str, ...] = (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
    )
    resumes: bool = True
    hosts: tuple[str, ...] = ("api.anthropic.com",)
    system_place: str | None = "`--append-system-prompt-file`"
    keeps: tuple[Metric, ...] = (Metric.TURNS, Metric.USD)
    takes: tuple[Choice, ...] = ("model", "effort")
    tells_money: bool = True
    mcp_place: str | None = "`--mcp-config`, and `--strict-mcp-config`"

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        keys = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
        return Upstream(base_url or "https://api.anthropic.com", keys)

    def start(self, invocation: Invocation) -> Command:
        argv = [self.program, "-p", prompt_argument(invocation), "--output-format", "stream-json", "--verbose"]
        argv += ["--dangerously-skip-permissions"]
        files = {invocation.home / "mcp.json": json.dumps({"mcpServers": common_form(invocation.mcp)})}
        argv += ["--mcp-config", str(invocation.home / "mcp.json"), "--strict-mcp-config"]
        if invocation.system:
            files[invocation.home / "system.md"] = invocation.system
            argv += ["--append-system-prompt-file", str(invocation.home / "system.md")]
        if invocation.continues:
            argv += ["--resume", invocation.continues]
        else:
            argv += ["--session-id", str(uuid5(NAMESPACE_URL, f"{invocation.home}#{invocation.prompt_file.name}"))]
        if invocation.model:
            argv += ["--model", invocation.model]
        if invocation.effort:
            argv += ["--effort", invocation.effort]
        if invocation.turns is not None:
            argv += ["--max-turns", str(invocation.turns)]
        if invocation.usd is not None:
            argv += ["--max-budget-usd", f"{invocation.usd:.4f}"]
        environment = {
            "CLAUDE_CONFIG_DIR": str(invocation.home / ".claude"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_MAX_RETRIES": "3",
        }
        if invocation.base_url:
            environment["ANTHROPIC_BASE_URL"] = invocation.base_url
        if os.geteuid() == 0:
            environment["IS_SANDBOX"] = "1"
        return Command(tuple(argv), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)


class _Block(BaseModel):
    """One block of a message's content; which fields it has depends on `type`."""

    type: str
    text: str = ""
    thinking: str = ""
    name: str = ""
    input: JsonValue = None
    content: JsonValue = None
    is_error: bool | None = None

    def events(self) -> tuple[AgentEvent, ...]:
        match self.type:
            case "text":
                return (Message(text=self.text),)
            case "thinking":
                return (Thinking(text=shown(self.thinking)),)
            case "tool_use":
                return (ToolCall(name=self.name, arguments=shown(self.input)),)
            case "tool_result":
                return (ToolResult(text=shown(self.content), failed=bool(self.is_error)),)
            case _:
                return ()


class _Tokens(BaseModel):
    input_tokens: int = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    output_tokens: int = 0

    @property
    def all_input(self) -> int:
        return self.input_tokens + (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)


class _Content(BaseModel):
    """A message; only an answer of the model has an `id` and `usage`."""

    content: str | tuple[_Block, ...] = ()
    id: str | None = None
    usage: _Tokens | None = None

    def events(self) -> tuple[AgentEvent, ...]:
        if isinstance(self.content, str):
            return (Message(text=self.content),)
        return (*(event for block in self.content for event in block.events()), *self._cost())

    def _cost(self) -> tuple[AgentEvent, ...]:
        if self.id is None or self.usage is None:
            return ()
        used = self.usage
        return (StepUsage(step=self.id, input_tokens=used.all_input, output_tokens=used.output_tokens),)


class _Line(Line):
    """One line of the stream."""

    type: str
    subtype: str = ""
    session_id: str | None = None
    message: _Content | None = None
    result: str | None = None
    is_error: bool = False
    api_error_status: int | None = None
    total_cost_usd: float | None = None
    usage: _Tokens | None = None
    error: JsonValue = None

    def events(self) -> tuple[AgentEvent, ...] | None:
        match (self.type, self.subtype):
            case ("system", "init"):
                return (Started(conversation=self.session_id),)
            case ("system", "api_retry"):
                return (RateLimited(text=shown(self.error) if self.error is not None else "retrying"),)
            case ("assistant" | "user", _) if self.message is not None:
                return self.message.events()
            case ("result", _):
                return self._result()
            case _:
                return None

    def _result(self) -> tuple[AgentEvent, ...]:
        tokens = self.usage
        usage = Usage(
            usd=self.total_cost_usd,
            input_tokens=tokens.all_input if tokens else None,
            output_tokens=tokens.output_tokens if tokens else None,
        )
        text = self.result or ""
        if self.is_error or self.subtype not in ("", "success"):
            text = text or self.subtype
            capped = self.subtype in _CAPPED
            return (
                usage,
                AgentError(
                    text=text, capped=capped, trouble=None if capped else trouble_of(text, self.api_error_status)
                ),
            )
        return (usage, Finished(text=text))
