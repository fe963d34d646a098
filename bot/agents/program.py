"""What the adapters have in common: what most programs lack, and how a line of JSON is read."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from bot.agents.agent import AgentEvent, Invocation, Raw


@dataclass(frozen=True, kw_only=True)
class Program:
    """The base of the adapters. What holds here is true of a program of which nothing is known; an adapter overrides
    what its program can do."""

    credentials: tuple[str, ...] = ()
    resumes: bool = False
    hosts: tuple[str, ...] = ()
    model_url: str | None = None

    def ending(self, invocation: Invocation, code: int) -> tuple[AgentEvent, ...]:
        """Its output has said all: the bot itself tells of exit codes other than 0."""
        return ()


class Line(BaseModel):
    """One line of a stream of JSON. Unknown fields are ignored: every version brings new ones."""

    def events(self) -> tuple[AgentEvent, ...]:
        """What it says; a line that an adapter knows nothing of is kept."""
        return self.kept()

    def kept(self) -> tuple[AgentEvent, ...]:
        return (Raw(text=self.model_dump_json(exclude_defaults=True)),)


def read_line(line: bytes, kind: type[Line]) -> tuple[AgentEvent, ...]:
    """The events of one line of a program's output; one that is not of that kind is kept as it is. It never raises."""
    if not line.strip():
        return ()
    try:
        return kind.model_validate_json(line).events()
    except ValidationError:
        return raw(line)


def raw(line: bytes) -> tuple[AgentEvent, ...]:
    return (Raw(text=line.decode(errors="replace").strip()),)
