"""What a session is asked to do, as data alone: another machine could run it.

`Briefing` holds the facts that a prompt template may use. The templates live in ``prompts/``; a repository
can override them, so these names are an interface for people and are kept.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import Field

from bot.model.amendment import Standing
from bot.model.frozen import Frozen
from bot.model.gate import GateCaps
from bot.model.hooks import Hooks
from bot.model.identity import CommitSha, SessionId, TaskKey
from bot.model.plan import PlannedTask
from bot.model.sandbox import NetworkMode
from bot.model.session import Evidence, FailureKind, Finding, Role
from bot.model.worktree import WHOLE, Shape


class AnsweredQuestions(Frozen):
    """What an earlier planner asked, and the answer of a person with write access."""

    questions: tuple[str, ...]
    answer: str


class Setback(Frozen):
    """What went wrong with the attempt before."""

    reason: FailureKind
    detail: str


class SalvagedWork(Frozen):
    """What an earlier attempt had committed and could not publish. `continued` says that the tree begins with it."""

    session: SessionId
    head: CommitSha
    branch: str
    continued: bool


class TaskOutline(Frozen):
    """One line of the objective's plan. `state` is one word for people."""

    key: TaskKey
    title: str
    state: str
    depends_on: tuple[TaskKey, ...]


class DependencyResult(Frozen):
    """What a task that this one builds on has merged."""

    key: TaskKey
    title: str
    summary: str
    commit: CommitSha | None


class Need(Frozen):
    """Why the planner is asked to amend the plan: what an attempt of task `task` lacked. `paths` are the first of those
    that it needs beyond its scope, `more` how many others there are, `said` what came of the attempt."""

    task: TaskKey
    attempt: int
    paths: tuple[str, ...]
    more: int = 0
    said: str = ""
    head: CommitSha | None = None
    """What the attempt had committed, where that was kept."""
    standing: Standing


class PlannersWord(Frozen):
    """What the planner decided about the paths that an earlier attempt needed beyond its scope."""

    granted: bool
    asked: tuple[str, ...]
    reason: str
    hint: str = ""


class PlannerBriefing(Frozen):
    role: Literal[Role.PLANNER] = Role.PLANNER
    title: str
    body: str
    most_tasks: int
    verify_command: str | None
    answered: tuple[AnsweredQuestions, ...] = ()
    setback: Setback | None = None
    hint: str | None = None
    need: Need | None = None
    """Set where a plan is there and is to be amended."""


class WorkerBriefing(Frozen):
    role: Literal[Role.WORKER] = Role.WORKER
    objective_title: str
    objective_body: str
    plan: tuple[TaskOutline, ...]
    task: PlannedTask
    results: tuple[DependencyResult, ...]
    verify_command: str | None
    attempt: int
    setback: Setback | None = None
    salvage: SalvagedWork | None = None
    findings: tuple[Finding, ...] = ()
    planner: PlannersWord | None = None
    hint: str | None = None
    answers: SessionId | None = None
    """The session before, where it ended with a question and `hint` is what people said to that."""


class ReviewerBriefing(Frozen):
    role: Literal[Role.REVIEWER] = Role.REVIEWER
    objective_title: str
    objective_body: str
    task: PlannedTask
    head: CommitSha
    summary: str
    evidence: Evidence | None
    weakened: tuple[str, ...] = ()
    """Which tests were removed or switched off, one sentence each, as the gate counted them."""
    outside: tuple[str, ...] = ()
    """Paths beyond the task's scope that its agent says must change too."""
    round: int
    earlier_findings: tuple[Finding, ...] = ()


class SessionIds(TypedDict):
    """As log lines name a session."""

    repository: str
    objective: int
    task: TaskKey | None
    session: SessionId


Briefing = Annotated[PlannerBriefing | WorkerBriefing | ReviewerBriefing, Field(discriminator="role")]


class Assignment(Frozen):
    """One session, described whole.

    The tree is made from the newest `base_branch`, which must already contain `must_contain`, the merges that
    this task builds on. A worker with `starts_from` continues that commit, with the base merged into it first;
    a conflict is left in the tree for the agent to solve. Where `continues` can be found, the worker continues that
    commit instead: what an earlier session made of `starts_from` and could not publish. A reviewer gets the tree of
    `judges`.
    """

    id: SessionId
    repository: str
    objective: int
    role: Role
    task: TaskKey | None
    agent: str
    model: str | None
    effort: str | None = None
    turns: int | None = None
    """Most answers of its model."""
    usd: float | None = None
    tokens: int | None = None
    """Read and written together; like money, only as far as the agent tells."""
    commits: int | None = None
    stall_seconds: int | None = None
    """The session is ended when it says nothing and commits nothing for so long."""
    follow_ups: int = 0
    """How often the agent is told in the same conversation what is still wrong, if it can go on with one."""
    seconds: int
    """Wall-clock limit of the agent process, all its turns together."""
    base_branch: str
    default_branch: str | None = None
    """Where the repository's own prompts are read from; `base_branch` where it is None."""
    must_contain: tuple[CommitSha, ...] = ()
    starts_from: CommitSha | None = None
    continues: CommitSha | None = None
    judges: CommitSha | None = None
    scope: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    verify_command: str | None = None
    verify_seconds: int = 600
    network: NetworkMode | None = None
    verify_network: NetworkMode | None = None
    """What the repository wishes the agent and the verify command to reach at most."""
    most_tasks: int = 30
    largest_file: int = 1_000_000
    """In bytes; the gate refuses a larger one."""
    gate: GateCaps = GateCaps()
    hooks: Hooks = Hooks()
    worktree: Shape = WHOLE
    briefing: Briefing

    @property
    def ids(self) -> SessionIds:
        return SessionIds(repository=self.repository, objective=self.objective, task=self.task, session=self.id)

    @property
    def template(self) -> str:
        """The name of its prompt: its role, or ``amend`` for a planner that is asked to amend a plan."""
        amends = isinstance(self.briefing, PlannerBriefing) and self.briefing.need is not None
        return "amend" if amends else self.role.value

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of which the newest state is wanted before the session starts."""
        return tuple(sorted({self.base_branch, self.default_branch or self.base_branch}))
