"""Trees and short lines of commits, read through the process that stays instead of one of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.git.errors import GitFailed
from bot.git.objects import ObjectReader
from bot.model.identity import CommitSha

if TYPE_CHECKING:
    from bot.git.mirror import Mirror

ABSENT = "000000"
NO_OBJECT = "0" * 40
_FOLDER = "040000"
_LONGEST_LINE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree. `mode` has six digits, as ``git diff-tree`` prints it."""

    mode: str
    sha: str

    @property
    def is_folder(self) -> bool:
        return self.mode == _FOLDER


NOTHING = Entry(ABSENT, NO_OBJECT)


@dataclass(frozen=True, slots=True)
class Difference:
    """A path whose entry is not the same on both sides; `NOTHING` where there is none."""

    path: bytes
    old: Entry
    new: Entry


def entries(tree: bytes) -> dict[bytes, Entry]:
    """What a tree object holds, by name. Raises ValueError for what is no tree."""
    found: dict[bytes, Entry] = {}
    position = 0
    while position < len(tree):
        end = tree.index(b"\0", position)
        mode, _, name = tree[position:end].partition(b" ")
        found[name] = Entry(mode.decode().zfill(6), tree[end + 1 : end + 21].hex())
        position = end + 21
    return found


def tree_and_parents(commit: bytes) -> tuple[str, tuple[CommitSha, ...]]:
    """Of a commit object's content. Raises ValueError for what is no commit."""
    lines = [line.split(b" ", 1) for line in commit.partition(b"\n\n")[0].split(b"\n")]
    trees = [line[1].decode() for line in lines if line[0] == b"tree" and len(line) == 2]
    if not trees:
        raise ValueError("a commit without a tree")
    return trees[0], tuple(CommitSha(line[1].decode()) for line in lines if line[0] == b"parent" and len(line) == 2)


async def straight_line(objects: ObjectReader, head: CommitSha, ends: Collection[CommitSha]) -> list[CommitSha] | None:
    """The commits from `head` back to the first of `ends` (left out), newest first; None where a merge or nothing
    of `ends` is met within a few commits: that is for ``git rev-list`` to say. Raises GitFailed."""
    line: list[CommitSha] = []
    at = head
    while at not in ends:
        try:
            found = await objects.contents(at, 1_000_000)
        except ValueError:  # of a size that no plain commit has
            return None
        if found is None or found[0].kind != "commit" or len(line) == _LONGEST_LINE:
            return None
        _, parents = tree_and_parents(found[1])
        if len(parents) != 1:
            return None
        line.append(at)
        [at] = parents
    return line


async def merge_base(mirror: Mirror, one: CommitSha, other: CommitSha) -> CommitSha | None:
    """Their best common ancestor, or None. Where `other` is a few plain commits on top of `one`, no process is asked.
    Raises GitFailed."""
    if await straight_line(mirror.objects, other, {one}) is not None:
        return one
    output = await mirror.git("merge-base", one, other, accept=(0, 1))
    return None if output.exit_code else CommitSha(output.stdout.decode().split()[0])


async def differences(objects: ObjectReader, old: CommitSha, new: CommitSha) -> list[Difference]:
    """What ``git diff-tree -r`` shows between two commits, without looking for renames. Raises GitFailed."""
    found: list[Difference] = []
    left = [(b"", Entry(_FOLDER, await _tree(objects, old)), Entry(_FOLDER, await _tree(objects, new)))]
    while left:
        path, before, after = left.pop()
        if not before.is_folder and not after.is_folder:
            found.append(Difference(path, before, after))
            continue
        if not (before.is_folder and after.is_folder):  # a file became a folder, or the reverse
            pair = (NOTHING, after) if before.is_folder else (before, NOTHING)
            found += [Difference(path, *pair)] * (pair != (NOTHING, NOTHING))
        olds, news = await _below(objects, before), await _below(objects, after)
        for name in olds.keys() | news.keys():
            was, now = olds.get(name, NOTHING), news.get(name, NOTHING)
            if was != now:
                left.append((path + b"/" + name if path else name, was, now))
    return sorted(found, key=lambda difference: difference.path)


async def _tree(objects: ObjectReader, commit: CommitSha) -> str:
    return tree_and_parents(await _contents(objects, commit))[0]


async def _below(objects: ObjectReader, entry: Entry) -> Mapping[bytes, Entry]:
    return entries(await _contents(objects, entry.sha)) if entry.is_folder else {}


async def _contents(objects: ObjectReader, name: str) -> bytes:
    found = await objects.contents(name)
    if found is None:
        raise GitFailed(("cat-file", name), None, f"{name} is missing")
    return found[1]
