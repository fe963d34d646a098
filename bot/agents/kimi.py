"""Kimi Code CLI in its print mode: ``kimi --print --output-format stream-json``.

Not measured here; its documentation is followed: print mode approves every tool call by itself, and each line of its
output is one message in the form of OpenAI's chat interface. It tells neither tokens nor cost.
https://moonshotai.github.io/kimi-cli/en/customization/print-mode.html
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from bot.agents.agent import AgentEvent, Command, Invocation, Message, ToolCall, ToolResult
from bot.agents.program import Line, Program, read_line
from bot.agents.wording import prompt_argument, shown


@dataclass(frozen=True)
class KimiAgent(Program):
    name: str = "kimi"
    program: str = "kimi"
    credentials: tuple[str, ...] = ("KIMI_API_KEY", "MOONSHOT_API_KEY")
    hosts: tuple[str, ...] = ("api.moonshot.ai", "api.kimi.com")

    def start(self, invocation: Invocation) -> Command:
        argv = [self.program, "--print", "--output-format", "stream-json", "--work-dir", str(invocation.worktree)]
        if invocation.model:
            argv += ["--model", invocation.model]
        environment = {"KIMI_BASE_URL": invocation.base_url} if invocation.base_url else {}
        return Command((*argv, "-p", prompt_argument(invocation)), environment)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return read_line(line, _Line)


class _Function(BaseModel):
    name: str = ""
    arguments: str = ""


class _Call(BaseModel):
    function: _Function = _Function()


class _Part(BaseModel):
    text: str = ""


class _Line(Line):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None

    def events(self) -> tuple[AgentEvent, ...]:
        content = self.content
        text = content if isinstance(content, str) else "".join(part.text for part in content or [])
        if self.role == "tool":
            return (ToolResult(text=shown(text)),)
        if self.role != "assistant":
            return self.kept()
        said: tuple[AgentEvent, ...] = (Message(text=text),) if text else ()
        calls = (call.function for call in self.tool_calls or [])
        return said + tuple(ToolCall(name=call.name, arguments=shown(call.arguments)) for call in calls)
