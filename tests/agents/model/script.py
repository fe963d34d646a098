"""What the scripted model is asked and what it says, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a program. `text` is all text of the conversation so far, `results` what its tools answered,
    oldest first, `tools` the names of the tools that it offers, `key` the credential that it sent, `system` what it
    says to its model before the conversation."""

    protocol: str
    model: str
    text: str
    results: tuple[str, ...]
    tools: tuple[str, ...]
    key: str | None = None
    system: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """The model's last word."""

    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """The model calls the program's shell tool."""

    command: str


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls a tool that the program offers under the name of `tool`."""

    tool: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The interface answers with an error status. `kind` is its own name for it, where it has one."""

    status: int
    message: str = "scripted refusal"
    kind: str = "api_error"
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class CutOff:
    """The stream ends in the middle of an answer."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The stream begins and then says nothing, until the program goes away or the server is closed."""


Acts = Say | Run | Call
Reply = Acts | Refuse | CutOff | Stall
Script = Callable[[Ask], Reply]

SUMMARY = """All done.

---SESSION_SUMMARY---
status: completed
summary: |
  {text}
---END_SESSION_SUMMARY---
"""


def once(command: str, last: str = SUMMARY.format(text="Did what was asked.")) -> Script:
    """Run `command` and, when its output is there, say `last`."""

    def script(ask: Ask) -> Reply:
        return Say(last) if ask.results else Run(command)

    return script


def always(reply: Reply) -> Script:
    """The same reply to whatever is asked."""
    return lambda ask: reply
