"""Questions to git whose answers need no process: what a folder's refs are, and what an object holds that was asked
for before, in whatever run: objects are named by what they hold, and the same seed makes the same ones."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.torture.processes import Command, Ended, run

_LIST = ("for-each-ref", "--format=%(objectname) %(refname)")
_RESOLVE = ("rev-parse", "--verify", "--quiet")
_BY_NAME = re.compile(r"^[0-9a-f]{40}$")
_KNOWN: dict[tuple[str, ...], Ended] = {}


def known(command: Command) -> Ended | None:
    """The answer, or None where git has to be asked."""
    arguments = command.arguments[1:]
    if command.folder is None:
        return None
    folder = Path(command.folder)
    if arguments == _LIST and not (folder / "packed-refs").exists():
        return Ended(0, "".join(f"{sha} {ref}\n" for ref, sha in _refs(folder)).encode())
    if arguments[:3] == _RESOLVE and arguments[3].startswith("refs/heads/"):
        return _resolved(folder, arguments[3].removesuffix("^{commit}"))
    if _of_an_object(arguments):
        if arguments not in _KNOWN:
            ended = run(command)
            if ended.exit_code != 0:
                return ended
            _KNOWN[arguments] = ended
        return _KNOWN[arguments]
    return None


@cache
def _of_an_object(arguments: tuple[str, ...]) -> bool:
    """Whether the answer follows from the name of an object alone."""
    match arguments:
        case ("cat-file", "blob", name):
            return bool(_BY_NAME.match(name))
        case ("--literal-pathspecs", "ls-tree", "-z", "-l", name, "--", _):
            return bool(_BY_NAME.match(name))
        case _:
            return False


def _refs(folder: Path) -> list[tuple[str, str]]:
    files = (path for path in (folder / "refs").rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted((path.relative_to(folder).as_posix(), path.read_text().strip()) for path in files)


def _resolved(folder: Path, ref: str) -> Ended | None:
    path = folder / ref
    return Ended(0, path.read_bytes()) if path.is_file() else None
