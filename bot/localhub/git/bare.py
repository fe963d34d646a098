"""One bare repository: everything that is asked of git, as typed calls of the real `git`.

The commands run with an empty environment of their own: no configuration of the machine or the user, no
prompts, no hooks. Objects never change, so what is read of a commit or a merge base is kept.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.localhub.git.graph import best_common, count_between, line_between
from bot.localhub.git.hooks import write_hooks
from bot.localhub.git.loose import kind_of_loose, read_loose, write_loose

ZERO = "0" * 40
_NOT_IN_NAMES = dict.fromkeys(map(ord, "\n<>\0"))
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class GitError(Exception):
    """git refused: its exit code and what it printed to standard error."""

    def __init__(self, code: int, stderr: str, stdout: bytes = b"") -> None:
        super().__init__(f"git exited with {code}: {stderr}")
        self.code = code
        self.stderr = stderr
        self.stdout = stdout


@dataclass(frozen=True, slots=True)
class Signature:
    """Name, address and time of an author or committer."""

    name: str
    email: str
    at: datetime

    @property
    def line(self) -> str:
        """As a commit has it. Git leaves out what would end the name, the address or the line."""
        name, email = (text.translate(_NOT_IN_NAMES).strip() for text in (self.name, self.email))
        return f"{name} <{email}> {int(self.at.timestamp())} +0000"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref to move. `before` None: whatever it is; `ZERO`: it must not exist. `after` `ZERO`: delete it."""

    name: str
    after: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What `merge-tree` found: the merged tree, or None when there are conflicts."""

    tree: str | None


def git_environment(home: Path) -> dict[str, str]:
    """The environment for git: of this machine only the path to programs."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


async def run_git(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    ok: Sequence[int] = (0,),
    within: float = 120.0,
) -> tuple[int, bytes]:
    """Run git to its end; its exit code and standard output. GitError when the code is not in `ok`.

    Killed, with TimeoutError, after `within` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(stdin)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    code = process.returncode
    assert code is not None
    if code not in ok:
        raise GitError(code, err.decode(errors="replace").strip(), out)
    return code, out


def _signature(line: str) -> Signature:
    who, _, when = line.rpartition("> ")
    name, _, email = who.partition(" <")
    return Signature(name, email, datetime.fromtimestamp(int(when.split()[0]), UTC))


def parse_commit(sha: str, raw: bytes) -> Commit:
    """A commit from the content of its object."""
    head, _, message = raw.decode(errors="replace").partition("\n\n")
    tree, author, committer = "", "", ""
    parents: list[str] = []
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(value)
        elif key == "author":
            author = value
        elif key == "committer":
            committer = value
    return Commit(sha, tree, tuple(parents), _signature(author), _signature(committer), message)


class BareRepository:
    """A bare repository in a directory of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = git_environment(path)
        self.hooks = path / "hooks"
        self._commits: dict[str, Commit] = {}
        self._merge_bases: dict[tuple[str, str], str | None] = {}
        self._merges: dict[tuple[str, str], MergeResult] = {}
        self._refs: dict[str, str] | None = None
        self._refs_written = 0
        self.writing = asyncio.Lock()
        """Held over "look at the refs, run git, look again", so that each change is told once."""

    async def create(self, default_branch: str) -> None:
        """Make the directory: an empty repository that takes every kind of push."""
        self.path.mkdir(parents=True)
        await self.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", str(self.path))
        settings = {
            "http.receivepack": "true",
            "http.getanyfile": "false",
            "receive.denyDeletes": "false",
            "receive.denyNonFastForwards": "false",
            "receive.denyDeleteCurrent": "refuse",
            "receive.advertisePushOptions": "true",
            "receive.autogc": "false",
            "gc.auto": "0",
            "uploadpack.allowAnySHA1InWant": "true",
            "uploadpack.allowFilter": "true",
            "core.logAllRefUpdates": "false",
            "core.fsync": "none",  # it is gone with its process anyway
            "core.hooksPath": str(self.hooks / "each"),
            "core.alternateRefsCommand": "true",  # while a push is looked at, git would ask for our own refs once more
        }
        with (self.path / "config").open("a") as config:
            for key, value in settings.items():
                section, name = key.split(".")
                config.write(f"[{section}]\n\t{name} = {value}\n")
        write_hooks(self.hooks)

    async def git(
        self, *arguments: str, stdin: bytes = b"", ok: Sequence[int] = (0,), env: Mapping[str, str] | None = None
    ) -> bytes:
        """Standard output of one git command here."""
        _, out = await run_git(*arguments, cwd=self.path, env={**self.env, **(env or {})}, stdin=stdin, ok=ok)
        return out

    async def text(self, *arguments: str) -> str:
        """Like `git`, as text without the last newline."""
        return (await self.git(*arguments)).decode(errors="replace").rstrip("\n")

    # Refs

    async def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every ref that starts with `prefix` and the object it points to.

        Kept until a ref is written: a look at fifty pull requests asks for fifty branches. A read that
        began before a write is not kept, or it would outlive the write.
        """
        known, written = self._refs, self._refs_written
        if known is None:
            out = await self.text("for-each-ref", "--format=%(objectname) %(refname)")
            known = {name: sha for sha, _, name in (line.partition(" ") for line in out.splitlines())}
            if written == self._refs_written:
                self._refs = known
        return {name: sha for name, sha in known.items() if name.startswith(prefix)}

    def refs_written(self) -> None:
        """Forget what is known of the refs: somebody (git, for a push) wrote them."""
        self._refs, self._refs_written = None, self._refs_written + 1

    def pushed(self, before: Mapping[str, str], names: Sequence[str]) -> None:
        """Git has written none but these refs, and they were `before` until then: nobody has to ask for all of them.
        Nothing in this repository packs refs, but for what it began with."""
        self.refs_written()
        after = dict(before)
        for name in names:
            try:
                after[name] = (self.path / name).read_text().strip()
            except OSError:
                if (self.path / "packed-refs").exists():
                    return
                after.pop(name, None)
        self._refs = after

    async def ref(self, name: str) -> str | None:
        """What a full ref name points to."""
        known = self._refs
        if known is None:
            known = await self.refs()
        return known.get(name)

    async def branch(self, name: str) -> str | None:
        """The head of a branch."""
        return await self.ref(f"refs/heads/{name}")

    async def update_refs(self, updates: Sequence[RefUpdate]) -> None:
        """Move refs, all or none, each only from where it was. GitError when one was elsewhere."""
        lines: list[str] = []
        for update in updates:
            old = "" if update.before is None else f" {update.before}"
            if update.after == ZERO:
                lines.append(f"delete {update.name}{old}\n")
            else:
                lines.append(f"update {update.name} {update.after}{old}\n")
        transaction = f"start\n{''.join(lines)}prepare\ncommit\n"
        known, written = self._refs, self._refs_written
        try:
            await self.git("update-ref", "--no-deref", "--stdin", stdin=transaction.encode())
        except BaseException:
            self.refs_written()
            raise
        nobody_else = written == self._refs_written
        self.refs_written()
        if known is not None and nobody_else:
            moved = {update.name: update.after for update in updates}
            self._refs = {name: sha for name, sha in (known | moved).items() if sha != ZERO}

    # Objects

    async def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or sha names."""
        if not revision or revision.startswith("-") or ":" in revision or ".." in revision:
            return None
        if (head := await self.branch(revision)) is not None and self._at_hand(head) is not None:
            return head
        for candidate in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            code, out = await run_git(
                "rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}",
                cwd=self.path, env=self.env, ok=(0, 1, 128),
            )  # fmt: skip
            if code == 0:
                return out.decode().strip()
        return None

    async def kind(self, sha: str) -> str | None:
        """`commit`, `tree`, `blob` or `tag`; None when there is no such object."""
        if sha in self._commits:
            return "commit"
        if len(sha) == len(ZERO) and sha.isalnum() and (loose := kind_of_loose(self.path, sha)) is not None:
            return loose
        code, out = await run_git("cat-file", "-t", sha, cwd=self.path, env=self.env, ok=(0, 1, 128))
        return out.decode().strip() if code == 0 else None

    async def commit(self, sha: str) -> Commit:
        """A commit by its full sha."""
        known = self._at_hand(sha)
        if known is None:
            known = parse_commit(sha, await self.git("cat-file", "commit", sha))
            self._commits[sha] = known
        return known

    def _at_hand(self, sha: str) -> Commit | None:
        """A commit that was read before or lies loose: no process is needed for it."""
        known = self._commits.get(sha)
        if known is None and (found := read_loose(self.path, sha)) is not None and found[0] == "commit":
            known = self._commits[sha] = parse_commit(sha, found[1])
        return known

    def _parents(self, sha: str) -> tuple[str, ...] | None:
        commit = self._at_hand(sha)
        return None if commit is None else commit.parents

    def known_commit(self, sha: str) -> Commit | None:
        """A commit that was read before."""
        return self._commits.get(sha)

    async def commits(self, *revisions: str, limit: int = 250, paths: Sequence[str] = ()) -> list[Commit]:
        """The commits of `rev-list` of these revisions, newest first."""
        out = await self.text("rev-list", "--topo-order", f"--max-count={limit}", *revisions, "--", *paths)
        shas = out.split()
        await self._load(shas)
        return [self._commits[sha] for sha in shas]

    async def new_commits(self, old: str, new: str, limit: int = 250) -> list[Commit]:
        """The commits that `new` contains and `old` does not, both full shas, newest first."""
        line = line_between(self._parents, old, new)
        if line is None:
            return await self.commits(new, f"^{old}", limit=limit)
        return [self._commits[sha] for sha in line[:limit]]

    async def count_new(self, old: str, new: str) -> int:
        """How many commits `new` contains that `old` does not."""
        count = count_between(self._parents, old, new)
        return int(await self.text("rev-list", "--count", f"{old}..{new}")) if count is None else count

    async def _load(self, shas: Sequence[str]) -> None:
        wanted = [sha for sha in shas if self._at_hand(sha) is None]
        if not wanted:
            return
        out = await self.git("cat-file", "--batch", stdin=("\n".join(wanted) + "\n").encode())
        position = 0
        for sha in wanted:
            end = out.index(b"\n", position)
            size = int(out[position:end].split()[2])
            self._commits[sha] = parse_commit(sha, out[end + 1 : end + 1 + size])
            position = end + 1 + size + 1

    async def blob(self, sha: str) -> bytes:
        """The content of a blob."""
        loose = read_loose(self.path, sha) if len(sha) == len(ZERO) else None
        return loose[1] if loose is not None and loose[0] == "blob" else await self.git("cat-file", "blob", sha)

    async def write_blob(self, content: bytes) -> str:
        """Store a blob; its sha."""
        return (await self.git("hash-object", "-w", "--stdin", stdin=content)).decode().strip()

    async def commit_tree(
        self, tree: str, parents: Sequence[str], message: str, author: Signature, committer: Signature
    ) -> str:
        """Store a commit; its sha."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author.line}", f"committer {committer.line}", "", message.removesuffix("\n")]
        return write_loose(self.path, "commit", "\n".join([*lines, ""]).encode())

    # Merging

    async def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        key = (one, other)
        if key not in self._merge_bases and (found := best_common(self._parents, one, other)) is not None:
            self._merge_bases[key] = found
        if key not in self._merge_bases:
            code, out = await run_git("merge-base", one, other, cwd=self.path, env=self.env, ok=(0, 1))
            self._merge_bases[key] = out.decode().split()[0] if code == 0 else None
        return self._merge_bases[key]

    async def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`."""
        return await self.merge_base(old, new) == old

    async def merge_tree(self, ours: str, theirs: str) -> MergeResult:
        """Merge two commits without touching a ref."""
        key = (ours, theirs)
        if key not in self._merges:
            code, out = await run_git(
                "merge-tree", "--write-tree", ours, theirs, cwd=self.path, env=self.env, ok=(0, 1)
            )
            self._merges[key] = MergeResult(out.decode().split()[0] if code == 0 else None)
        return self._merges[key]

    async def merge_tree_onto(self, base: str, ours: str, theirs: str) -> MergeResult:
        """Carry the change from `base` to `theirs` over to `ours`, as a cherry-pick does."""
        arguments = ("merge-tree", "--write-tree", f"--merge-base={base}", ours, theirs)
        try:
            code, out = await run_git(*arguments, cwd=self.path, env=self.env, ok=(0, 1))
        except GitError as error:
            if "unknown option" not in error.stderr and "usage" not in error.stderr:
                raise
            return await self._merge_onto_with_index(base, ours, theirs)
        return MergeResult(out.decode().split()[0] if code == 0 else None)

    async def _merge_onto_with_index(self, base: str, ours: str, theirs: str) -> MergeResult:
        """The same for a git older than 2.40, whose `merge-tree` takes no merge base: pretend ancestry."""
        who = Signature("GitHub", "noreply@github.com", datetime(2000, 1, 1, tzinfo=UTC))
        trees = [(await self.commit(one)).tree for one in (base, ours, theirs)]
        root = await self.commit_tree(trees[0], (), "base", who, who)
        left = await self.commit_tree(trees[1], (root,), "ours", who, who)
        right = await self.commit_tree(trees[2], (root,), "theirs", who, who)
        return await self.merge_tree(left, right)
