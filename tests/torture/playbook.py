"""What agents do, by the title of the objective and by what they are told; never by which session it is, for a
session that was lost is followed by another that is told the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.model.amendment import Amendment, Ordering, Widening
from bot.model.assignment import PlannerBriefing, ReviewerBriefing, WorkerBriefing
from bot.model.plan import PlainAnswer, Plan, PlannedTask, Questions
from bot.model.session import FailureKind, Finding, Verdict

BROKEN = "broken"
"""A file with this word in it does not pass the verify command."""


EXTRA = "extra.txt"
"""What a task lacks that lacks something."""


@dataclass(frozen=True, slots=True)
class Play:
    """`broken` are the tasks whose first attempt fails the verify command, `sent_back` those whose first review asks
    for changes, `stubborn` those that never pass, `lacks` those that need
    `EXTRA` and a task before them, `asks` what the planner wants to know first."""

    plan: Plan | PlainAnswer
    broken: frozenset[str] = frozenset()
    sent_back: frozenset[str] = frozenset()
    stubborn: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    asks: str | None = None

    def answer(self, briefing: PlannerBriefing) -> Plan | Questions | PlainAnswer | Amendment:
        if briefing.need is not None:
            return _amendment(briefing.need.task)
        if self.asks is not None and not briefing.answered:
            return Questions(questions=(self.asks,))
        return self.plan

    def lacking(self, briefing: WorkerBriefing) -> bool:
        """Whether the worker cannot do its task within its paths."""
        return briefing.task.key in self.lacks and EXTRA not in briefing.task.scope

    def text(self, briefing: WorkerBriefing) -> str:
        """What the worker writes into its file."""
        key, setback = briefing.task.key, briefing.setback
        lines = [briefing.task.title, *(f"Mended: {finding.message}" for finding in briefing.findings)]
        if briefing.hint:
            lines.append(f"Hint: {briefing.hint}")
        passed_before = bool(briefing.findings) or (setback is not None and setback.reason is not FailureKind.VERIFY)
        fails_first = key in self.broken and setback is None and not passed_before
        fails_always = key in self.stubborn and briefing.hint is None
        return "\n".join([*lines, *([BROKEN] if fails_first or fails_always else [])]) + "\n"

    def verdict(self, briefing: ReviewerBriefing) -> Verdict:
        key = briefing.task.key
        if key in self.sent_back and not briefing.earlier_findings:
            findings = (
                Finding(path=file_of(key), line=1, message="Say it more plainly."),
                Finding(message="Mind the tone.", severity="suggestion"),
            )
            return Verdict(decision="request_changes", summary="Not yet.", findings=findings)
        return Verdict(decision="approve", summary="Good.")


def _amendment(key: str) -> Amendment:
    return Amendment(
        reason=f"What {key} lacks comes first.",
        widen=(Widening(task=key, paths=(EXTRA,)),),
        add=(planned(f"before-{key}"),),
        order=(Ordering(task=key, depends_on=(f"before-{key}",)),),
    )


def file_of(key: str) -> str:
    return f"{key}.txt"


def planned(key: str, *depends_on: str, scope: tuple[str, ...] = ()) -> PlannedTask:
    return PlannedTask(
        key=key,
        title=f"Do {key}",
        description=f"Write {file_of(key)}.",
        scope=scope or (file_of(key),),
        depends_on=depends_on,
    )


def plan(*tasks: PlannedTask) -> Plan:
    return Plan(summary="Step by step.", tasks=tasks)


@dataclass(frozen=True, slots=True)
class Playbook:
    """The plays by the title of the objective."""

    plays: Mapping[str, Play] = field(default_factory=dict)

    def play(self, title: str) -> Play:
        return self.plays[title]
