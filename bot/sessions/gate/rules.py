"""What may leave the machine: a pure decision over the net difference of a session's work.

Every refusal names the rule, the path and the cure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from posixpath import normpath

from bot.model.gate import GateCaps
from bot.model.scope import allows
from bot.sessions.gate.change import GITLINK, SYMLINK, Change
from bot.sessions.gate.leaks import shown

MOST_SHOWN = 20
OUTSIDE = "the path is outside of the task's scope"
LOCK_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock"),
    *("pnpm-lock.yaml", "bun.lock", "bun.lockb", "Cargo.lock", "go.sum", "Gemfile.lock", "composer.lock", "flake.lock"),
    *("mix.lock", "pubspec.lock", "gradle.lockfile", "packages.lock.json", "Podfile.lock", "deno.lock"),
)
_ODD = re.compile(r"[\x00-\x1f\x7f\\\ufffd]")


@dataclass(frozen=True, slots=True)
class Rules:
    """`largest_file` in bytes."""

    scope: Sequence[str]
    protected: Sequence[str]
    largest_file: int
    caps: GateCaps = field(default_factory=GateCaps)


@dataclass(frozen=True, slots=True)
class Refusal:
    rule: str
    path: str
    cure: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.rule}. {self.cure}"


def judge(changes: Iterable[Change], rules: Rules) -> tuple[Refusal, ...]:
    """Why the difference may not leave, path by path, and as a whole; empty where it may. For each path the first
    rule counts."""
    everything = tuple(changes)
    refusals = (_refusal(change, rules) for change in everything)
    return (*(refusal for refusal in refusals if refusal is not None), *_over(everything, rules.caps))


def _over(changes: Sequence[Change], caps: GateCaps) -> Iterator[Refusal]:
    """What is too much of it all."""
    deleted = [change for change in changes if change.deleted]
    binaries = [change for change in changes if change.binary]
    kilobytes = sum(change.size for change in changes) / 1000
    counts = (
        (len(changes), caps.files, "files are changed", "Change fewer, or split the task."),
        (len(deleted), caps.deletions, "files are deleted", "Keep what the task does not ask to delete."),
        (len(binaries), caps.binaries, "binary files are added or changed", "Leave out what can be made from source."),
        (math.ceil(kilobytes), caps.kilobytes, "kilobytes are changed", "Leave out what can be generated."),
    )
    for count, most, what, cure in counts:
        if count > most:
            yield Refusal(f"{count} {what}, more than {most}", "the whole difference", cure)


def only_outside(refusal: Refusal) -> bool:
    """Whether nothing is wrong with the path but that the task's plan does not name it."""
    return refusal.rule == OUTSIDE


def refusal_text(refusals: Sequence[Refusal]) -> str:
    """The refusals for people and for the next attempt."""
    lines = [f"- {refusal}" for refusal in refusals[:MOST_SHOWN]]
    if len(refusals) > MOST_SHOWN:
        lines.append(f"- and {len(refusals) - MOST_SHOWN} more")
    return "The commits were refused at the gate and did not leave the machine:\n" + "\n".join(lines)


def _refusal(change: Change, rules: Rules) -> Refusal | None:
    path = change.path
    segments = path.lower().split("/")
    if _ODD.search(path) or len(path) > 1000:
        return Refusal("the name has control characters, backslashes or is no UTF-8", path, "Give it a plain name.")
    if any(segment.rstrip(" .") in (".git", "git~1") for segment in segments):
        return Refusal("nothing may be named like git's own folder", path, "Remove it.")
    if GITLINK in (change.old_mode, change.new_mode) or segments[-1] == ".gitmodules":
        return Refusal("submodules may not be added, moved or removed", path, "Leave submodules as they are.")
    if allows(rules.protected, path):
        return Refusal("the path is protected", path, "Leave it as it is on the base branch; a person may change it.")
    if not allows(rules.scope, path):
        scope = ", ".join(f"`{glob}`" for glob in rules.scope) or "nothing"
        cure = f"Only {scope} may change; restore it, and name it in out_of_scope_changes_needed if it must change."
        return Refusal(OUTSIDE, path, cure)
    if change.new_mode == SYMLINK and (change.link is None or _leaves(path, change.link)):
        return Refusal(f"the symbolic link leaves the repository (to {change.link!r})", path, "Link inside, or copy.")
    if change.size > rules.largest_file:
        rule = f"the file has {change.size} bytes, more than {rules.largest_file}"
        return Refusal(rule, path, "Remove it from the commits, make it smaller or generate it.")
    if not rules.caps.lock_files and segments[-1] in {name.lower() for name in LOCK_FILES}:
        return Refusal(
            "the repository's settings protect lock files", path, "Leave it as it is; a person may change it."
        )
    if change.secrets:
        kinds = ", ".join(change.secrets)
        cure = "Take it out of every commit (`git reset --soft`), and read it from the environment where it runs."
        return Refusal(f"the added lines hold a secret ({kinds})", shown(path), cure)
    if change.unstored:
        cure = "Leave files of Git LFS as they are; a person may change them."
        return Refusal("files that Git LFS stores may not be added or changed", path, cure)
    if change.conflict:
        return Refusal("the file has conflict marks", path, "Solve the conflict and remove the marks.")
    return None


def _leaves(path: str, target: str) -> bool:
    if target.startswith("/") or "\0" in target:
        return True
    reached = normpath("/".join([*path.split("/")[:-1], target]))
    return reached == ".." or reached.startswith("../") or ".git" in reached.lower().split("/")
