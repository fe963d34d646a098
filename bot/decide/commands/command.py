"""The shape of a command: what help says about it, and what it does to the situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.decide.commands.grammar import Name
from bot.decide.situation import Situation
from bot.model.identity import Login


@dataclass(frozen=True, slots=True)
class Request:
    """One command by one person. `task` is the key of the task on whose issue or pull request it was written, None
    on the objective itself."""

    by: Login
    task: str | None
    argument: str


@dataclass(frozen=True, slots=True)
class Done:
    """Carried out; `reply` is posted where the command asked for an answer."""

    situation: Situation
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not carried out, for a reason of one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class CommandRule:
    """`usage` is the grammar as people read it; everyone who may use it has write access."""

    name: Name
    usage: str
    text: str
    carry_out: Callable[[Situation, Request], Done | Refused]
