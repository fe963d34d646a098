"""Any program as an agent, from a command template: ``my-agent --prompt {prompt_file} --dir {worktree}``.

The template is split into words once, as a shell would; the values are put into the words afterwards, so that
blanks and quotes in them mean nothing. Every line of standard output is a message.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

from bot.agents.agent import AgentEvent, Command, Invocation, Message, Upstream
from bot.agents.program import Program, common_form

PLACEHOLDERS = ("prompt_file", "worktree", "answer_file", "session_id", "model", "base_url", "system_file", "mcp_file")


class BadTemplate(ValueError):
    """The command template cannot be used; the text says why."""


@dataclass(frozen=True)
class CommandAgent(Program):
    """Raises BadTemplate for an empty or unbalanced template or an unknown placeholder."""

    name: str
    template: str
    environment: Mapping[str, str] = field(default_factory=dict)
    base_url_variable: str | None = None
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        words = _split(self.template)
        object.__setattr__(self, "words", words)
        for name, place in (("system_place", "{system_file}"), ("mcp_place", "{mcp_file}")):
            object.__setattr__(self, name, f"`{place}`" if any(place in word for word in words) else None)
        object.__setattr__(self, "takes", ("model",) if any("{model}" in word for word in words) else ())

    @property
    def program(self) -> str:
        return self.words[0]

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        told = self.base_url_variable or any("{base_url}" in word for word in self.words)
        return Upstream(base_url, self.credentials) if base_url and told else None

    def start(self, invocation: Invocation) -> Command:
        system, servers = invocation.home / "system.md", invocation.home / "mcp.json"
        values = {
            "base_url": invocation.base_url or "",
            "system_file": str(system),
            "mcp_file": str(servers),
            "prompt_file": str(invocation.prompt_file),
            "worktree": str(invocation.worktree),
            "answer_file": str(invocation.answer_file),
            "session_id": invocation.session_id,
            "model": invocation.model or "",
        }
        environment = dict(self.environment)
        if self.base_url_variable and invocation.base_url:
            environment[self.base_url_variable] = invocation.base_url
        files = {
            **({system: invocation.system or ""} if self.system_place else {}),
            **({servers: json.dumps({"mcpServers": common_form(invocation.mcp)})} if self.mcp_place else {}),
        }
        return Command(tuple(word.format_map(values) for word in self.words), environment, files)

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        return (Message(text=line.decode(errors="replace").rstrip("\r\n")),)


def _split(template: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(template))
        fields = [part for word in words for part in Formatter().parse(word)]
    except ValueError as error:
        raise BadTemplate(f"the agent command {template!r} cannot be read: {error}") from None
    if not words:
        raise BadTemplate("the agent command is empty")
    for _, name, form, conversion in fields:
        if name is None:
            continue
        if name not in PLACEHOLDERS or form or conversion:
            known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
            raise BadTemplate(f"the agent command has {{{name}}}; it may have {known} (write {{{{ for a brace)")
    if "{" in words[0]:
        raise BadTemplate(f"the agent command must begin with a program, not with {words[0]!r}")
    return words
