"""Renaming a branch, and making another one the default.

GitHub retargets the open pull requests of a renamed branch and carries its rules over; git knows the old name no more
("Renaming a branch" in GitHub's documentation). A change of the default branch is told as `repository.edited`.
"""

from bot.localhub.git.bare import ZERO, RefUpdate
from bot.localhub.model.actor import Actor, Role, require
from bot.localhub.model.errors import NotFound, Validation
from bot.localhub.model.refs import check_name
from bot.localhub.model.repository import Repository, require_admin


async def rename_branch(repository: Repository, actor: Actor, old: str, new: str) -> None:
    """Move the branch `old` to the name `new`. The default branch stays the default; renaming it takes an admin.
    422 where `new` exists."""
    if old == repository.default_branch:
        require_admin(actor, repository)
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    check_name(f"refs/heads/{new}")
    git = repository.git
    async with git.writing:
        sha = await git.branch(old)
        if sha is None:
            raise NotFound("Branch not found")
        if await git.branch(new) is not None:
            raise Validation(message=f"Branch {new} already exists")
        await git.update_refs([RefUpdate(f"refs/heads/{new}", sha, ZERO), RefUpdate(f"refs/heads/{old}", ZERO, sha)])
        now = repository.hub.now()
        repository.ref_moves += [(now, f"refs/heads/{new}", ZERO), (now, f"refs/heads/{old}", sha)]
    for pull in repository.pull_requests:
        if pull.state == "open" and pull.head_ref == old:
            pull.head_deleted = True
            pull.issue.close_unasked(actor, None)
        elif pull.base_ref == old and not pull.merged:
            pull.base_ref = new
            pull.issue.record("base_ref_changed", actor, rename=(old, new))
            pull.issue.touch()
            pull.issue.emit("edited", actor, changes={"base": old})
    if (rules := repository.rules_for(old)) is not None and rules.pattern == old:
        repository.unprotect(old)
        repository.protect(
            new,
            required_checks=rules.required_checks,
            required_reviews=rules.required_reviews,
            strict=rules.strict,
            merge_queue=rules.merge_queue,
            dismiss_stale_reviews=rules.dismiss_stale_reviews,
        )
    if old == repository.default_branch:
        await _point_at(repository, actor, new)


async def set_default_branch(repository: Repository, actor: Actor, name: str) -> None:
    """Make another branch the default one. 422 where it does not exist."""
    require(actor, repository, role=Role.ADMIN, permissions=("administration",))
    if await repository.git.branch(name) is None:
        raise Validation(message="Cannot update default branch for an empty repository. Please init the repository "
                         "and push first." if not await repository.git.refs("refs/heads/")
                         else f"The branch {name} was not found. Please push that ref first or create it via the "
                         "Git Data API.")  # fmt: skip
    if name != repository.default_branch:
        await _point_at(repository, actor, name)


async def _point_at(repository: Repository, actor: Actor, name: str) -> None:
    await repository.git.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
    old, repository.default_branch = repository.default_branch, name
    repository.hub.emit("repository.edited", repository, actor, repository, changes={"default_branch": old})
