"""One run of one agent process: its role, what it is asked, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from bot.model.amendment import Amendment, Refusal
from bot.model.budget import Caps, Metric
from bot.model.frozen import Frozen
from bot.model.identity import CommitSha, InstanceId, SessionId, TaskKey
from bot.model.plan import PlainAnswer, Plan, Questions, Text


class Role(StrEnum):
    """What a session is for."""

    PLANNER = "planner"
    WORKER = "worker"
    REVIEWER = "reviewer"


class Spend(Frozen):
    """What a session cost. `seconds` is wall time of the agent; `usd` and tokens only as far as the agent tells.
    `reckoned_usd` is what tokens cost by list prices, where the agent tells no money. `turns` are answers of its model
    and `commits` what it made, as far as they were seen."""

    seconds: float = 0.0
    usd: float | None = None
    reckoned_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int = 0
    commits: int = 0
    tool_calls: int = 0

    @property
    def money(self) -> float | None:
        """US dollars, told and reckoned; None where neither is known."""
        if self.usd is None:
            return self.reckoned_usd
        return self.usd + (self.reckoned_usd or 0.0)

    def of(self) -> Mapping[Metric, float]:
        tokens = (self.input_tokens or 0) + (self.output_tokens or 0)
        values = (self.money or 0.0, float(tokens), float(self.turns), float(self.commits), self.seconds)
        return dict(zip(Metric, values, strict=True))


class Evidence(Frozen):
    """The verify command as Crewline ran it: never claimed by an agent. `tail` is the end of its output."""

    command: str
    exit_code: int
    head: CommitSha
    seconds: float
    tail: str = ""

    @property
    def passed(self) -> bool:
        return self.exit_code == 0


class Summary(Frozen):
    """What the agent says of its own work, from the last block between the summary marks. Never evidence."""

    status: Literal["completed", "partial", "blocked"]
    summary: str
    needs_follow_up: bool = False
    follow_up_notes: str = ""
    out_of_scope_changes_needed: tuple[str, ...] = ()


class Finding(Frozen):
    """One remark of the reviewer. `line` is a line of the file as it stands at the head commit, from 1."""

    path: str | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    severity: Literal["blocking", "suggestion"] = "blocking"
    message: Text


class Verdict(Frozen):
    """What the reviewer decided about one head commit."""

    decision: Literal["approve", "request_changes"]
    summary: Text
    findings: Annotated[tuple[Finding, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _a_refusal_says_why(self) -> Verdict:
        if self.decision == "request_changes" and not any(f.severity == "blocking" for f in self.findings):
            raise ValueError("request_changes needs at least one finding of severity 'blocking'")
        return self


VERDICT: TypeAdapter[Verdict] = TypeAdapter(Verdict)


class FailureKind(StrEnum):
    """Why an attempt failed. Each counts against the bound of attempts."""

    NO_COMMITS = "no commits"
    GATE = "refused at the gate"
    VERIFY = "verify failed"
    TIMEOUT = "time limit"
    BUDGET = "budget spent"
    STALLED = "stalled"
    AGENT = "agent failed"
    BAD_ANSWER = "unusable answer"
    PARTIAL = "left unfinished"
    CHECKS = "checks failed"
    CONFLICT = "merge conflict"
    HOOK = "hook failed"


LOST = "the server that ran it stopped"
"""Why a session is void that nobody can report on."""


class Salvage(Frozen):
    """What a worker had committed when its session ended without publishing: judged by the gate, not verified.

    `head` is its last commit in the bot's form; None where the commits may not leave, and `refusal` says why.
    """

    head: CommitSha | None = None
    refusal: str | None = None


class Failed(Frozen):
    """The session achieved nothing that can be used. `detail` is for people and for the next attempt's prompt:
    the failing command and the tail of its output, the refused paths and their cure, the bad answer's error."""

    kind: Literal["failed"] = "failed"
    reason: FailureKind
    detail: str
    evidence: Evidence | None = None
    salvage: Salvage | None = None
    outside: tuple[str, ...] = ()
    """Paths beyond the task's scope without which it could not be done: all that the gate refused, or what the agent
    asked for."""


class Published(Frozen):
    """A worker's commits passed the gate and the verify command; branch and record are pushed together."""

    kind: Literal["published"] = "published"
    head: CommitSha
    base: CommitSha
    evidence: Evidence | None
    summary: Summary | None
    weakened: tuple[str, ...] = ()
    """Which tests were removed or switched off, one sentence each."""
    made_in: str = ""
    """What the agent ran in, and what it was kept from there, in a few words."""


class Judged(Frozen):
    """A reviewer's verdict on `head`. `evidence` is there when this session had to verify the head first."""

    kind: Literal["judged"] = "judged"
    head: CommitSha
    verdict: Verdict
    evidence: Evidence | None = None


class Planned(Frozen):
    """A planner's answer."""

    kind: Literal["planned"] = "planned"
    answer: Annotated[Plan | Questions | PlainAnswer | Amendment | Refusal, Field(discriminator="kind")]


class Blocked(Frozen):
    """The agent says that it cannot go on without a person."""

    kind: Literal["blocked"] = "blocked"
    question: str
    salvage: Salvage | None = None


class Trouble(StrEnum):
    """The model was not to be had. Another agent, or a later time, may do better."""

    RATE_LIMITED = "rate limited"
    OVERLOADED = "overloaded"
    NO_CREDIT = "out of credit"
    NOT_LOGGED_IN = "not logged in"
    UNREACHABLE = "unreachable"


class Void(Frozen):
    """Ended by us or with the server, through no fault of the agent: counts against nothing. `trouble` is set where
    the provider of the agent's model is to blame."""

    kind: Literal["void"] = "void"
    reason: str
    trouble: Trouble | None = None
    salvage: Salvage | None = None


Outcome = Annotated[Failed | Published | Judged | Planned | Blocked | Void, Field(discriminator="kind")]


class SessionReport(Frozen):
    """How a session ended, as the engine hands it over. Until it is harvested it lives in memory only."""

    id: SessionId
    outcome: Outcome
    spend: Spend
    prompt: str | None = None
    """The SHA-256 of its first prompt, where there was one."""
    said: str = ""
    """The end of what its agent said to people, masked."""


def salvage_of(outcome: Outcome | None) -> Salvage | None:
    """What was salvaged of a session that ended like this."""
    return outcome.salvage if isinstance(outcome, Failed | Blocked | Void) else None


class Cause(StrEnum):
    """Why a session was started; causes are bounded apart."""

    FIRST = "first"
    FAILURE = "failure"
    REVIEW = "review"
    CONFLICT = "conflict"
    CHECKS = "checks"


class SessionRecord(Frozen):
    """A session in the ledger: a claim while `outcome` is None."""

    id: SessionId
    role: Role
    task: TaskKey | None
    holder: InstanceId
    claimed_at: datetime
    agent: str = ""
    """Who plays it: ``name`` or ``name:model``. Empty in ledgers of before this was recorded."""
    cause: Cause = Cause.FIRST
    judges: CommitSha | None = None
    """For a reviewer: the head commit that it judges."""
    starts_from: CommitSha | None = None
    """For a worker: the head of the task's branch that it continues, None where it starts fresh."""
    continues: CommitSha | None = None
    """For a worker: what an earlier session of the task had committed on top of `starts_from` and could not publish."""
    amends: SessionId | None = None
    """For a planner that is asked to amend the plan: the session whose needs are the reason."""
    granted: Caps = Caps()
    """What it may spend."""
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    spend: Spend = Spend()
    prompt: str | None = None
    """The SHA-256 of its first prompt, in hexadecimal; the prompt stands in its transcript."""
    said: str = ""
    """The end of what its agent said to people; never evidence."""


def last_counting(sessions: Sequence[SessionRecord]) -> SessionRecord | None:
    """The newest session that ended and says something about the work: what a void one would have said, nobody
    knows."""
    return next((s for s in reversed(sessions) if s.outcome is not None and not isinstance(s.outcome, Void)), None)


SESSION_REPORT: TypeAdapter[SessionReport] = TypeAdapter(SessionReport)
