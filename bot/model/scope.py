"""Which paths a task may change, as globs, and whether two scopes can meet.

``*`` and ``?`` stay within one path segment, ``**`` spans any number of segments (none included). A glob
that names a folder, with or without a closing slash, means everything below it: ``src/shop`` allows
``src/shop/cart.py``.

Two scopes overlap when some path could belong to both. That is decided on the globs alone, so files that do
not exist yet count as well; a rare false alarm costs waiting, a miss would cost a merge conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

Scope = tuple[str, ...]
_OTHER = "\x01"


def problem_with(glob: str) -> str | None:
    """Why `glob` cannot be a scope, in words for people, or None."""
    if not glob or glob != glob.strip():
        return f"{glob!r} is empty or has blanks around it"
    if glob.startswith("/") or "\\" in glob or "\0" in glob:
        return f"{glob!r} is not relative to the repository"
    if any(segment in {"..", ".", ".git"} for segment in glob.rstrip("/").split("/")):
        return f"{glob!r} leaves the repository or names its .git"
    return None


def allows(scope: Iterable[str], path: str) -> bool:
    """Whether `path` (relative, with forward slashes) lies in `scope`."""
    segments = tuple(path.split("/"))
    return any(_meet(_segments(glob), segments) for glob in scope)


def covers(scope: Iterable[str], glob: str) -> bool:
    """Whether every path of `glob` lies in `scope`. Shown by examples, a short and a long one of what each wildcard may
    stand for: whoever wants to be told wrong can be, with a scope that counts letters or folders."""
    globs, path = tuple(scope), glob.rstrip("/")
    if not set(path) & set("*?"):
        return allows(globs, path)
    return all(allows(globs, _example(path, letters, folders)) for letters in (0, 9) for folders in (0, 1, 9))


def overlap(left: Iterable[str], right: Iterable[str]) -> bool:
    """Whether some path could lie in both scopes."""
    rights = [_segments(glob) for glob in right]
    return any(_meet(_segments(glob), other) for glob in left for other in rights)


def _example(glob: str, letters: int, folders: int) -> str:
    """A path of `glob`, made of a letter that no glob names."""
    parts: list[str] = []
    for segment in glob.split("/"):
        example = segment.replace("?", _OTHER).replace("*", _OTHER * letters)
        parts += [_OTHER] * folders if segment == "**" else [example or _OTHER]
    return "/".join(parts) or _OTHER


def _segments(glob: str) -> tuple[str, ...]:
    parts = tuple(part for part in glob.split("/") if part)
    return parts if parts and parts[-1] == "**" else (*parts, "**")


@lru_cache(maxsize=65536)
def _meet(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether two lists of segment globs have a path in common."""
    if not left or not right:
        rest = left or right
        return all(segment == "**" for segment in rest)
    if left[0] == "**":
        return _meet(left[1:], right) or _meet(left, right[1:])
    if right[0] == "**":
        return _meet(left, right[1:]) or _meet(left[1:], right)
    return _segments_meet(left[0], right[0]) and _meet(left[1:], right[1:])


@lru_cache(maxsize=65536)
def _segments_meet(left: str, right: str) -> bool:
    """The same for two segments, letter by letter."""
    if not left or not right:
        rest = left or right
        return all(letter == "*" for letter in rest)
    if left[0] == "*":
        return _segments_meet(left[1:], right) or _segments_meet(left, right[1:])
    if right[0] == "*":
        return _segments_meet(left, right[1:]) or _segments_meet(left[1:], right)
    return (left[0] == right[0] or "?" in (left[0], right[0])) and _segments_meet(left[1:], right[1:])
