"""Moving refs other than by git push: REST's git refs, and GraphQL's createRef, updateRefs, deleteRef."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.localhub.git.bare import ZERO, GitError, RefUpdate
from bot.localhub.model.actor import Actor, Role, require
from bot.localhub.model.errors import Conflict, Forbidden, Validation
from bot.localhub.model.push import RefMove, moves_between, refs_moved

if TYPE_CHECKING:
    from bot.localhub.model.repository import Repository

_NAME = re.compile(r"refs/[^/\s~^:?*\[\\]+/[^\s~^:?*\[\\]+")
WORKFLOWS = ".github/workflows"


def check_name(name: str) -> None:
    """422 unless it is a full ref name with at least two slashes."""
    if name.startswith("refs/pull/"):
        raise Validation(message="Reference cannot be updated")
    bad = ".." in name or "//" in name or "@{" in name or name.endswith((".", "/", ".lock"))
    if bad or _NAME.fullmatch(name) is None:
        raise Validation(message=f"{name} is not a valid ref name.")


async def create_ref(repository: "Repository", actor: Actor, name: str, sha: str) -> None:
    """Make a ref. 422 when it exists or the object does not; 409 in an empty repository."""
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    check_name(name)
    if not await repository.git.refs("refs/heads/"):
        raise Conflict("Git Repository is empty.")
    if await repository.git.kind(sha) is None:
        raise Validation(message="Object does not exist")
    if await repository.git.ref(name) is not None:
        raise Validation(message="Reference already exists")
    await move_refs(repository, actor, [RefUpdate(name, sha, ZERO)], refused="Reference already exists")


async def update_ref(repository: "Repository", actor: Actor, name: str, sha: str, *, force: bool = False) -> None:
    """Move a ref. 422 when it is missing, or would not be fast-forwarded and `force` is not set."""
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    before = await repository.git.ref(name)
    if before is None:
        raise Validation(message="Reference does not exist")
    if await repository.git.kind(sha) is None:
        raise Validation(message="Object does not exist")
    if not force and await repository.git.kind(sha) == "commit" and not await repository.git.is_ancestor(before, sha):
        raise Validation(message="Update is not a fast forward")
    await move_refs(repository, actor, [RefUpdate(name, sha, before)], refused="Update is not a fast forward")


async def delete_ref(repository: "Repository", actor: Actor, name: str) -> None:
    """Delete a ref. 422 when it is missing or the default branch."""
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    before = await repository.git.ref(name)
    if before is None:
        raise Validation(message="Reference does not exist")
    if name == f"refs/heads/{repository.default_branch}":
        raise Validation(message="Cannot delete the default branch")
    await move_refs(repository, actor, [RefUpdate(name, ZERO, before)], refused="Reference does not exist")


async def move_refs(
    repository: "Repository",
    actor: Actor,
    updates: Sequence[RefUpdate],
    *,
    refused: str = "Reference cannot be updated",
) -> list[RefMove]:
    """Move refs, all or none, each from where it is said to be; 422 with the words `refused` when one is elsewhere.

    Asks for write access, for `workflows` where workflow files change, and for the rules of branches.
    """
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    git = repository.git
    async with git.writing:
        before = await git.refs()
        for update in updates:
            await _check_rules(repository, actor, update, before.get(update.name))
        try:
            await git.update_refs(updates)
        except GitError as error:
            raise Validation(message=refused) from error
        moves = moves_between(before, await git.refs())
        await refs_moved(repository, actor, moves)
    return moves


async def _check_rules(repository: "Repository", actor: Actor, update: RefUpdate, before: str | None) -> None:
    branch = update.name.removeprefix("refs/heads/")
    if branch != update.name and before is not None and protected(repository, branch):
        raise Validation(message="Protected branch update failed for " + update.name + ".")
    if actor.app is not None and branch != update.name and update.after != ZERO:
        path = await changed_workflow(repository, before, update.after)
        if path is not None and not may_change_workflows(actor, repository):
            raise Forbidden(workflow_refusal(path))


def protected(repository: "Repository", branch: str) -> bool:
    """Whether the branch takes changes through pull requests only."""
    rules = repository.rules_for(branch)
    return rules is not None and bool(rules.required_checks or rules.required_reviews or rules.merge_queue)


def may_change_workflows(actor: Actor, repository: "Repository") -> bool:
    """People may; an App needs `workflows: write`."""
    return actor.app is None or actor.level_in(repository, "workflows") >= 2


def workflow_refusal(path: str) -> str:
    """What GitHub says to a push of a workflow file by an App that may not."""
    return f"refusing to allow a GitHub App to create or update workflow `{path}` without `workflows` permission"


async def changed_workflow(repository: "Repository", before: str | None, after: str) -> str | None:
    """A workflow file that differs between two commits; a new branch is compared with the default branch."""
    git = repository.git
    if await git.kind(after) != "commit":
        return None
    base = before or await git.branch(repository.default_branch)
    if base is None:
        names = await git.text("ls-tree", "-r", "--name-only", after, "--", WORKFLOWS + "/")
    else:
        start = await git.merge_base(base, after) or base
        names = await git.text("diff", "--name-only", start, after, "--", WORKFLOWS + "/")
    return names.split("\n")[0] or None
