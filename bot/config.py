"""The settings of a repository: ``.github/crewline.yml`` on its default branch.

Each setting's type, default and text stand here and nowhere else; the table in the docs is generated from this
model, and `bot/github/configuration.py` turns a file into it with errors that name the line.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bot.model.budget import Caps
from bot.model.frozen import Frozen
from bot.model.gate import GateCaps
from bot.model.hooks import Hooks
from bot.model.sandbox import NetworkMode
from bot.model.session import Role
from bot.model.worktree import Shape

CONFIG_FILE = ".github/crewline.yml"
MISSPELT = ".github/crewline.yaml"
"""What people write instead. It is not read, and they are told."""
PROTECTED = (".github/workflows/**", CONFIG_FILE, ".github/crewline/**", "**/CODEOWNERS")
"""Paths that no setting opens: a push that changes a workflow needs a permission that the App does not ask for,
and an agent that edits its own rules has none."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


AgentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(:\S+)?$", max_length=200)]
"""``name`` or ``name:model``."""


class RoleConfig(Frozen):
    """Who plays a role."""

    agent: Annotated[
        tuple[AgentName, ...],
        BeforeValidator(_listed),
        Field(
            max_length=10,
            description="The agent's name, or several in a list: the next one takes over while the model of the one "
            "before cannot be had. `name:model` names its model. The server's default if absent.",
        ),
    ] = ()
    model: Annotated[
        str | None, Field(description="The model, where the agent lets one choose and its name does not say one.")
    ] = None
    effort: Annotated[
        str | None, Field(description="How hard the model shall think, in the agent's own words (`low`, `high`, …).")
    ] = None
    turns: Annotated[int | None, Field(ge=1, description="Most turns (answers of the model) of one session.")] = None
    minutes: Annotated[int, Field(ge=1, le=600, description="Wall-clock limit of one session.")] = 30
    network: Annotated[
        NetworkMode | None,
        Field(
            description="What its agent reaches at most: `none`, `model-only` or `open`. It can be less than what the "
            "server's settings leave it, never more. Less than `open` needs a sandbox on the server."
        ),
    ] = None


class Roles(Frozen):
    planner: RoleConfig = RoleConfig()
    worker: RoleConfig = RoleConfig()
    reviewer: RoleConfig = RoleConfig(minutes=15)


class VerifyConfig(Frozen):
    """How a commit proves itself."""

    command: Annotated[
        str | None,
        Field(description="A shell command, run by Crewline in a clean checkout of the head commit; 0 is a pass."),
    ] = None
    minutes: Annotated[int, Field(ge=1, le=240, description="Wall-clock limit of the verify command.")] = 10
    network: Annotated[
        NetworkMode | None, Field(description="What it reaches at most, as with a role: `none`, for instance.")
    ] = None


class Limits(Frozen):
    """The bounds of every loop. At a bound a person is asked."""

    tasks: Annotated[int, Field(ge=1, le=90, description="Most tasks in one plan.")] = 20
    parallel: Annotated[int, Field(ge=1, le=64, description="Most sessions of one objective at once.")] = 6
    attempts: Annotated[int, Field(ge=1, le=10, description="Failed attempts of a task before a person is asked.")] = 3
    review_rounds: Annotated[
        int, Field(ge=1, le=10, description="Reviews that ask for changes before a person is asked.")
    ] = 3
    conflicts: Annotated[int, Field(ge=1, le=10, description="Merge conflicts of a task before a person is asked.")] = 3
    questions: Annotated[int, Field(ge=1, le=10, description="Rounds of questions the planner may ask.")] = 3
    amendments: Annotated[
        int,
        Field(
            ge=0,
            le=20,
            description="How often the planner is asked in all to amend the plan of an objective, because a task needs "
            "paths beyond its scope. After that, a person is asked.",
        ),
    ] = 5
    backoff_seconds: Annotated[
        int,
        Field(ge=0, le=300, description="Wait before the second attempt; doubled for each further one, at most 300."),
    ] = 10
    follow_ups: Annotated[
        int,
        Field(
            ge=0,
            le=10,
            description="How often an agent is told, in the same conversation, what is still wrong before its attempt "
            "counts as failed. For agents that can go on with a conversation.",
        ),
    ] = 2
    stall_minutes: Annotated[
        int, Field(ge=1, le=600, description="A session is ended that says nothing and commits nothing for so long.")
    ] = 15
    largest_file_kilobytes: Annotated[int, Field(ge=1, description="The gate refuses a larger file.")] = 1000


class BudgetCaps(Frozen):
    """The most that may be spent; without a number, nothing bounds it."""

    usd: Annotated[
        float | None,
        Field(gt=0, description="US dollars, as the agent tells them; else by the list price of its model, if known."),
    ] = None
    tokens: Annotated[int | None, Field(ge=1, description="Tokens read and written, as far as the agent tells.")] = None
    turns: Annotated[int | None, Field(ge=1, description="Answers of the model.")] = None
    commits: Annotated[int | None, Field(ge=1, description="Commits.")] = None
    minutes: Annotated[int | None, Field(ge=1, description="Wall time of the agents together.")] = None

    def caps(self) -> Caps:
        seconds = self.minutes * 60 if self.minutes is not None else None
        return Caps(usd=self.usd, tokens=self.tokens, turns=self.turns, commits=self.commits, seconds=seconds)


class BudgetConfig(Frozen):
    """How much may be spent. A session is warned at 80 % and ended at 100 %; where a task or an objective has spent
    all, a person is asked; where the day has, everything waits until midnight UTC."""

    session: Annotated[BudgetCaps, Field(description="By one session.")] = BudgetCaps()
    task: Annotated[BudgetCaps, Field(description="By all sessions of one task.")] = BudgetCaps()
    objective: Annotated[BudgetCaps, Field(description="By all sessions of one objective.")] = BudgetCaps()
    day: Annotated[BudgetCaps, Field(description="By all sessions in the repository that end on one day (UTC).")] = (
        BudgetCaps()
    )


class ScopeConfig(Frozen):
    """How far a task may go beyond the paths that its plan gave it."""

    may_widen: Annotated[
        tuple[str, ...],
        Field(
            description="Globs of paths that a task is granted by itself when its agent needs them and no task that is "
            "under way may change them. `**` grants any path that is not protected."
        ),
    ] = ()


class MergeConfig(Frozen):
    method: Annotated[Literal["squash", "merge", "rebase"], Field(description="How pull requests are merged.")] = (
        "squash"
    )
    wait_for_checks: Annotated[
        bool, Field(description="Wait for every check of others on the head commit, also those that are not required.")
    ] = True


class RepositoryConfig(Frozen):
    """``.github/crewline.yml``."""

    label: Annotated[str, Field(min_length=1, max_length=50, description="The label that hands an issue off.")] = (
        "crewline"
    )
    needs_human_label: Annotated[
        str, Field(min_length=1, max_length=50, description="Set on an objective while a person is asked.")
    ] = "crewline:needs-human"
    base_branch: Annotated[
        str | None, Field(description="Where pull requests go; the repository's default branch if absent.")
    ] = None
    protected: Annotated[
        tuple[str, ...], Field(description="Globs that no task may change, besides those that are always protected.")
    ] = ()
    roles: Annotated[Roles, Field(description="Who plays which role.")] = Roles()
    verify: Annotated[VerifyConfig, Field(description="How a commit proves itself.")] = VerifyConfig()
    limits: Annotated[Limits, Field(description="The bounds of every loop.")] = Limits()
    budget: Annotated[BudgetConfig, Field(description="How much may be spent.")] = BudgetConfig()
    scope: Annotated[ScopeConfig, Field(description="How far a task may go beyond its plan.")] = ScopeConfig()
    gate: Annotated[GateCaps, Field(description="What one task may change at most.")] = GateCaps()
    worktree: Annotated[Shape, Field(description="What is checked out.")] = Shape()
    hooks: Annotated[Hooks, Field(description="Commands around sessions.")] = Hooks()
    merge: Annotated[MergeConfig, Field(description="How pull requests are merged.")] = MergeConfig()

    def role(self, role: Role) -> RoleConfig:
        return {
            Role.PLANNER: self.roles.planner,
            Role.WORKER: self.roles.worker,
            Role.REVIEWER: self.roles.reviewer,
        }[role]

    def protected_globs(self) -> tuple[str, ...]:
        return PROTECTED + self.protected
