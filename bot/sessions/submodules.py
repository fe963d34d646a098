"""The submodules of a tree, where a repository's settings ask for them.

What must hold: the bot fetches them, with its own token and outside of the sandbox, and nobody else. Which repository
one is, its ``.gitmodules`` says, and that is up to whoever can write the repository; so an address is never given to
git. It is only read for the ``owner/name`` on the same GitHub, whose mirror is made like any other: a repository that
the App may not read stays out of reach, and the session is told so.

Each submodule has a repository of its own that borrows its mirror's objects, beside the one of the tree, and no remote.
Git of ours runs in it before an agent does. What an agent commits in a submodule stays there: the gate lets no
submodule be moved.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from bot.git.mirror import HEADS, Mirror
from bot.model.identity import CommitSha, RepositoryName
from bot.sessions.checkout import NotReady, checkout, make_task_repository

MOST = 50
"""Submodules of one tree, those of submodules included."""
DEEPEST = 4

_NAME = re.compile(r"^(?P<owner>[A-Za-z0-9-]+)/(?P<name>(?!\.\.?$)[A-Za-z0-9._-]+)$")
_SSH = re.compile(r"^(?:ssh://)?(?:[\w.-]+@)(?P<host>[\w.-]+)(?::22)?[:/](?P<path>.+)$")


class NoSubmodule(NotReady):
    """A submodule cannot be had; the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class _Link:
    """A submodule as a commit has it."""

    path: str
    address: str
    commit: CommitSha


@dataclass(slots=True)
class Submodules:
    """Those of one session. `lent` are the folders of objects that their repositories borrow from."""

    mirrors: Callable[[RepositoryName], Awaitable[Mirror]]
    lent: set[Path] = field(default_factory=set)

    async def fill(self, mirror: Mirror, name: RepositoryName, repository: Path, tree: Path, commit: CommitSha) -> None:
        """Check out the submodules of `commit`, which `tree` of `repository` holds. Raises NoSubmodule, GitFailed."""
        left = [(mirror, name, tree, commit, 0)]
        count = 0
        while left:
            owner, above, place, at, depth = left.pop()
            for link in await _links(owner, at):
                count += 1
                where = f"the submodule {link.path!r} of {above}"
                if count > MOST or depth >= DEEPEST:
                    raise NoSubmodule(f"{where} is one too many: at most {MOST}, {DEEPEST} deep")
                named = repository_named(link.address, above, owner.url)
                if named is None:
                    raise NoSubmodule(
                        f"{where} has the address {link.address!r}, which is no repository on the same GitHub:"
                        " only such ones are checked out. Change `.gitmodules`, or set `worktree.submodules` to false."
                    )
                lender = await self._lender(named, link.commit, where)
                target = _folder(place, link.path, where)
                inner = repository / "modules" / sha256(str(target.relative_to(tree)).encode()).hexdigest()[:24]
                make_task_repository(inner, target, lender, "submodule", {})
                (inner / "HEAD").write_text(f"{link.commit}\n")
                await checkout(inner, target, link.commit)
                self.lent.add(lender.path / "objects")
                left.append((lender, named, target, link.commit, depth + 1))

    async def _lender(self, name: RepositoryName, commit: CommitSha, where: str) -> Mirror:
        """The mirror of `name`, with `commit` in it."""
        try:
            mirror = await self.mirrors(name)
            if await mirror.resolve(commit) is None:
                await mirror.fetch((HEADS,))
            known = await mirror.resolve(commit) is not None
        except Exception as error:  # of GitHub (no token for it), of git (no such repository), of the disk
            raise NoSubmodule(
                f"{where} is {name}, which cannot be read: install the App there, or set `worktree.submodules` to"
                f" false. ({error})"
            ) from None
        if not known:
            raise NoSubmodule(f"{where} is at the commit {commit}, which is on no branch of {name}: push it there")
        return mirror


def repository_named(address: str, above: RepositoryName, url: str) -> RepositoryName | None:
    """The repository that the address of a submodule of `above` means; None where it is none on the same GitHub, whose
    address of `above` is `url`."""
    ours = urlsplit(url)
    if address.startswith(("./", "../")):  # relative to the repository itself (git-submodule(1))
        path = posixpath.normpath(f"{above}/{address}")
    elif (match := _SSH.match(address)) is not None:
        if match["host"].lower() != (ours.hostname or ""):
            return None
        path = match["path"]
    else:
        theirs = urlsplit(address)
        if (theirs.scheme, theirs.netloc.lower()) != (ours.scheme, ours.netloc.lower()) or not theirs.netloc:
            return None
        path = theirs.path.removeprefix(ours.path.partition(f"/{above}")[0])
    match = _NAME.match(path.strip("/").removesuffix(".git"))
    return RepositoryName(match["owner"], match["name"]) if match is not None else None


async def _links(mirror: Mirror, commit: CommitSha) -> list[_Link]:
    """Raises GitFailed."""
    if await mirror.read(commit, ".gitmodules") is None:
        return []
    settings = await mirror.git("config", "--blob", f"{commit}:.gitmodules", "--no-includes", "-z", "--list")
    values: dict[str, dict[str, str]] = {}
    for entry in settings.stdout.decode(errors="replace").split("\0"):
        key, _, value = entry.partition("\n")
        section, _, name = key.rpartition(".")
        values.setdefault(section, {})[name] = value
    addresses = {found["path"].rstrip("/"): found["url"] for found in values.values() if {"path", "url"} <= set(found)}
    if not addresses:
        return []
    listed = await mirror.git("--literal-pathspecs", "ls-tree", "-z", commit, "--", *addresses)
    found = []
    for entry in listed.stdout.decode(errors="replace").split("\0"):
        mode, _, rest = entry.partition(" ")
        if mode == "160000":
            sha, _, path = rest.removeprefix("commit ").partition("\t")
            if path in addresses:
                found.append(_Link(path, addresses[path], CommitSha(sha)))
    return found


def _folder(tree: Path, path: str, where: str) -> Path:
    """The empty folder of a submodule, reached through no link."""
    at = tree
    for part in path.split("/"):
        at = at / part
        if part in ("", ".", "..") or part.lower() == ".git" or at.is_symlink():
            raise NoSubmodule(f"{where} has no place in the tree")
    at.mkdir(parents=True, exist_ok=True)  # a sparse tree may lack it
    return at
