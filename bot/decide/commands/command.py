"""The shape of a command: what help says about it, and what it does to the situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.decide.situation import Situation
from bot.model.identity import Login
from bot.model.observed import Permission


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
    """Everything about one command: `arguments` as people read them, `text` as help says it, and the least permission
    in the repository that it `needs`. Nothing of it is said a second time elsewhere."""

    name: str
    text: str
    carry_out: Callable[[Situation, Request], Done | Refused]
    arguments: str = ""
    needs: Permission = Permission.WRITE

    @property
    def usage(self) -> str:
        """The grammar as people read it."""
        return f"/{self.name} {self.arguments}".rstrip()
