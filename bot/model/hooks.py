"""Commands of a repository around its sessions, as its configuration sets them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.model.frozen import Frozen


class Moment(StrEnum):
    """When a hook runs."""

    AFTER_CREATE = "after_create"
    BEFORE_RUN = "before_run"
    AFTER_RUN = "after_run"
    BEFORE_REMOVE = "before_remove"


class Hooks(Frozen):
    """Shell commands that run in a session's tree, in the sandbox, with what the agent is given but its credentials.
    `minutes` is the limit of each."""

    after_create: Annotated[
        str | None,
        Field(
            description="A shell command for a new worktree, run in it and in the sandbox before the agent, without "
            "credentials: it fetches what the work needs. Where it fails, so does the session. `$CREWLINE_ROLE` says "
            "whose it is (`planner`, `worker`, `reviewer`); what a hook prints stands in the transcript."
        ),
    ] = None
    before_run: Annotated[
        str | None,
        Field(description="The same before each session, also in a worktree that an earlier one left."),
    ] = None
    after_run: Annotated[
        str | None,
        Field(description="After each session, however it ended. That it fails changes nothing."),
    ] = None
    before_remove: Annotated[
        str | None, Field(description="Before a worktree is removed. That it fails changes nothing.")
    ] = None
    minutes: Annotated[int, Field(ge=1, le=120, description="Wall-clock limit of each hook.")] = 5

    def command(self, moment: Moment) -> str | None:
        match moment:
            case Moment.AFTER_CREATE:
                return self.after_create
            case Moment.BEFORE_RUN:
                return self.before_run
            case Moment.AFTER_RUN:
                return self.after_run
            case Moment.BEFORE_REMOVE:
                return self.before_remove
