"""The bounds of the gate, as a repository sets them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.model.frozen import Frozen


class GateCaps(Frozen):
    """What one task may change at most, over the net difference of its branch."""

    files: Annotated[int, Field(ge=1, description="Most files that a task may change.")] = 300
    deletions: Annotated[int, Field(ge=0, description="Most files that a task may delete.")] = 50
    binaries: Annotated[int, Field(ge=0, description="Most binary files that a task may add or change.")] = 20
    kilobytes: Annotated[int, Field(ge=1, description="Most kilobytes that the changed files may have together.")] = (
        5000
    )
    lock_files: Annotated[
        bool, Field(description="Whether lock files (`uv.lock`, `package-lock.json`, …) may change.")
    ] = True
