"""What the adapters have in common: what most programs lack, and how a line of JSON is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue, ValidationError

from bot.agents.agent import AgentEvent, Choice, Invocation, Raw, Upstream
from bot.model.budget import Metric
from bot.model.offer import McpServer


@dataclass(frozen=True, kw_only=True)
class Program:
    """The base of the adapters. What holds here is true of a program of which nothing is known; an adapter overrides
    what its program can do."""

    credentials: tuple[str, ...] = ()
    resumes: bool = False
    hosts: tuple[str, ...] = ()
    system_place: str | None = None
    mcp_place: str | None = None

    keeps: tuple[Metric, ...] = ()
    takes: tuple[Choice, ...] = ()
    needs_model: bool = False
    tells_money: bool = False
    notebook: str | None = None

    def noted(self, line: bytes) -> tuple[AgentEvent, ...]:
        return ()

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        return None

    def ending(self, invocation: Invocation, code: int, errors: str = "") -> tuple[AgentEvent, ...]:
        """Its output has said all: the bot itself tells of exit codes other than 0."""
        return ()


def common_form(mcp: Mapping[str, McpServer]) -> dict[str, JsonValue]:
    """The entries of ``mcpServers`` as most programs read them; ``${NAME}`` stands for a variable's value."""
    return {
        name: {"command": server.words[0], "args": [*server.words[1:]]}
        if server.url is None
        else {
            "type": "http",
            "url": server.url,
            "headers": {"Authorization": f"Bearer ${{{server.token}}}"} if server.token else {},
        }
        for name, server in mcp.items()
    }


class Line(BaseModel):
    """One line of a stream of JSON. Unknown fields are ignored: every version brings new ones."""

    def events(self) -> tuple[AgentEvent, ...] | None:
        """What it says; None where the adapter does not know such a line."""
        return None


def read_line(line: bytes, kind: type[Line]) -> tuple[AgentEvent, ...]:
    """The events of one line of a program's output; an unknown one is kept as it is. It never raises."""
    if not line.strip():
        return ()
    try:
        events = kind.model_validate_json(line).events()
    except ValidationError:
        events = None
    return raw(line) if events is None else events


def read_cost(line: bytes, *kinds: type[Line]) -> tuple[AgentEvent, ...]:
    """The events of one line of a program's notebook; those of no such kind say nothing. It never raises."""
    for kind in kinds:
        try:
            return kind.model_validate_json(line).events() or ()
        except ValidationError:
            continue
    return ()


def raw(line: bytes) -> tuple[AgentEvent, ...]:
    return (Raw(text=line.decode(errors="replace").strip()),)
