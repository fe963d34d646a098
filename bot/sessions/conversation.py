"""The conversation of a worker's agent that asked people something, as it is kept until they have answered.

Who says `blocked` asks a question, and the answer is to be the next turn of the same conversation. The session that
brings it is another one all the same, with a claim, a budget and a record of its own. So what it takes over must be
what it would be told anew: the same agent with the same model, the same task, paths and rules. Where anything of
that has changed meanwhile, the conversation knows the wrong thing, and the session begins with the whole prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bot.model.assignment import Assignment, WorkerBriefing
from bot.model.frozen import Frozen
from bot.model.identity import CommitSha
from bot.model.session import Spend

_SAME = ("repository", "objective", "role", "task", "agent", "model", "base_branch", "scope", "protected")
_SAME_TOO = ("verify_command", "largest_file", "worktree")
_KNOWN = ("objective_title", "objective_body", "task", "results", "verify_command", "findings", "planner")


class Told(Frozen):
    """What a conversation has cost in all, as far as its program tells of whole conversations."""

    usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @classmethod
    def of(cls, spend: Spend) -> Self:
        return cls(usd=spend.usd, input_tokens=spend.input_tokens, output_tokens=spend.output_tokens)

    def not_in(self, spend: Spend) -> Spend:
        """`spend` without this, where it is of the same whole. A smaller amount cannot be, and counts as it is."""
        return spend.model_copy(
            update={
                "usd": _without(spend.usd, self.usd),
                "input_tokens": _without(spend.input_tokens, self.input_tokens),
                "output_tokens": _without(spend.output_tokens, self.output_tokens),
            }
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the session of `assignment` left to the one that brings the answer. `name` is its program's name for it,
    `system` the standing rules that it knows, `head` the commit that its tree must have to go on in."""

    assignment: Assignment
    name: str
    head: CommitSha
    system: str | None
    told: Told

    def is_answered_by(self, assignment: Assignment) -> bool:
        """Whether a session with this assignment brings the answer, and would be told nothing else that is new."""
        former, briefing = self.assignment.briefing, assignment.briefing
        if not isinstance(former, WorkerBriefing) or not isinstance(briefing, WorkerBriefing):
            return False
        return (
            briefing.answers == self.assignment.id
            and bool(briefing.hint)
            and briefing.setback in (None, former.setback)
            and all(getattr(briefing, name) == getattr(former, name) for name in _KNOWN)
            and all(getattr(assignment, name) == getattr(self.assignment, name) for name in (*_SAME, *_SAME_TOO))
        )


def _without(amount: float | None, told: float | None) -> float | None:
    return amount if amount is None or told is None or amount < told else amount - told
