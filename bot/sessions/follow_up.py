"""Telling an agent what is still wrong, in the same conversation, before its attempt counts as failed.

It costs a fraction of another attempt: the agent still knows what it read and did. What is told can be checked: the
verify command, the gate, commits that are missing, changes that are not committed, the summary. Whether the criteria
are met, a reviewer judges.

What was good stays good: where a turn had made commits that passed the gate and the verify command, and only its
summary was missing or files were left behind, a later turn that comes to nothing does not undo that.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.scope import allows
from bot.model.session import Failed, FailureKind, Outcome, Published, Void
from bot.sessions.harvest import uncommitted
from bot.sessions.prompt import Surroundings, override, render_follow_up
from bot.sessions.turn import Stage, notice_file

TOLD = (FailureKind.VERIFY, FailureKind.GATE, FailureKind.NO_COMMITS, FailureKind.PARTIAL)
_LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a turn's work. `left` are paths of the task that are not committed."""

    reason: FailureKind | None
    detail: str = ""
    left: tuple[str, ...] = ()
    no_summary: bool = False

    @property
    def name(self) -> str:
        """For the transcript and the log."""
        return self.reason.value if self.reason else "nearly done"


async def complaint_about(stage: Stage, outcome: Outcome, told: tuple[str, ...]) -> Complaint | None:
    """What the agent is to be told about a turn that came to this, if anything. Of files in `told` it was told
    before. An agent that needs paths beyond its scope is not told to do without."""
    if isinstance(outcome, Failed) and outcome.reason in TOLD:
        asks = outcome.reason is not FailureKind.GATE and outcome.outside
        return None if asks else Complaint(outcome.reason, outcome.detail)
    if not isinstance(outcome, Published):
        return None
    paths = await uncommitted(stage.mirror, stage.place, outcome.head)
    left = tuple(path for path in paths if _belongs(stage, path) and path not in told)
    if left or outcome.summary is None:
        return Complaint(None, "", left, outcome.summary is None)
    return None


async def follow_up(stage: Stage, complaint: Complaint, number: int) -> str:
    """The prompt of turn `number`. Raises PromptFailed."""
    stage.transcript.note("follow-up", complaint.name)
    branch = stage.assignment.default_branch or stage.assignment.base_branch
    template = await override(stage.mirror, branch, "follow_up")
    answer_file = stage.answer_file(number)
    around = Surroundings(
        answer_file=answer_file, base=stage.place.base, budget=stage.left(), notice_file=notice_file(answer_file)
    )
    reason = complaint.reason.value if complaint.reason else ""
    values = {
        "reason": reason,
        "detail": complaint.detail,
        "left": complaint.left,
        "no_summary": complaint.no_summary,
    }
    return render_follow_up(stage.assignment, around, values, template)


def better(first: Outcome, later: Outcome) -> Outcome:
    """What a session came to whose turns came to these. Where the later one was cut off, the first says more, but for
    two cases: it had nothing to show, or the model was not to be had, which counts as nobody's failure."""
    if isinstance(later, Void) or (isinstance(later, Failed) and later.reason not in TOLD):
        return _cut_off(first, later)
    spoiled = isinstance(later, Failed) and later.reason is not FailureKind.PARTIAL
    return first if isinstance(first, Published) and spoiled else later


def _cut_off(first: Outcome, later: Failed | Void) -> Outcome:
    """`later` is how a turn was cut off that was to mend `first`."""
    if not isinstance(first, Failed):
        return first
    before = f"The turn before it: {first.reason.value}. {first.detail}"
    if isinstance(later, Void):
        return later.model_copy(update={"reason": f"{later.reason}\n{before}"[:2000]})
    if first.reason is FailureKind.NO_COMMITS:
        outside = later.outside or first.outside
        return later.model_copy(update={"detail": f"{later.detail}\n{before}"[:_LONGEST], "outside": outside})
    after = f"A later turn, which was to mend this, was cut off: {later.reason.value}. {later.detail}"
    return first.model_copy(update={"detail": f"{first.detail}\n{after}"[:_LONGEST]})


def _belongs(stage: Stage, path: str) -> bool:
    """Whether an uncommitted path (of a folder, with a slash at its end) can be part of the work."""
    return allows(stage.assignment.scope, f"{path}_" if path.endswith("/") else path)
