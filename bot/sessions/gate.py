"""The gate: what may leave the machine. A pure decision over the net difference of a session's work.

The difference is between the merge base with the base branch and the head, so what was committed and taken back
does not count, and neither does what a merge of the base brought. It is read from our mirror, never from the tree
of the agent. Every refusal names the rule, the path and the cure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from posixpath import normpath

from bot.git.mirror import Mirror
from bot.model.identity import CommitSha
from bot.model.scope import allows

GITLINK, SYMLINK, ABSENT = "160000", "120000", "000000"
MOST_SHOWN = 20

_CONFLICT = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)
_ODD = re.compile(r"[\x00-\x1f\x7f\\\ufffd]")


@dataclass(frozen=True, slots=True)
class Change:
    """One path of the difference. Modes are git's, six digits; `size` is that of the new file in bytes;
    `link` is where a new symbolic link points; `conflict` says that conflict marks came in."""

    path: str
    old_mode: str
    new_mode: str
    size: int = 0
    link: str | None = None
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """`largest_file` in bytes."""

    scope: Sequence[str]
    protected: Sequence[str]
    largest_file: int


@dataclass(frozen=True, slots=True)
class Refusal:
    rule: str
    path: str
    cure: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.rule}. {self.cure}"


def judge(changes: Iterable[Change], rules: Rules) -> tuple[Refusal, ...]:
    """Why the difference may not leave, path by path; empty where it may. For each path the first rule counts."""
    refusals = (_refusal(change, rules) for change in changes)
    return tuple(refusal for refusal in refusals if refusal is not None)


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
        return Refusal("the path is outside of the task's scope", path, cure)
    if change.new_mode == SYMLINK and (change.link is None or _leaves(path, change.link)):
        return Refusal(f"the symbolic link leaves the repository (to {change.link!r})", path, "Link inside, or copy.")
    if change.size > rules.largest_file:
        rule = f"the file has {change.size} bytes, more than {rules.largest_file}"
        return Refusal(rule, path, "Remove it from the commits, make it smaller or generate it.")
    if change.conflict:
        return Refusal("the file has conflict marks", path, "Solve the conflict and remove the marks.")
    return None


def _leaves(path: str, target: str) -> bool:
    if target.startswith("/") or "\0" in target:
        return True
    reached = normpath("/".join([*path.split("/")[:-1], target]))
    return reached == ".." or reached.startswith("../") or ".git" in reached.lower().split("/")


async def collect(mirror: Mirror, base: CommitSha, head: CommitSha, largest_file: int) -> tuple[Change, ...] | None:
    """The net difference of `head` to its merge base with `base`; None where they share no history."""
    merge_base = await mirror.git("merge-base", base, head, accept=(0, 1))
    if merge_base.exit_code:
        return None
    start = merge_base.stdout.decode().split()[0]
    output = await mirror.git("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", start, head)
    fields = output.stdout.split(b"\0")
    pairs = zip(fields[0::2], fields[1::2], strict=False)
    return tuple([await _change(mirror, meta.decode(), path, largest_file) for meta, path in pairs])


async def _change(mirror: Mirror, meta: str, raw_path: bytes, largest_file: int) -> Change:
    old_mode, new_mode, old, new, _ = meta.lstrip(":").split(" ")
    path = raw_path.decode(errors="replace")
    if new_mode in (ABSENT, GITLINK):
        return Change(path, old_mode, new_mode)
    info = await mirror.objects.info(new)
    size = info.size if info else 0
    if size > largest_file:
        return Change(path, old_mode, new_mode, size)
    content = await _content(mirror, new)
    if new_mode == SYMLINK:
        return Change(path, old_mode, new_mode, size, link=content.decode(errors="replace"))
    conflict = bool(_CONFLICT.search(content)) and not _CONFLICT.search(
        await _content(mirror, old) if old_mode not in (ABSENT, GITLINK) else b""
    )
    return Change(path, old_mode, new_mode, size, conflict=conflict)


async def _content(mirror: Mirror, name: str) -> bytes:
    try:
        found = await mirror.objects.contents(name)
    except ValueError:  # an old file of great size
        return b""
    return found[1] if found else b""
