"""Trees and differences: what the contents and git-data endpoints and a pull request's files show."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.localhub.git.bare import EMPTY_TREE, BareRepository
from bot.localhub.git.loose import read_loose

FileStatus = Literal["added", "removed", "modified", "renamed", "copied", "changed", "unchanged"]
_STATUS: dict[str, FileStatus] = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a tree. `size` is None for trees and submodules; `sha` None asks to remove the path."""

    mode: str
    kind: str
    sha: str | None
    path: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs. `patch` is None for binary files, and has no header lines, as in REST."""

    path: str
    previous_path: str | None
    status: FileStatus
    additions: int
    deletions: int
    sha: str
    patch: str | None


async def tree_entries(git: BareRepository, tree: str, *, recursive: bool = False) -> list[TreeEntry]:
    """The entries of a tree-ish."""
    flags = ["-r", "-t"] if recursive else []
    out = await git.git("ls-tree", "-z", "-l", *flags, tree)
    entries: list[TreeEntry] = []
    for record in out.decode(errors="replace").split("\0"):
        if record:
            head, _, path = record.partition("\t")
            mode, kind, sha, size = head.split()
            entries.append(TreeEntry(mode, kind, sha, path, int(size) if size != "-" else None))
    return entries


async def entry_at(git: BareRepository, commit: str, path: str) -> TreeEntry | None:
    """What a commit has at a path; the root is a tree with an empty path."""
    path = path.strip("/")
    root = (await git.commit(commit)).tree
    if not path:
        return TreeEntry("040000", "tree", root, "")
    if all(part not in ("", ".", "..") for part in path.split("/")):
        try:
            return _loose_entry_at(git, root, path)
        except LookupError:
            pass
    out = await git.git("--literal-pathspecs", "ls-tree", "-z", "-l", commit, "--", path)
    for record in out.decode(errors="replace").split("\0"):
        head, _, found = record.partition("\t")
        if found == path:
            mode, kind, sha, size = head.split()
            return TreeEntry(mode, kind, sha, found, int(size) if size != "-" else None)
    return None


def _loose_entry_at(git: BareRepository, tree: str, path: str) -> TreeEntry | None:
    """The same without a process. Raises LookupError where an object on the way does not lie loose."""
    *folders, name = path.encode().split(b"/")
    for folder in folders:
        found = _names(git, tree).get(folder)
        if found is None or found[0] != "040000":
            return None
        tree = found[1]
    last = _names(git, tree).get(name)
    if last is None:
        return None
    mode, sha = last
    if mode in ("040000", "160000"):
        return TreeEntry(mode, "tree" if mode == "040000" else "commit", sha, path)
    blob = read_loose(git.path, sha)
    if blob is None:
        raise LookupError(sha)
    return TreeEntry(mode, "blob", sha, path, len(blob[1]))


def _names(git: BareRepository, tree: str) -> dict[bytes, tuple[str, str]]:
    """Mode and sha of what a tree holds. Raises LookupError where it does not lie loose."""
    read = read_loose(git.path, tree)
    if read is None:
        raise LookupError(tree)
    content, position = read[1], 0
    found: dict[bytes, tuple[str, str]] = {}
    while position < len(content):
        end = content.index(b"\0", position)
        mode, _, name = content[position:end].partition(b" ")
        found[name] = (mode.decode().zfill(6), content[end + 1 : end + 21].hex())
        position = end + 21
    return found


async def write_tree(git: BareRepository, base: str | None, entries: Sequence[TreeEntry]) -> str:
    """A tree like `base` with these paths replaced (or removed); paths may have directories."""
    index = git.path / f"index-{id(entries)}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        await git.git("read-tree", base or EMPTY_TREE if base else "--empty", env=env)
        lines: list[str] = []
        for entry in entries:
            if entry.sha is None:
                lines.append(f"0 {'0' * 40}\t{entry.path}\0")
            elif entry.kind == "tree":
                await git.git("read-tree", f"--prefix={entry.path}/", entry.sha, env=env)
            else:
                lines.append(f"{entry.mode} {entry.sha}\t{entry.path}\0")
        await git.git("update-index", "-z", "--index-info", stdin="".join(lines).encode(), env=env)
        return (await git.git("write-tree", env=env)).decode().strip()
    finally:
        index.unlink(missing_ok=True)


async def tree_with_files(git: BareRepository, base: str | None, files: Mapping[str, str | bytes | None]) -> str:
    """A tree like `base` with these files' contents; None removes a file."""
    entries: list[TreeEntry] = []
    for path, content in files.items():
        if content is None:
            entries.append(TreeEntry("100644", "blob", None, path))
        else:
            data = content.encode() if isinstance(content, str) else content
            mode = "100755" if data.startswith(b"#!") else "100644"
            entries.append(TreeEntry(mode, "blob", await git.write_blob(data), path))
    return await write_tree(git, base, entries)


async def diff_files(git: BareRepository, old: str, new: str, *, patches: bool = True) -> list[FileDiff]:
    """The files that differ between two tree-ishes, by path."""
    raw = (await git.git("diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--full-index", old, new)).decode(
        errors="replace"
    )
    fields = raw.split("\0")
    found: dict[str, tuple[FileStatus, str | None, str]] = {}
    counts: dict[str, tuple[int, int]] = {}
    position = 0
    while position < len(fields) and fields[position]:
        field = fields[position]
        if field.startswith(":"):
            _, _, old_sha, new_sha, letter = field.split(" ")
            status = _STATUS.get(letter[0], "changed")
            if letter[0] in "RC":
                previous, path = fields[position + 1], fields[position + 2]
                found[path] = (status, previous, new_sha)
                position += 3
            else:
                found[fields[position + 1]] = (status, None, old_sha if letter == "D" else new_sha)
                position += 2
        else:
            added, removed, path = field.split("\t")
            if not path:
                path = fields[position + 2]
                position += 2
            counts[path] = (int(added) if added != "-" else 0, int(removed) if removed != "-" else 0)
            position += 1
    texts = await _patches(git, old, new) if patches and found else {}
    return [
        FileDiff(path, previous, status, *counts.get(path, (0, 0)), sha, texts.get(path))
        for path, (status, previous, sha) in sorted(found.items())
    ]


async def _patches(git: BareRepository, old: str, new: str) -> dict[str, str]:
    out = await git.git("-c", "core.quotePath=false", "diff-tree", "-r", "-p", "-M", "--full-index", old, new)
    texts: dict[str, str] = {}
    for part in re.split(r"(?m)^diff --git ", out.decode(errors="replace"))[1:]:
        hunk = re.search(r"(?m)^@@", part)
        if hunk is None:
            continue
        head = part[: hunk.start()]
        target = re.search(r"(?m)^\+\+\+ b/(.*?)\t?$", head) or re.search(r"(?m)^--- a/(.*?)\t?$", head)
        if target is not None:
            texts[target[1]] = part[hunk.start() :].rstrip("\n")
    return texts
