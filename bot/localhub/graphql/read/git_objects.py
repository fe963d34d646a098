"""Refs, commits, trees and blobs of a repository's git."""

from dataclasses import dataclass
from datetime import datetime

from bot.localhub.git.bare import Commit, Signature
from bot.localhub.git.files import TreeEntry, entry_at, tree_entries
from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.node_ids import named_node_id
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User

MOST_TEXT = 512_000
"""Bytes of a blob beyond which GitHub cuts `text` and says `isTruncated`."""


@dataclass(frozen=True, slots=True)
class GitRef:
    """A ref and what it points to."""

    repository: Repository
    name: str
    sha: str

    @property
    def node_id(self) -> str:
        return named_node_id("Ref", self.repository.id, self.name)

    @property
    def prefix(self) -> str:
        """The first two parts, as in GraphQL."""
        return "/".join(self.name.split("/")[:2]) + "/"


@dataclass(frozen=True, slots=True)
class GitCommit:
    repository: Repository
    commit: Commit


@dataclass(frozen=True, slots=True)
class GitBlob:
    repository: Repository
    sha: str
    content: bytes

    @property
    def binary(self) -> bool:
        return b"\0" in self.content[:8000]


@dataclass(frozen=True, slots=True)
class GitTree:
    repository: Repository
    sha: str


@dataclass(frozen=True, slots=True)
class GitTag:
    repository: Repository
    sha: str
    name: str
    message: str
    target: str


@dataclass(frozen=True, slots=True)
class GitEntry:
    repository: Repository
    entry: TreeEntry
    path: str


@dataclass(frozen=True, slots=True)
class GitPerson:
    hub_user: User | None
    signature: Signature


@dataclass(frozen=True, slots=True)
class Compared:
    base: GitRef
    head_sha: str
    ahead: int
    behind: int


async def git_object(repository: Repository, sha: str) -> GitCommit | GitBlob | GitTree | GitTag | None:
    """The object of this full sha."""
    git = repository.git
    kind = await git.kind(sha)
    if kind == "commit":
        return GitCommit(repository, await git.commit(sha))
    if kind == "tree":
        return GitTree(repository, sha)
    if kind == "blob":
        return GitBlob(repository, sha, await git.blob(sha))
    if kind == "tag":
        head, _, message = (await git.text("cat-file", "tag", sha)).partition("\n\n")
        lines = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
        return GitTag(repository, sha, lines["tag"], message, lines["object"])
    return None


async def commit_of(repository: Repository, sha: str | None) -> GitCommit | None:
    """The commit of this full sha, if git has it."""
    if sha is None or await repository.git.kind(sha) != "commit":
        return None
    return GitCommit(repository, await repository.git.commit(sha))


async def ref_of(repository: Repository, name: str) -> GitRef | None:
    """The ref of this full name."""
    sha = repository.ref_as_read(name, await repository.git.ref(name))
    return GitRef(repository, name, sha) if sha is not None else None


async def expression(repository: Repository, text: str) -> GitCommit | GitBlob | GitTree | GitTag | None:
    """What a revision expression such as `HEAD:path`, `main` or a sha names."""
    revision, colon, path = text.partition(":")
    if revision in ("HEAD", ""):
        revision = repository.default_branch
    if revision.startswith("refs/"):
        sha = repository.ref_as_read(revision, await repository.git.ref(revision))
    else:
        sha = repository.ref_as_read(f"refs/heads/{revision}", await repository.git.resolve(revision))
    if not colon:
        return await git_object(repository, sha or revision) if sha or _is_sha(revision) else None
    if sha is None:
        return None
    entry = await entry_at(repository.git, sha, path)
    return await git_object(repository, entry.sha) if entry is not None and entry.sha is not None else None


def _is_sha(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdef" for letter in text)


REF = Fields("Ref", GitRef)
REF.reads(
    id=lambda ref: ref.node_id,
    name=lambda ref: ref.name.removeprefix(ref.prefix),
    prefix=lambda ref: ref.prefix,
    repository=lambda ref: ref.repository,
    target=lambda ref: git_object(ref.repository, ref.sha),
    branchProtectionRule=lambda ref: ref.repository.rules_for(ref.name.removeprefix("refs/heads/")),
)


class HeadRef(Arguments):
    head_ref: str


@REF.takes("compare", HeadRef)
async def _compare(ref: GitRef, _ask: Ask, given: HeadRef) -> Compared | None:
    git = ref.repository.git
    head = await git.resolve(given.head_ref.rpartition(":")[2])
    if head is None:
        return None
    behind, ahead = (await git.text("rev-list", "--left-right", "--count", f"{ref.sha}...{head}")).split()
    return Compared(ref, head, int(ahead), int(behind))


COMPARISON = Fields("Comparison", Compared)
COMPARISON.reads(
    id=lambda found: named_node_id("Commit", found.base.repository.id, f"{found.base.sha}...{found.head_sha}"),
    aheadBy=lambda found: found.ahead,
    behindBy=lambda found: found.behind,
    status=lambda found: {
        (False, False): "IDENTICAL", (True, False): "AHEAD", (False, True): "BEHIND", (True, True): "DIVERGED",
    }[found.ahead > 0, found.behind > 0],
    baseTarget=lambda found: git_object(found.base.repository, found.base.sha),
    headTarget=lambda found: git_object(found.base.repository, found.head_sha),
)  # fmt: skip


COMMIT = Fields("Commit", GitCommit)
BLOB = Fields("Blob", GitBlob)
TREE = Fields("Tree", GitTree)
TAG = Fields("Tag", GitTag)


def _path(one: GitCommit) -> str:
    return f"/{one.repository.full_name}/commit/{one.commit.sha}"


def headline(message: str) -> str:
    return message.partition("\n")[0]


COMMIT.reads(
    id=lambda one: named_node_id("Commit", one.repository.id, one.commit.sha),
    oid=lambda one: one.commit.sha,
    abbreviatedOid=lambda one: one.commit.sha[:7],
    repository=lambda one: one.repository,
    message=lambda one: one.commit.message.rstrip("\n"),
    messageHeadline=lambda one: headline(one.commit.message),
    messageBody=lambda one: one.commit.message.partition("\n")[2].strip(),
    authoredDate=lambda one: one.commit.author.at,
    committedDate=lambda one: one.commit.committer.at,
    resourcePath=_path,
    tree=lambda one: GitTree(one.repository, one.commit.tree),
    author=lambda one: person(one.repository, one.commit.author),
    committer=lambda one: person(one.repository, one.commit.committer),
)
COMMIT.asks(url=lambda one, ask: ask.url(_path(one)), commitUrl=lambda one, ask: ask.url(_path(one)))
for _fields in (BLOB, TREE, TAG):
    _fields.reads(
        id=lambda one: named_node_id("Commit", one.repository.id, one.sha),
        oid=lambda one: one.sha,
        abbreviatedOid=lambda one: one.sha[:7],
        repository=lambda one: one.repository,
    )
BLOB.reads(
    byteSize=lambda one: len(one.content),
    isBinary=lambda one: one.binary,
    isTruncated=lambda one: not one.binary and len(one.content) > MOST_TEXT,
    text=lambda one: None if one.binary else one.content[:MOST_TEXT].decode(errors="replace"),
)
TAG.reads(
    name=lambda one: one.name,
    message=lambda one: one.message,
    target=lambda one: git_object(one.repository, one.target),
)


async def _entries(tree: GitTree) -> list[GitEntry]:
    found = await tree_entries(tree.repository.git, tree.sha)
    return [GitEntry(tree.repository, one, one.path) for one in found]


TREE.reads(entries=_entries)
ENTRY = Fields("TreeEntry", GitEntry)
ENTRY.reads(
    name=lambda one: one.path.rpartition("/")[2],
    path=lambda one: one.path,
    type=lambda one: one.entry.kind,
    mode=lambda one: int(one.entry.mode, 8),
    oid=lambda one: one.entry.sha,
    size=lambda one: one.entry.size or 0,
    object=lambda one: git_object(one.repository, one.entry.sha or ""),
)


def person(repository: Repository, signature: Signature) -> GitPerson:
    """An author or committer, with the account whose address it is."""
    users = repository.hub.users.values()
    known = next((one for one in users if signature.email in (one.email, one.noreply_email)), None)
    return GitPerson(known, signature)


ACTOR = Fields("GitActor", GitPerson)
ACTOR.reads(
    name=lambda one: one.signature.name,
    email=lambda one: one.signature.email,
    date=lambda one: one.signature.at,
    user=lambda one: one.hub_user if one.hub_user is not None and one.hub_user.type == "User" else None,
)


@COMMIT.takes("authors", Page)
def _authors(one: GitCommit, _ask: Ask, given: Page) -> Connection:
    return Connection([person(one.repository, one.commit.author)], given)


@COMMIT.takes("parents", Page)
async def _parents(one: GitCommit, _ask: Ask, given: Page) -> Connection:
    git = one.repository.git
    return Connection([GitCommit(one.repository, await git.commit(sha)) for sha in one.commit.parents], given)


class FilePath(Arguments):
    path: str


@COMMIT.takes("file", FilePath)
async def _file(one: GitCommit, _ask: Ask, given: FilePath) -> GitEntry | None:
    entry = await entry_at(one.repository.git, one.commit.sha, given.path)
    return GitEntry(one.repository, entry, given.path) if entry is not None else None


class HistoryPage(Page):
    path: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@COMMIT.takes("history", HistoryPage)
async def _history(one: GitCommit, _ask: Ask, given: HistoryPage) -> Connection:
    paths = [given.path] if given.path else []
    found = await one.repository.git.commits(one.commit.sha, limit=10_000, paths=paths)
    found = [
        commit for commit in found
        if (given.since is None or commit.committer.at >= given.since)
        and (given.until is None or commit.committer.at <= given.until)
    ]  # fmt: skip
    return Connection([GitCommit(one.repository, commit) for commit in found], given)


async def refs_below(repository: Repository, prefix: str) -> list[GitRef]:
    """The refs whose names start so, by name."""
    found = await repository.git.refs(prefix.rstrip("/") if prefix.endswith("/") else prefix)
    return [GitRef(repository, name, sha) for name, sha in sorted(found.items()) if name.startswith(prefix)]
