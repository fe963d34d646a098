"""`createCommitOnBranch`: a commit without a clone, made only where the branch still is where it was seen."""

import base64
import binascii
from collections.abc import Mapping

from bot.localhub.git.bare import RefUpdate, Signature
from bot.localhub.git.files import entry_at, tree_with_files
from bot.localhub.graphql.ask import Ask, Refused
from bot.localhub.graphql.read.git_objects import GitRef, commit_of
from bot.localhub.graphql.registry import Arguments
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.actor import Role, require, require_sight
from bot.localhub.model.errors import NotFound, Validation
from bot.localhub.model.refs import move_refs
from bot.localhub.model.repository import Repository


class Branch(Arguments):
    id: str | None = None
    branch_name: str | None = None
    repository_name_with_owner: str | None = None


class Addition(Arguments):
    path: str
    contents: str


class Deletion(Arguments):
    path: str


class FileChanges(Arguments):
    additions: list[Addition] | None = None
    deletions: list[Deletion] | None = None


class Message(Arguments):
    headline: str
    body: str | None = None


class CreateCommit(Input):
    branch: Branch
    expected_head_oid: str
    message: Message
    file_changes: FileChanges | None = None


async def _branch(ask: Ask, given: Branch) -> tuple[Repository, str]:
    if given.id is not None:
        ref = await the(ask, GitRef, given.id)
        return ref.repository, ref.name
    repository = ask.hub.find_repository(given.repository_name_with_owner or "")
    if repository is None:
        words = f"Could not resolve to a Repository with the name '{given.repository_name_with_owner}'."
        raise NotFound(words)
    require_sight(ask.actor, repository)
    return repository, f"refs/heads/{(given.branch_name or '').removeprefix('refs/heads/')}"


async def _changes(repository: Repository, head: str, given: FileChanges) -> dict[str, str | bytes | None]:
    files: dict[str, str | bytes | None] = {}
    for deletion in given.deletions or ():
        if await entry_at(repository.git, head, deletion.path) is None:
            raise Validation(message=f"A path was requested for deletion which does not exist: {deletion.path}")
        files[deletion.path] = None
    for addition in given.additions or ():
        try:
            files[addition.path] = base64.b64decode(addition.contents, validate=True)
        except binascii.Error:
            raise Validation(message=f"The contents of {addition.path} are not Base64") from None
    return files


@mutation("createCommitOnBranch", CreateCommit)
async def _create(ask: Ask, given: CreateCommit) -> Mapping[str, object]:
    repository, name = await _branch(ask, given.branch)
    require(ask.actor, repository, role=Role.WRITE, permissions=("contents",))
    git = repository.git
    head = await git.ref(name)
    if head is None:
        raise NotFound(f"Could not resolve to a branch with the name '{name.removeprefix('refs/heads/')}'.")
    stale = f'Expected branch to point to "{given.expected_head_oid}" but it did not. Pull and try again.'
    if head != given.expected_head_oid:
        raise Refused("STALE_DATA", stale)
    tree = await tree_with_files(git, head, await _changes(repository, head, given.file_changes or FileChanges()))
    account = ask.actor.account
    now = ask.hub.now()
    author = Signature(account.name or account.login, account.email or account.noreply_email, now)
    text = f"{given.message.headline}\n\n{given.message.body}" if given.message.body else given.message.headline
    sha = await git.commit_tree(tree, (head,), text, author, Signature("GitHub", "noreply@github.com", now))
    await move_refs(repository, ask.actor, [RefUpdate(name, sha, head)], refused=stale)
    return {"commit": await commit_of(repository, sha), "ref": GitRef(repository, name, sha)}
