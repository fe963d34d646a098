"""Names of things: repositories, objectives, tasks, sessions, commits."""

from __future__ import annotations

from typing import Annotated, NamedTuple, NewType

from pydantic import StringConstraints

Login = NewType("Login", str)
"""A GitHub login as the REST interface spells it, in any case; a bot's ends in ``[bot]``."""

CommitSha = NewType("CommitSha", str)
"""Forty hexadecimal digits."""

InstanceId = NewType("InstanceId", str)
"""One run of the server: a claim names the instance that made it."""

SessionId = NewType("SessionId", str)
"""``12.planner.1`` or ``12.parser.worker.2``: objective, task, role and ordinal. It is derived from the
ledger, so the compare-and-swap that records a claim also makes the id unique."""

LEDGER_FILE = "ledger.json"
"""The one file in each commit of a ledger."""

TaskKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""The planner's name for a task, unique within one plan. Branches, paths and session ids are made of it."""


class RepositoryName(NamedTuple):
    """``owner/name``. A tuple, like what is made of it: these are compared and looked up more than anything else."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @classmethod
    def parse(cls, full_name: str) -> RepositoryName:
        """Raises ValueError when `full_name` is not ``owner/name``."""
        owner, slash, name = full_name.partition("/")
        if not (owner and slash and name) or "/" in name:
            raise ValueError(f"{full_name!r} is not of the form owner/name")
        return cls(owner, name)


class ObjectiveKey(NamedTuple):
    """What the queue holds: one objective of one repository."""

    repository: RepositoryName
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


def task_branch(objective: int, task: str) -> str:
    """The branch of a task, without ``refs/heads/``. Made of ids, never of titles."""
    return f"crewline/{objective}/{task}"


def salvage_branch(objective: int, task: str, session: SessionId) -> str:
    """The branch of what a session had committed when it ended without publishing, without ``refs/heads/``."""
    return f"crewline/salvage/{objective}/{task}/{session}"


def is_salvage(branch: str) -> bool:
    return branch.startswith("crewline/salvage/")


def ledger_ref(namespace: str, objective: int) -> str:
    """The full ref that holds an objective's ledger; `namespace` is a setting, ``refs/crewline`` by default."""
    return f"{namespace}/objectives/{objective}"
