"""A repository's bare mirror: ours alone, never given to an agent but for reading objects.

What must hold:

* Branches of the remote live under ``refs/remotes/origin``, ledgers under the same name as on the remote. A
  ``clone --mirror`` would be simpler, but its pruning deletes every ref that only we have.
* The token goes to git by environment alone: it is never in an argument, a URL or a file.
* Fetches run one after another (in parallel they fail over each other's locks), and those that wait are carried
  out as one. A fetch of single branches runs beside a push: they touch different refs. A starred one does not.
* Nothing is ever collected as garbage: task repositories borrow objects that no ref of the mirror may name.

The folder can be deleted whenever no `Mirror` holds the lock on it (see `bot.disk.use`), and is made again by
`prepare`. One that is not needed for a while can be told to `rest`: it holds nothing then, neither the lock nor a
process, and whatever is asked of it next takes it up again, empty where it was deleted meanwhile. What somebody missed
in an empty one is fetched as from a remote that moved on. A machine that died while it was made leaves a folder under
another name, never a half one under this. A fetch that died of a full disk leaves the mirror as it was, and a
``tmp_pack`` that the next collection of `bot.disk` deletes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

import httpx

from bot.disk.use import hold
from bot.git.errors import GitFailed, NoSuchRef, Unreachable
from bot.git.loose import NewCommit, write_commit, write_one_file_tree
from bot.git.loose_refs import write_ref
from bot.git.objects import ObjectReader
from bot.git.process import GitOutput, Identity, git
from bot.git.push import RefUpdate, push_arguments, raise_for_refs
from bot.git.quick_fetch import quick_fetch, stands_at
from bot.git.quick_push import quick_push
from bot.git.smart_http import Remote
from bot.model.identity import CommitSha

HEADS = "+refs/heads/*:refs/remotes/origin/*"
FRESH = 3.0
"""Seconds for which a fetch that was foreseen counts as one of now. Work takes minutes; a base that is this much older
is none the worse."""
_FLAGS = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-show-forced-updates", "--refmap=", "--prune")

_RECENT = 64
"""Commits, pushed or fetched of late, that a remote is told of so that it does not send them."""

_NO_ENTRY = ("HTTP 401", "error: 401", "Authentication failed", "could not read Username")
"""How git says 401: of the request that opens a fetch or a push, and of the one that carries the objects."""

Token = Callable[[], Awaitable[str]]


async def no_token() -> str:
    """For remotes that ask for none, as a folder does."""
    return ""


class Mirror:
    """One repository. `identity` commits; `namespace` is where ledgers live, on the remote and here. `forget` is told
    a token that the remote does not take any more, `silent` why the remote did not answer; it has twice
    `answer_seconds` to say anything.

    To be closed with `close` or used as an async context manager: a git process stays for reading.
    """

    def __init__(
        self,
        path: Path,
        url: str,
        token: Token,
        identity: Identity,
        *,
        namespace: str = "refs/crewline",
        forget: Callable[[str], None] = lambda token: None,
        silent: Callable[[str], None] = lambda reason: None,
        answer_seconds: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.path = path.absolute()
        self.url = url
        self.identity = identity
        self.ledgers = f"+{namespace}/*:{namespace}/*"
        self._token = token
        self._http = http
        self._answer_seconds = answer_seconds
        self._forget = forget
        self._silent = silent
        self._most_silence = ("http.lowSpeedTime", str(max(1, round(2 * answer_seconds))))
        self._reader = ObjectReader(self.path, self._take_up)
        self._fetching = asyncio.Lock()
        self._pushing = asyncio.Lock()
        self._foreseen: dict[tuple[str, ...], tuple[float, asyncio.Task[None]]] = {}
        self._preparing = asyncio.Lock()
        self._held: int | None = None
        self._used = float("-inf")
        self._recent: deque[CommitSha] = deque(maxlen=_RECENT)
        self._wanted: set[str] = set()
        self._next_fetch: asyncio.Task[None] | None = None
        self._fetches: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.prepare()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the reading process and a fetch under way. The mirror may be used again afterwards."""
        fetches, self._next_fetch = tuple(self._fetches), None
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await self._reader.close()
        self._let_go()

    async def rest(self, unused_for: float, since: float | None) -> None:
        """Let the folder go, and end the reading process, where nothing was asked of it for so many seconds, nor
        `since` then by the event loop's clock: who began to borrow objects later has had to ask."""
        working = self._fetches or any(lock.locked() for lock in (self._fetching, self._pushing, self._preparing))
        before = asyncio.get_running_loop().time() - unused_for
        if self._held is None or working or self._used > before or (since is not None and self._used >= since):
            return
        with suppress(OSError):  # the time of its last use, by which the oldest one goes first
            os.utime(self._held)
        self._let_go()
        await self._reader.close()

    def _let_go(self) -> None:
        """Nobody here uses the folder any more."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    async def prepare(self) -> None:
        """Make the repository unless it is there. No network is needed."""
        self._used = asyncio.get_running_loop().time()
        async with self._preparing:
            if self._held is not None and (self.path / "HEAD").is_file():
                return
            self._let_go()
            while self._held is None:
                if not (self.path / "HEAD").is_file() or not (self.path / "objects" / "pack").is_dir():
                    await asyncio.to_thread(make_bare_repository, self.path)
                    self._recent.clear()
                    self._foreseen.clear()
                self._held = hold(self.path)
            with suppress(OSError):  # on a disk that cannot be written to it can still be read
                os.utime(self._held)

    async def _take_up(self) -> None:
        """Something is asked of it: from now on it is held, if it was not."""
        self._used = asyncio.get_running_loop().time()
        if self._held is None:
            await self.prepare()

    async def fetch(self, refspecs: Sequence[str] = ()) -> None:
        """Bring `refspecs` (by default all branches and ledgers) up to date, from a look at the remote that began
        after this call. What a starred refspec no longer finds there goes here as well. Callers that wait at the
        same time share one fetch.

        Raises NoSuchRef for a ref named without a star that the remote lacks, Unreachable where the remote cannot
        be talked to.
        """
        mine = tuple(refspecs) or (HEADS, self.ledgers)
        while True:
            self._wanted.update(mine)
            if self._next_fetch is None or self._next_fetch.done():
                self._next_fetch = asyncio.create_task(self._fetch_wanted())
                self._fetches.add(self._next_fetch)
                self._next_fetch.add_done_callback(self._fetched)
            try:
                return await asyncio.shield(self._next_fetch)
            except NoSuchRef as error:
                if any(refspec.lstrip("+").partition(":")[0] in error.stderr for refspec in mine):
                    raise
                # somebody else's ref was missing: ask again without it

    def foresee(self, branches: Iterable[str]) -> None:
        """Begin to fetch `branches`, which somebody will `freshen` in a moment."""
        refspecs = branch_refspecs(branches)
        fetch = asyncio.create_task(self.fetch(refspecs))
        self._foreseen[refspecs] = (asyncio.get_running_loop().time(), fetch)
        self._fetches.add(fetch)
        fetch.add_done_callback(self._fetched)

    async def freshen(self, branches: Iterable[str]) -> None:
        """Like `fetch`, but what was foreseen in the last seconds is new enough."""
        refspecs = branch_refspecs(branches)
        foreseen = self._foreseen.get(refspecs)
        if foreseen is not None and asyncio.get_running_loop().time() - foreseen[0] < FRESH:
            fetch = foreseen[1]
            await asyncio.wait({fetch})
            if not fetch.cancelled() and fetch.exception() is None:
                return
        await self.fetch(refspecs)

    def _fetched(self, fetch: asyncio.Task[None]) -> None:
        self._fetches.discard(fetch)
        if not fetch.cancelled():
            fetch.exception()  # those who waited have it; where all of them were cancelled, nobody asks

    async def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move all refs, or none. Pushing again what was pushed already succeeds.

        Raises PushRejected where a ref is not where it was expected, PushRefused where the server does not take
        it, Unreachable where the outcome is unknown. Afterwards the mirror's own refs are moved as well.
        """
        if not updates:
            return
        async with self._pushing:
            if await self._pushed_quickly(updates):
                return
            output = await self._remotely(*push_arguments(updates, "origin"), seconds=300, accept=range(256))
        if output.exit_code == 0:
            return
        raise_for_refs(output.stdout.decode(errors="replace"), output.stderr)
        self._silent("git gets no answer")
        raise Unreachable(("push", *(update.ref for update in updates)), output.exit_code, output.stderr)

    async def _pushed_quickly(self, updates: Sequence[RefUpdate]) -> bool:
        """The usual push over a remote that speaks HTTP; False where git has to do it."""
        if self._http is None or not self.url.startswith(("http://", "https://")):
            return False
        remote = Remote(self._http, self.url, await self._token(), self._answer_seconds)
        try:
            if not await quick_push(remote, updates, self._reader):
                return False
        except Unreachable:
            self._silent("git gets no answer")
            raise
        for update in updates:
            if update.new is not None:
                await self._move(update.ref.replace("refs/heads/", "refs/remotes/origin/", 1), update.new)
        return True

    async def _fetched_quickly(self, branches: Sequence[str]) -> bool:
        """The usual fetch over a remote that speaks HTTP; False where git has to do it."""
        if self._http is None or not self.url.startswith(("http://", "https://")):
            return False
        known = {name: await self.branch(name) for name in branches}
        remote = Remote(self._http, self.url, await self._token(), self._answer_seconds)
        haves = dict.fromkeys([*(head for head in known.values() if head is not None), *self._recent])
        try:
            heads = await quick_fetch(remote, branches, known, haves, self._unpack)
        except Unreachable:
            self._silent("git gets no answer")
            raise
        for name, head in (heads or {}).items():
            if head != known[name]:
                await self._move(f"refs/remotes/origin/{name}", head)
        return heads is not None

    async def stands(self, ref: str, commit: CommitSha | None) -> bool:
        """Whether `ref` of the remote names `commit` (None: is not there): one request, no process, and no use of the
        folder. False where that is not known. Raises Unreachable."""
        if self._http is None or not self.url.startswith(("http://", "https://")):
            return False
        remote = Remote(self._http, self.url, await self._token(), self._answer_seconds)
        try:
            return await stands_at(remote, ref, commit)
        except Unreachable:
            self._silent("git gets no answer")
            raise

    async def _unpack(self, pack: bytes) -> None:
        await self.git("unpack-objects", "-q", "--strict", stdin=pack)

    async def _move(self, ref: str, to: CommitSha) -> None:
        """Where the remote's ref is, as far as we know."""
        self._recent.append(to)
        if not write_ref(self.path, ref, to):
            await self.git("update-ref", ref, to)

    async def resolve(self, ref: str) -> CommitSha | None:
        """The commit that `ref` (or a sha) names here, or None. It does not ask the remote."""
        info = await self._reader.info(f"{ref}^{{commit}}")
        return CommitSha(info.name) if info is not None and info.kind == "commit" else None

    async def branch(self, name: str) -> CommitSha | None:
        """The remote's branch `name`, as of the last fetch or push."""
        return await self.resolve(f"refs/remotes/origin/{name}")

    async def refs(self, prefix: str) -> Mapping[str, CommitSha]:
        """All refs below `prefix` by full name."""
        output = await self.git("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(" ", 1) for line in output.stdout.decode().splitlines())
        return {name: CommitSha(sha) for sha, name in pairs}

    async def read(self, commit: str, path: str) -> bytes | None:
        """The file at `path` in `commit`, or None where there is no such file."""
        found = await self._reader.contents(f"{commit}:{path}")
        return found[1] if found is not None and found[0].kind == "blob" else None

    @property
    def objects(self) -> ObjectReader:
        return self._reader

    async def commit_file(
        self, path: str, content: bytes, parent: CommitSha | None, message: str, at: datetime
    ) -> CommitSha:
        """A commit whose tree holds nothing but `content` at `path`. No ref is moved; no process is started. In a
        thread: a disk that hangs holds up who wants it, and nobody else."""
        await self._take_up()
        parents = () if parent is None else (parent,)

        def write() -> CommitSha:
            tree = write_one_file_tree(self.path, path, content)
            return write_commit(self.path, NewCommit(tree, parents, self.identity, at, self.identity, at, message))

        return await asyncio.to_thread(write)

    async def missing_from(self, head: CommitSha, commits: Sequence[CommitSha]) -> tuple[CommitSha, ...]:
        """Those of `commits` that are unknown here or not contained in `head`."""
        wanted = [commit for commit in dict.fromkeys(commits) if commit != head]
        unknown = [commit for commit in wanted if await self.resolve(commit) is None]
        known = [commit for commit in wanted if commit not in unknown]
        if not known:
            return tuple(unknown)
        output = await self.git("rev-list", "-1", *known, f"^{head}")
        if not output.stdout:
            return tuple(unknown)
        outside = [
            commit
            for commit in known
            if (await self.git("merge-base", "--is-ancestor", commit, head, accept=(0, 1))).exit_code
        ]
        return (*unknown, *outside)

    async def git(
        self, *arguments: str, stdin: bytes = b"", seconds: float = 120, accept: Sequence[int] = (0,)
    ) -> GitOutput:
        """Run git here. Raises GitFailed."""
        await self._take_up()
        return await git(*arguments, repository=self.path, stdin=stdin, seconds=seconds, accept=accept)

    async def with_remote(self, *arguments: str, seconds: float) -> GitOutput:
        """Run git here with the remote ``origin`` and what it takes to read there. Raises Unreachable, whatever the
        reason."""
        output = await self._remotely(*arguments, seconds=seconds, accept=range(256))
        if output.exit_code:
            raise Unreachable(arguments, output.exit_code, output.stderr)
        return output

    async def _fetch_wanted(self) -> None:
        async with self._fetching:
            refspecs, self._wanted = sorted(self._wanted), set()
            self._next_fetch = None  # who asks from now on may know of something newer: that is another fetch
            branches = _branches_of(refspecs)
            if branches and await self._fetched_quickly(branches):
                return
            beside_pushes = bool(branches)
            async with nullcontext() if beside_pushes else self._pushing:
                output = await self._remotely("fetch", *_FLAGS, "origin", *refspecs, seconds=900, accept=range(256))
        if output.exit_code == 0:
            return
        kind = NoSuchRef if "couldn't find remote ref" in output.stderr else Unreachable
        if kind is Unreachable:
            self._silent("git gets no answer")
        raise kind(("fetch", *refspecs), output.exit_code, output.stderr)

    async def _remotely(self, *arguments: str, seconds: float, accept: Sequence[int]) -> GitOutput:
        """Run git with the remote ``origin`` as it is now: neither address nor token is in the mirror's settings."""
        await self._take_up()
        for again in (False, True):
            token = await self._token()
            output = await self._remotely_with(token, *arguments, seconds=seconds, accept=accept)
            if again or not token or output.exit_code == 0 or not any(word in output.stderr for word in _NO_ENTRY):
                return output
            self._forget(token)  # it ran out or was revoked, even in mid-push: nothing was pushed
        raise AssertionError("unreachable")

    async def _remotely_with(self, token: str, *arguments: str, seconds: float, accept: Sequence[int]) -> GitOutput:
        config = [
            self._most_silence,
            ("remote.origin.url", self.url),
            ("remote.origin.fetch", HEADS),
            ("remote.origin.fetch", self.ledgers),
        ]
        secrets: tuple[str, ...] = ()
        if token:
            basic = b64encode(f"x-access-token:{token}".encode()).decode()
            host = "/".join(self.url.split("/")[:3])  # no other one gets it, where a large file lies for instance
            config.append((f"http.{host}/.extraHeader", f"Authorization: Basic {basic}"))
            secrets = (basic, token)
        try:
            return await git(
                *arguments, repository=self.path, config=config, seconds=seconds, accept=accept, secrets=secrets
            )
        except GitFailed as error:
            raise Unreachable(error.command, error.exit_code, error.stderr) from None


def branch_refspecs(branches: Iterable[str]) -> tuple[str, ...]:
    """To fetch these branches and no others."""
    return tuple(f"+refs/heads/{name}:refs/remotes/origin/{name}" for name in sorted(set(branches)))


def _branches_of(refspecs: Sequence[str]) -> tuple[str, ...]:
    """Their names, where `refspecs` ask for single branches and nothing else; else nothing."""
    names = tuple(refspec.partition(":")[0].removeprefix("+refs/heads/") for refspec in refspecs)
    single = "*" not in "".join(refspecs) and branch_refspecs(names) == tuple(sorted(refspecs))
    return names if single else ()


def make_bare_repository(path: Path, settings: str = "") -> None:
    """An empty bare repository at `path`, replacing what lies there, in one rename.

    It is written by hand: ``git init`` costs a process and leaves sample hooks. The layout is that of
    gitrepository-layout(5).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{path.name}.half-*"):
        shutil.rmtree(left, ignore_errors=True)
    half = path.with_name(f"{path.name}.half-{token_hex(6)}")
    for folder in ("objects/pack", "objects/info", "refs/heads", "info"):
        (half / folder).mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/main\n")
    (half / "config").write_text(f"[core]\n\trepositoryformatversion = 0\n\tbare = true\n{settings}")
    if path.is_symlink() or path.exists():
        old = path.with_name(f"{path.name}.old-{token_hex(6)}")
        path.replace(old)
        shutil.rmtree(old, ignore_errors=True)
    half.replace(path)
