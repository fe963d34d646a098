"""Merging a pull request, now or asynchronously, and bringing its branch up to date.

The branch is moved by compare-and-swap from the base that was looked at; `writing` is held meanwhile, so
only a fault makes "Base branch was modified" happen. Order of refusals as GitHub's: closed, draft, `sha`,
conflicts, rules.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.localhub.git.bare import Commit, RefUpdate, Signature
from bot.localhub.model.actor import Actor, Role, require
from bot.localhub.model.errors import Conflict, HubError, NotAllowed, NotFound, Validation
from bot.localhub.model.pull_request import MergeMethod, PullRequest
from bot.localhub.model.push import RefMove, refs_moved
from bot.localhub.model.rules import blocking_reasons

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub

NOT_MERGEABLE = "Pull Request is not mergeable"
HEAD_MODIFIED = "Head branch was modified. Review and try the merge again."
BASE_MODIFIED = "Base branch was modified. Review and try the merge again."
MergeAction = Literal["default", "direct_merge", "merge_queue"]


@dataclass(frozen=True, kw_only=True)
class MergeRequest:
    """How to merge. `sha` guards the head."""

    method: MergeMethod = "merge"
    sha: str | None = None
    title: str | None = None
    message: str | None = None


@dataclass(eq=False, kw_only=True)
class AsyncMerge:
    """A merge that was asked for and happens later."""

    uuid: str
    pull_request: PullRequest
    request: MergeRequest
    action: MergeAction
    expected_head_sha: str
    status: Literal["pending", "merged", "enqueued", "failed"] = "pending"
    message: str = "The merge request is pending."
    sha: str | None = None


async def merge(pull: PullRequest, actor: Actor, request: MergeRequest | None = None, *, queue: bool = False) -> str:
    """Merge; the sha of what the base is now. `queue`: the merge queue does it, so its rule does not refuse."""
    request = request or MergeRequest()
    repository = pull.repository
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    async with repository.git.writing:
        base, head = await _check(pull, request, queue=queue)
        if pull.hub.faults.base_modified > 0:
            pull.hub.faults.base_modified -= 1
            raise NotAllowed(BASE_MODIFIED)
        commits = await pull.commits()
        if request.method == "rebase":
            after = await _rebase(pull, actor, base, commits)
        else:
            after = await _merge_commit(pull, actor, request, base, head, commits)
        await repository.git.update_refs([RefUpdate(f"refs/heads/{pull.base_ref}", after, base)])
        moves = [RefMove(f"refs/heads/{pull.base_ref}", base, after)]
        mark_merged(pull, actor, after)
        if repository.delete_branch_on_merge and await repository.git.branch(pull.head_ref) == head:
            await repository.git.update_refs([RefUpdate(f"refs/heads/{pull.head_ref}", "0" * 40, head)])
            moves.append(RefMove(f"refs/heads/{pull.head_ref}", head, "0" * 40))
            pull.head_deleted = True
            pull.issue.record("head_ref_deleted", actor)
        await refs_moved(repository, actor, moves, merging=pull)
    return after


async def _check(pull: PullRequest, request: MergeRequest, *, queue: bool) -> tuple[str, str]:
    repository = pull.repository
    if pull.merged or pull.state == "closed":
        raise NotAllowed(NOT_MERGEABLE)
    if pull.draft:
        raise NotAllowed("Pull Request is still a draft")
    if request.sha is not None and request.sha != pull.head_sha:
        raise Conflict(HEAD_MODIFIED)
    base = await repository.git.branch(pull.base_ref)
    head = await repository.git.branch(pull.head_ref)
    if base is None or head is None or not await pull.compute_mergeable():
        raise NotAllowed(NOT_MERGEABLE)
    if head != pull.head_sha:
        raise Conflict(HEAD_MODIFIED)
    allowed = {
        "merge": repository.allow_merge_commit,
        "squash": repository.allow_squash_merge,
        "rebase": repository.allow_rebase_merge,
    }
    if not allowed[request.method]:
        names = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
        raise NotAllowed(f"{names[request.method]} are not allowed on this repository.")
    reasons = [one for one in blocking_reasons(pull) if not (queue and "merge queue" in one)]
    rules = repository.rules_for(pull.base_ref)
    if rules is not None and rules.strict and pull.behind:
        reasons.append("This branch must not be out-of-date with the base branch before merging.")
    if reasons:
        raise NotAllowed("Repository rule violations found\n\n" + "\n\n".join(reasons) + "\n\n")
    return base, head


def _who(actor: Actor, hub: "Hub") -> tuple[Signature, Signature]:
    now = hub.now()
    account = actor.account
    name = account.name or account.login
    return Signature(name, account.email or account.noreply_email, now), Signature("GitHub", "noreply@github.com", now)


async def _merge_commit(
    pull: PullRequest, actor: Actor, request: MergeRequest, base: str, head: str, commits: list[Commit]
) -> str:
    git = pull.repository.git
    tree = (await git.merge_tree(base, head)).tree
    assert tree is not None
    author, committer = _who(actor, pull.hub)
    if request.method == "merge":
        title = request.title or (
            f"Merge pull request #{pull.number} from {pull.repository.owner.login}/{pull.head_ref}"
        )
        message = pull.title if request.message is None else request.message
        return await git.commit_tree(tree, (base, head), _text(title, message), author, committer)
    single = commits[0].message.partition("\n")[0] if len(commits) == 1 else pull.title
    title = request.title or f"{single} (#{pull.number})"
    if request.message is not None:
        message = request.message
    elif len(commits) == 1:
        message = commits[0].message.partition("\n")[2].strip()
    else:
        message = "\n\n".join(f"* {one.message.strip()}" for one in commits)
    return await git.commit_tree(tree, (base,), _text(title, message), author, committer)


def _text(title: str, message: str) -> str:
    return f"{title}\n\n{message}" if message else title


async def _rebase(pull: PullRequest, actor: Actor, base: str, commits: list[Commit]) -> str:
    git = pull.repository.git
    _, committer = _who(actor, pull.hub)
    tip = base
    for commit in commits:
        if len(commit.parents) != 1:
            continue
        tree = (await git.merge_tree_onto(commit.parents[0], tip, commit.sha)).tree
        if tree is None:
            raise NotAllowed("This branch can't be rebased")
        tip = await git.commit_tree(tree, (tip,), commit.message, commit.author, committer)
    return tip


def mark_merged(pull: PullRequest, actor: Actor, sha: str) -> None:
    """Write down the merge, close the pull request, and close what its keywords link."""
    hub = pull.hub
    linked = pull.closing_issues()
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = hub.now(), actor.account, sha
    pull.in_merge_queue = False
    pull.issue.record("merged", actor, commit_id=sha)
    pull.issue.close_unasked(actor, None)
    hub.emit("pull_request.merged", pull, actor, pull.repository)
    for issue in linked:
        if issue.state == "open":
            issue.close_unasked(actor, "completed", source=pull.issue)


async def request_merge(pull: PullRequest, actor: Actor, request: MergeRequest, action: MergeAction) -> AsyncMerge:
    """Ask for a merge that happens later; 409 with the first one's id when one is pending already."""
    hub = pull.hub
    require(actor, pull.repository, role=Role.WRITE, permissions=("contents",))
    for other in hub.async_merges.values():
        if other.pull_request is pull and other.status == "pending":
            raise Conflict(f"A merge request is already pending for this pull request: {other.uuid}")
    if pull.state == "closed":
        raise NotAllowed(NOT_MERGEABLE)
    if request.sha is not None and request.sha != pull.head_sha:
        raise Conflict(HEAD_MODIFIED)
    rules = pull.repository.rules_for(pull.base_ref)
    has_queue = rules is not None and rules.merge_queue
    if action == "merge_queue" and not has_queue:
        raise Validation(message="The merge queue is not enabled for this branch")
    pending = AsyncMerge(
        uuid=hub.new_uuid(), pull_request=pull, request=request, action=action,
        expected_head_sha=request.sha or pull.head_sha,
    )  # fmt: skip
    hub.async_merges[pending.uuid] = pending
    hub.background(_carry_out(pending, actor, queue=has_queue and action != "direct_merge"))
    return pending


async def _carry_out(pending: AsyncMerge, actor: Actor, *, queue: bool) -> None:
    pull, asked = pending.pull_request, pending.request
    request = MergeRequest(method=asked.method, sha=pending.expected_head_sha, title=asked.title, message=asked.message)
    if queue:
        pull.in_merge_queue = True
        pending.status, pending.message = "enqueued", "Pull request was added to the merge queue."
        pull.hub.emit("pull_request.enqueued", pull, actor, pull.repository)
    try:
        pending.sha = await merge(pull, actor, request, queue=queue)
        pending.status, pending.message = "merged", "Pull Request successfully merged"
    except HubError as error:
        pull.in_merge_queue = False
        pending.status, pending.message = "failed", error.message
        if queue:
            pull.hub.emit("pull_request.dequeued", pull, actor, pull.repository)


async def update_branch(pull: PullRequest, actor: Actor, expected_head_sha: str | None) -> None:
    """Merge the base into the head, later. 422 when the head is not the expected one or nothing is to be done."""
    require(actor, pull.repository, role=Role.WRITE, permissions=("pull_requests", "contents"))
    if expected_head_sha is not None and expected_head_sha != pull.head_sha:
        raise Validation(message="expected head sha didn\u2019t match current head ref.")
    base = await pull.repository.git.branch(pull.base_ref)
    if base is None or pull.state == "closed":
        raise NotFound
    if await pull.repository.git.is_ancestor(base, pull.head_sha):
        raise Validation(message="There are no new commits on the base branch.")
    if not await pull.compute_mergeable():
        raise Validation(message="merge conflict between base and head")
    pull.hub.background(_update_branch(pull, actor, pull.head_sha))


async def _update_branch(pull: PullRequest, actor: Actor, head: str) -> None:
    git = pull.repository.git
    async with git.writing:
        base = await git.branch(pull.base_ref)
        if base is None or await git.branch(pull.head_ref) != head:
            return
        tree = (await git.merge_tree(head, base)).tree
        if tree is None:
            return
        author, committer = _who(actor, pull.hub)
        message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
        after = await git.commit_tree(tree, (head, base), message, author, committer)
        await git.update_refs([RefUpdate(f"refs/heads/{pull.head_ref}", after, head)])
        await refs_moved(pull.repository, actor, [RefMove(f"refs/heads/{pull.head_ref}", head, after)])
