"""Plain pushes and fetches between two folders, without a process.

A run has hundreds of them, and a real `git push` costs three processes. Here objects are linked from one folder into
the other and refs are written, exactly where git would have said yes: the leases fit, nothing is protected, no
workflow changes, all objects lie loose. Whatever is not plain is left to git (None), with its words and its exit code.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture.processes import Command, Ended

_SHA = re.compile(r"^[0-9a-f]{40}$")
_PUSH_FLAGS = {"--porcelain", "--atomic", "--no-verify", "--quiet"}
_FETCH_FLAGS = {
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-show-forced-updates",
    "--refmap=",
    "--prune",
}
_LEASE = "--force-with-lease="
WORKFLOWS = (".github", "workflows")


@dataclass(frozen=True, slots=True)
class Hub:
    """The folder that is pushed to, its refs as they are, and the branches that take no push."""

    folder: Path
    refs: Mapping[str, str]
    closed: Collection[str]
    default: str
    """The full name of the default branch."""


@dataclass(frozen=True, slots=True)
class _Move:
    ref: str
    new: str


def push(command: Command, hub: Hub) -> Ended | None:
    """What `command`, a `git push`, does, done; or None where it is not plain and nothing was done."""
    mirror = Path(command.environment["GIT_DIR"])
    moves = _plain_moves(command, hub)
    if moves is None or (mirror / "packed-refs").exists():
        return None
    if any(_changes_workflows(mirror, hub, move) for move in moves):
        return None
    if not all(_bring(move.new, mirror, hub.folder) for move in moves):
        return None
    tracked = _tracked(command)
    for move in moves:
        _write_ref(hub.folder, move.ref, move.new)
        for source, target in tracked:
            if move.ref.startswith(source):
                _write_ref(mirror, target + move.ref.removeprefix(source), move.new)
    return Ended(0, b"Done\n")


def fetch(command: Command, hub: Hub) -> Ended | None:
    """The same for a `git fetch`."""
    mirror = Path(command.environment["GIT_DIR"])
    flags, specs = _split(command.arguments[2:])
    if not set(flags) <= _FETCH_FLAGS or (mirror / "packed-refs").exists():
        return None
    wanted: dict[str, str] = {}
    stale: list[str] = []
    for spec in specs:
        source, _, target = spec.lstrip("+").partition(":")
        if not spec.startswith("+") or not target:
            return None
        if not source.endswith("*"):
            if source not in hub.refs:
                return None
            wanted[target] = hub.refs[source]
            continue
        source, target = source[:-1], target[:-1]
        found = {target + ref.removeprefix(source): sha for ref, sha in hub.refs.items() if ref.startswith(source)}
        wanted |= found
        stale += [ref for ref in _refs_below(mirror, target) if ref not in found]
    if not all(_bring(sha, hub.folder, mirror) for sha in wanted.values()):
        return None
    for ref, sha in wanted.items():
        _write_ref(mirror, ref, sha)
    for ref in stale:
        (mirror / ref).unlink()
    return Ended(0)


def _plain_moves(command: Command, hub: Hub) -> list[_Move] | None:
    flags, specs = _split(command.arguments[2:])
    leases = dict(flag.removeprefix(_LEASE).rsplit(":", 1) for flag in flags if flag.startswith(_LEASE))
    if any(flag not in _PUSH_FLAGS and not flag.startswith(_LEASE) for flag in flags):
        return None
    moves = []
    for spec in specs:
        new, _, ref = spec.partition(":")
        present = hub.refs.get(ref, "")
        if not _SHA.match(new) or leases.get(ref) != present or ref in hub.closed or ref.startswith("refs/pull/"):
            return None
        moves.append(_Move(ref, new))
    return moves


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags, and refspecs after the name of the remote."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    others = [argument for argument in arguments if not argument.startswith("-")]
    return flags, others[1:]


def _tracked(command: Command) -> list[tuple[str, str]]:
    """Where the mirror keeps what it pushed: `remote.origin.fetch` as pairs of prefixes."""
    environment = command.environment
    count = int(environment.get("GIT_CONFIG_COUNT", "0"))
    keys = {index: environment[f"GIT_CONFIG_KEY_{index}"] for index in range(count)}
    specs = [environment[f"GIT_CONFIG_VALUE_{index}"] for index in keys if keys[index] == "remote.origin.fetch"]
    return [(one[0].rstrip("*"), one[2].rstrip("*")) for one in (spec.lstrip("+").partition(":") for spec in specs)]


def _bring(sha: str, source: Path, target: Path) -> bool:
    """Link `sha` and all that it needs; what is there already is there with all it needs. False where an object does
    not lie loose: then nothing was done."""
    links: dict[str, Path] = {}
    left = [sha]
    while left:
        name = left.pop()
        if name in links or _loose(target, name).exists():
            continue
        path = _loose(source, name)
        if not path.exists():
            return False
        links[name] = path
        left += _needs(path)
    for name, path in reversed(links.items()):
        there = _loose(target, name)
        there.parent.mkdir(exist_ok=True)
        os.link(path, there)
    return True


def _needs(path: Path) -> Iterator[str]:
    kind, content = _read(path)
    if kind == b"commit":
        for line in content.partition(b"\n\n")[0].split(b"\n"):
            key, _, value = line.partition(b" ")
            if key in (b"tree", b"parent"):
                yield value.decode()
    elif kind == b"tree":
        yield from (sha for mode, _, sha in _entries(content) if mode != b"160000")


def _changes_workflows(mirror: Path, hub: Hub, move: _Move) -> bool:
    """Whether a branch may carry workflows that the hub has otherwise: then git has to look."""
    if not move.ref.startswith("refs/heads/"):
        return False
    base = hub.refs.get(move.ref) or hub.refs.get(hub.default)
    return _workflows(mirror, move.new) != (None if base is None else _workflows(hub.folder, base))


def _workflows(folder: Path, commit: str) -> str | None:
    """The tree of the workflows in `commit`; `unknown` where an object does not lie loose."""
    name = commit
    path = _loose(folder, name)
    for step in ("", *WORKFLOWS):
        if not path.exists():
            return "unknown"
        kind, content = _read(path)
        if kind == b"commit":
            name = content.partition(b"\n")[0].split(b" ")[1].decode()
        else:
            found = [sha for _, entry, sha in _entries(content) if entry == step.encode()]
            if not found:
                return None
            name = found[0]
        path = _loose(folder, name)
    return name


def _entries(tree: bytes) -> Iterator[tuple[bytes, bytes, str]]:
    """Mode, name and object of each."""
    while tree:
        head, _, tree = tree.partition(b"\0")
        mode, _, name = head.partition(b" ")
        yield mode, name, tree[:20].hex()
        tree = tree[20:]


def _read(path: Path) -> tuple[bytes, bytes]:
    header, _, content = zlib.decompress(path.read_bytes()).partition(b"\0")
    return header.partition(b" ")[0], content


def _loose(folder: Path, name: str) -> Path:
    return folder / "objects" / name[:2] / name[2:]


def _refs_below(folder: Path, prefix: str) -> list[str]:
    """The refs that begin with `prefix`, which need not end with a slash."""
    top = folder / prefix.rpartition("/")[0]
    names = (path.relative_to(folder).as_posix() for path in top.rglob("*") if path.is_file())
    return [name for name in names if name.startswith(prefix)]


def _write_ref(folder: Path, ref: str, sha: str) -> None:
    path = folder / ref
    if path.is_file() and path.read_text().strip() == sha:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.lock")
    half.write_text(f"{sha}\n")
    half.replace(path)
