"""Kimi Code CLI (measured with 2.1.0, from npm): ``kimi -p … --output-format stream-json``.

Each line is one message in the form of OpenAI's chat interface, or a word of its own (`meta`). It approves every tool
call by itself. A key it reads from no variable by itself: its settings name the one. The reason of a failure stands
on its standard error alone. What it costs, it writes into a file of its home. Of its arguments ``--prompt`` goes with
no permission mode, and ``--agent-file`` with no conversation to go on with; standing rules go to the instructions of
its home instead. It needs Node.js 22; its predecessor in Python, kimi-cli, is no longer maintained and not meant here.
https://moonshotai.github.io/kimi-code/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
    RateLimited,
    Started,
    StepUsage,
    ToolCall,
    ToolResult,
    Upstream,
)
from bot.agents.program import Line, Program, read_cost, read_line
from bot.agents.trouble import trouble_of
from bot.agents.wording import prompt_argument, shown
from bot.model.budget import Metric
from bot.model.offer import McpServer

_FAILED = re.compile(r"^error: failed to run prompt: (.*)$", re.MULTILINE)
_STEPS = "loop.max_steps_exceeded"


@dataclass(frozen=True)
class KimiAgent(Program):
    """With a key of Kimi Code (KIMI_API_KEY), or of Moonshot's platform (MOONSHOT_API_KEY) for ``moonshot/MODEL``."""

    name: str = "kimi"
    program: str = "kimi"
    credentials: tuple[str, ...] = ("KIMI_API_KEY", "MOONSHOT_API_KEY")
    resumes: bool = True
    hosts: tuple[str, ...] = ("api.kimi.com", "api.moonshot.ai")
    system_place: str | None = "`AGENTS.md` of its home"
    keeps: tuple[Metric, ...] = (Metric.TURNS,)
    takes: tuple[Choice, ...] = ("model", "effort")
    notebook: str | None = ".kimi-code/sessions/*/*/agents/*/wire.jsonl"
    mcp_place: str | None = "`mcp.json` of its home"

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        if (model or "").startswith("moonshot/"):
            return Upstream(base_url or "https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",))
        return Upstream(base_url or "https://api.kimi.com/coding/v1", ("KIMI_API_KEY",))

    def start(self, invocation: Invocation) -> Command:
        folder = invocation.home / ".kimi-code"
        files = {
            folder / "config.toml": self._settings(invocation),
            folder / "mcp.json": json.dumps({"mcpServers": _servers(invocation.mcp)}),
        }
        if invocation.system:
            files[folder / "AGENTS.md"] = invocation.system
        environment = {
            "KIMI_CODE_HOME": str(folder),
            "KIMI_CODE_NO_AUTO_UPDATE": "1",
            "KIMI_DISABLE_TELEMETRY": "1",
            "KIMI_DISABLE_CRON": "1",
            "KIMI_LOOP_MAX_ATTEMPTS_PER_STEP": "3",
        }
        if invocation.turns is not None:
            environment["KIMI_LOOP_MAX_STEPS_PER_TURN"] = str(invocation.turns)
        if invocation.effort:
            environment["KIMI_MODEL_THINKING_EFFORT"] = invocation.effort
        argv = [self.program, "--output-format", "stream-json"]
        if invocation.continues:
            argv += ["--session", invocation.continues]
        return Command((*argv, "--prompt", prompt_argument(invocation)), environment, files)

    def _settings(self, invocation: Invocation) -> str:
        upstream = self.upstream(invocation.model, invocation.base_url)
        assert upstream is not None
        model = (invocation.model or "kimi-for-coding").removeprefix("moonshot/")
        return (
            'default_model = "crewline"\ntelemetry = false\nauto_session_title = false\n'
            f'[providers.crewline]\ntype = "kimi"\nbase_url = {json.dumps(upstream.url)}\n'
            f"api_key_env = {json.dumps(upstream.keys[0])}\n"
            f'[models.crewline]\nprovider = "crewline"\nmodel = {json.dumps(model)}\nmax_context_size = 262144\n'
            'capabilities = ["thinking", "tool_use"]\n'
        )

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)

    def noted(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_cost(line, _Note)

    def ending(self, invocation: Invocation, code: int, errors: str = "") -> tuple[AgentEvent, ...]:
        found = _FAILED.search(errors)
        if code == 0 or found is None:
            return ()
        text = found[1].strip()
        return (AgentError(text=text, trouble=trouble_of(text), capped=_STEPS in text),)


def _servers(mcp: Mapping[str, McpServer]) -> dict[str, JsonValue]:
    """It starts servers with its own environment."""
    return {
        name: {"command": server.words[0], "args": [*server.words[1:]]}
        if server.url is None
        else {"url": server.url, **({"bearerTokenEnvVar": server.token} if server.token else {})}
        for name, server in mcp.items()
    }


class _NotedTokens(BaseModel):
    inputOther: int = 0  # noqa: N815
    inputCacheRead: int = 0  # noqa: N815
    inputCacheCreation: int = 0  # noqa: N815
    output: int = 0


class _Note(Line):
    """One line of what it keeps of a conversation, or of that of an agent below it."""

    type: Literal["usage.record"]
    agentId: str = ""  # noqa: N815
    time: int
    usage: _NotedTokens

    def events(self) -> tuple[AgentEvent, ...]:
        used = self.usage
        read = used.inputOther + used.inputCacheRead + used.inputCacheCreation
        return (
            StepUsage(
                step=f"{self.agentId}#{self.time}",
                input_tokens=read,
                output_tokens=used.output,
                cached_tokens=used.inputCacheRead,
            ),
        )


class _Function(BaseModel):
    name: str = ""
    arguments: str = ""


class _Call(BaseModel):
    function: _Function = _Function()


class _Part(BaseModel):
    text: str = ""


class _Line(Line):
    """A message, or a `meta` line, whose `type` says what it is about."""

    role: str
    type: str = ""
    session_id: str | None = None
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    error_message: str = ""

    def events(self) -> tuple[AgentEvent, ...] | None:
        content = self.content
        text = content if isinstance(content, str) else "".join(part.text for part in content or [])
        match (self.role, self.type):
            case ("assistant", _):
                said: tuple[AgentEvent, ...] = (Message(text=text),) if text else ()
                calls = (call.function for call in self.tool_calls or [])
                return said + tuple(ToolCall(name=call.name, arguments=shown(call.arguments)) for call in calls)
            case ("tool", _):
                return (ToolResult(text=shown(text)),)
            case ("meta", "session.resume_hint") if self.session_id:
                return (Started(conversation=self.session_id),)
            case ("meta", "turn.step.retrying"):
                return (RateLimited(text=self.error_message),)
            case _:
                return None
