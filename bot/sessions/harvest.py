"""Bringing back what a session committed, and nothing else.

The agent could write to its repository: its settings, hooks, index, objects and refs are its own, and git that
runs there runs them (a planted ``core.fsmonitor`` was executed by ``git status``; a partial clone's promisor can
name a command; a ``commondir`` file leads to other settings). So our git never runs there and never reads its
settings. We read by ourselves which commit is checked out, write a second repository of our own that borrows the
agent's objects and nothing else, and fetch from that one into the mirror; the usual few loose objects we read and
hand over ourselves (`brought`). Every object that comes in is checked (fsck), and no ref of the mirror names them:
nothing there is ever collected as garbage.

Then the commits are written anew in the bot's form: parents and trees as they were; author and committer the
bot, with the agent named; the message without trailers of ours, secrets, or words on which GitHub acts, and with a
trailer that names the session.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.disk.trouble import trouble_of
from bot.git.errors import GitFailed
from bot.git.large_files import LONGEST_POINTER, pointed_at
from bot.git.loose import NewCommit, write_commit
from bot.git.mirror import Mirror, make_bare_repository
from bot.git.pack import make_pack
from bot.git.process import Identity, git
from bot.git.trees import straight_line
from bot.model.harmless import harmless
from bot.model.identity import CommitSha, SessionId
from bot.sessions.brought import brought
from bot.sessions.mask import Mask
from bot.sessions.workplace import Workplace

MOST_COMMITS = 500
LARGEST_HARVEST = 1_000_000_000
"""Bytes of new objects in the task repository."""

_LONGEST_MESSAGE = 20_000
_OURS = re.compile(r"^Crewline-[A-Za-z-]+:.*\n?", re.MULTILINE | re.IGNORECASE)
_SHA = re.compile(rb"^[0-9a-f]{40}$")
_REF = re.compile(rb"^refs/heads/(?!.*\.\.)[A-Za-z0-9._/+@-]{1,200}$")


class Unharvestable(Exception):
    """What the session committed cannot be brought back; the text is for people and for the next attempt."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """`head` is the rewritten head of the session's work, `commits` how many the session made."""

    head: CommitSha
    commits: int


async def harvest(
    mirror: Mirror, place: Workplace, session: SessionId, agent: str, at: datetime, mask: Mask
) -> Harvest | None:
    """What is checked out in the task repository, in the mirror and in the bot's form, the messages masked; None where
    it is still what the session started with. Raises Unharvestable, and GitFailed where our own side fails."""
    tip = checked_out(place.repository)
    if tip is None or tip == place.start:
        return None
    if _leads_elsewhere(place.repository / "objects", mirror):
        raise Unharvestable("The agent made its repository's objects lead to another place.")
    if _size(place.repository / "objects", LARGEST_HARVEST) > LARGEST_HARVEST:
        raise Unharvestable(f"The commits bring more than {LARGEST_HARVEST // 1_000_000} MB.")
    await _fetch(mirror, place, tip)
    commits = await _new_commits(mirror, tip, place)
    if not commits:
        return Harvest(tip, 0)
    head = await _rewrite(mirror, commits, tip, _Form(session, agent, at, mask))
    return Harvest(head, len(commits))


async def uncommitted(mirror: Mirror, place: Workplace, head: CommitSha) -> tuple[str, ...]:
    """Paths in the tree that `head` does not have so, at most twenty. Looked at by our git with our own settings
    and index; submodules, whose settings would be the agent's, are not entered."""
    index = place.folder / f"index-{head}"
    where = {"GIT_WORK_TREE": str(place.tree), "GIT_INDEX_FILE": str(index)}
    try:
        await git("read-tree", head, repository=mirror.path, environment=where)
        output = await git(
            *("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all", "--untracked-files=normal"),
            repository=mirror.path,
            environment=where,
            seconds=30,
        )
    except GitFailed:
        return ()
    entries = (entry for entry in output.stdout.decode(errors="replace").split("\0") if entry)
    changed = sorted({entry[3:] for entry in entries if entry[1] != " "})
    return tuple([path for path in changed[:40] if not await _is_large(mirror, head, path)])[:20]


async def _is_large(mirror: Mirror, head: CommitSha, path: str) -> bool:
    """Whether a pointer of Git LFS stands for it in `head`: the file itself is in the tree then, and differs."""
    info = await mirror.objects.info(f"{head}:{path}")
    small = info is not None and info.size <= LONGEST_POINTER
    return small and pointed_at(await mirror.read(head, path) or b"") is not None


async def _fetch(mirror: Mirror, place: Workplace, tip: CommitSha) -> None:
    """Bring `tip` into the mirror, every object checked."""
    few = brought(place.repository / "objects", tip)
    if few is not None:
        pack = make_pack(few)
        try:
            await git("unpack-objects", "-q", "--strict", repository=mirror.path, stdin=pack, seconds=60)
        except GitFailed as error:
            raise _refused(error) from None
        return
    lender = place.folder / "harvest"
    make_bare_repository(lender)
    folders = (place.repository / "objects", mirror.path / "objects")
    (lender / "objects" / "info" / "alternates").write_text("".join(f"{folder}\n" for folder in folders))
    (lender / "refs" / "heads" / "work").write_text(f"{tip}\n")
    flags = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    try:
        await git(
            *("fetch", *flags, str(lender), "refs/heads/work"),
            repository=mirror.path,
            config=(("fetch.fsckObjects", "true"),),
            seconds=300,
        )
    except GitFailed as error:
        raise _refused(error) from None


def _refused(error: GitFailed) -> Exception:
    """What is wrong with the commits; the error itself where it is our own disk that is."""
    if trouble_of(error) is not None:
        return error
    return Unharvestable(f"Git refuses the commits: {_reason(error.stderr)}")


async def _new_commits(mirror: Mirror, head: CommitSha, place: Workplace) -> list[CommitSha]:
    """The commits that the session made, parents first."""
    line = await straight_line(mirror.objects, head, {place.base, place.start})
    if line is not None:
        return line[::-1]
    limit = str(MOST_COMMITS + 1)
    known = (f"^{place.base}", f"^{place.start}")
    output = await mirror.git("rev-list", "--topo-order", f"--max-count={limit}", head, *known)
    commits = [CommitSha(line) for line in output.stdout.decode().split()]
    if len(commits) > MOST_COMMITS:
        raise Unharvestable(f"There are more than {MOST_COMMITS} commits.")
    return commits[::-1]


@dataclass(frozen=True, slots=True)
class _Form:
    session: SessionId
    agent: str
    at: datetime
    mask: Mask


async def _rewrite(mirror: Mirror, commits: list[CommitSha], head: CommitSha, form: _Form) -> CommitSha:
    rewritten: dict[CommitSha, CommitSha] = {}
    for commit in commits:
        found = await mirror.objects.contents(commit, 1_000_000)
        if found is None:
            raise Unharvestable(f"Commit {commit} is missing.")
        new = _in_form(found[1], rewritten, mirror.identity, form)
        rewritten[commit] = write_commit(mirror.path, new)
    return rewritten[head]


def _in_form(raw: bytes, rewritten: Mapping[CommitSha, CommitSha], bot: Identity, form: _Form) -> NewCommit:
    """The commit of `raw` (git's own form) in the bot's form; signatures and other headers are left out."""
    header, _, message = raw.partition(b"\n\n")
    lines = [line.split(b" ", 1) for line in header.split(b"\n") if b" " in line]
    parents = [CommitSha(value.decode()) for key, value in lines if key == b"parent"]
    tree = next(value.decode() for key, value in lines if key == b"tree")
    author = next((value for key, value in lines if key == b"author"), b"")
    return NewCommit(
        tree=tree,
        parents=[rewritten.get(parent, parent) for parent in parents],
        author=Identity(f"{bot.name} ({form.agent})", bot.email),
        authored_at=_sane_time(author, form.at),
        committer=bot,
        committed_at=form.at,
        message=_message(form.mask.own(message.decode(errors="replace")), form.session),
    )


def _message(text: str, session: SessionId) -> str:
    kept = harmless(_OURS.sub("", text.replace("\r\n", "\n"))).strip()[:_LONGEST_MESSAGE]
    body = kept or "Work of a session without a message"
    last = body.rpartition("\n\n")[2] if "\n\n" in body else ""
    trailers = bool(last) and all(re.match(r"^[A-Za-z][A-Za-z-]*: \S", line) for line in last.splitlines())
    return f"{body}{chr(10) if trailers else chr(10) * 2}Crewline-Session: {session}"


def _sane_time(author: bytes, at: datetime) -> datetime:
    """When the agent says that it made the commit, where that can be."""
    try:
        moment = datetime.fromtimestamp(int(author.rsplit(b" ", 2)[1]), UTC)
    except (IndexError, ValueError, OverflowError, OSError):
        return at
    return moment if at - timedelta(days=2) <= moment <= at else at


def checked_out(repository: Path) -> CommitSha | None:
    """The commit that is checked out in a repository of an agent, read from its files as they lie there; None
    where that is no commit. Whatever the files claim, the agent could as well have committed it."""
    content = _small_file(repository / "HEAD")
    if content.startswith(b"ref: "):
        name = content[5:].strip()
        if not _REF.match(name):
            return None
        packed = _small_file(repository / "packed-refs", 4_000_000)
        lines = (line.split(b" ", 1) for line in packed.splitlines() if b" " in line)
        content = _small_file(repository / name.decode()) or next((sha for sha, ref in lines if ref == name), b"")
    return CommitSha(content.decode()) if _SHA.match(content) else None


def _small_file(path: Path, most: int = 500) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # the folder is the agent's: what cannot be read is taken for empty, and refused for that
        return b""
    with os.fdopen(descriptor, "rb") as file:
        try:
            plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return file.read(most).strip() if plain else b""
        except OSError:  # as above
            return b""


def _leads_elsewhere(objects: Path, mirror: Mirror) -> bool:
    """Whether it borrows from another repository than the mirror, or holds a link. Objects that are known by name
    could be taken from any repository of the machine that way, and published."""
    borrowed = _small_file(objects / "info" / "alternates", 10_000)
    if objects.is_symlink() or borrowed not in (b"", os.fsencode(mirror.path / "objects")):
        return True
    left = [str(objects)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:  # git could not read it either
            continue
    return False


def _size(folder: Path, enough: int) -> int:
    """Bytes of the files below `folder`, or more than `enough` as soon as that is known. Links are not followed."""
    total, left = 0, [folder]
    while left and total <= enough:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # git could not read it either
            continue
    return total


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.startswith(("error:", "fatal:", "remote:"))]
    return "; ".join(lines[:3])[:1000] or "the fetch failed"
