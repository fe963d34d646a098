"""How much of a repository a session's tree holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from bot.model.frozen import Frozen

Folder = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^/\\*?\[\]!#\n\r\x00][^\\*?\[\]\n\r\x00]*$")]


class Shape(Frozen):
    """What is checked out."""

    sparse: Annotated[
        tuple[Folder, ...],
        Field(
            max_length=200,
            description="Folders that worktrees hold, with the files above them (git's sparse checkout, cone mode); "
            "everything if absent. The verify command has no more than that either.",
        ),
    ] = ()
    submodules: Annotated[
        bool,
        Field(
            description="Check out submodules, theirs too. Only repositories on the same GitHub that the App may read. "
            "Tasks cannot move them."
        ),
    ] = False
    lfs: Annotated[
        bool,
        Field(
            description="Check out files stored with Git LFS instead of their pointers; the server needs `git-lfs`. "
            "Tasks cannot add or change such files."
        ),
    ] = False

    @field_validator("sparse")
    @classmethod
    def _folders_of_the_repository(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        for folder in folders:
            if any(part in ("", ".", "..", ".git") for part in folder.rstrip("/").split("/")):
                raise ValueError(f"{folder!r} is no folder of the repository")
        return tuple(folder.rstrip("/") for folder in folders)


WHOLE = Shape()


def cone(folders: tuple[str, ...]) -> str:
    """The patterns of git's cone mode for these folders and the files above them (git-sparse-checkout(1))."""
    lines = ["/*", "!/*/"]
    seen: set[str] = set()
    for folder in sorted(folders):
        parts = folder.split("/")
        *above, whole = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        if any(path in folders for path in above):
            continue
        for path in above:
            if path not in seen:
                lines += [f"/{path}/", f"!/{path}/*/"]
        lines.append(f"/{whole}/")
        seen |= {*above, whole}
    return "\n".join(lines) + "\n"
