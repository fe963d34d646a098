"""Mutations of pull requests."""

from collections.abc import Mapping

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.read.pulls import Queued
from bot.localhub.graphql.write.issues import by_login, set_details, set_state
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.actor import Role, require
from bot.localhub.model.errors import Validation
from bot.localhub.model.merge import MergeRequest, merge, request_merge, update_branch
from bot.localhub.model.pull_request import MergeMethod, PullRequest, open_pull_request
from bot.localhub.model.repository import Repository

METHODS: dict[str, MergeMethod] = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}


class CreatePull(Input):
    repository_id: str
    base_ref_name: str
    head_ref_name: str
    title: str
    head_repository_id: str | None = None
    body: str | None = None
    draft: bool | None = None
    maintainer_can_modify: bool | None = None


@mutation("createPullRequest", CreatePull)
async def _create(ask: Ask, given: CreatePull) -> Mapping[str, object]:
    repository = await the(ask, Repository, given.repository_id)
    if given.head_repository_id not in (None, given.repository_id):
        raise Validation(message="Head repository can't be another one: there are no forks here")
    pull = await open_pull_request(
        repository, ask.actor, title=given.title, head=given.head_ref_name, base=given.base_ref_name,
        body=given.body, draft=bool(given.draft),
    )  # fmt: skip
    return {"pullRequest": pull}


class UpdatePull(Input):
    pull_request_id: str
    title: str | None = None
    body: str | None = None
    state: str | None = None
    base_ref_name: str | None = None
    maintainer_can_modify: bool | None = None
    assignee_ids: list[str] | None = None
    label_ids: list[str] | None = None
    milestone_id: str | None = None


@mutation("updatePullRequest", UpdatePull)
async def _update(ask: Ask, given: UpdatePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    pull.issue.edit(ask.actor, title=given.title, body=given.body)
    if given.base_ref_name is not None:
        await pull.set_base(ask.actor, given.base_ref_name)
    await set_details(ask, pull.issue, given)
    if given.state is not None:
        set_state(ask, pull.issue, given.state)
    return {"pullRequest": pull, "actor": ask.actor.account}


class OnePull(Input):
    pull_request_id: str


@mutation("closePullRequest", OnePull)
async def _close(ask: Ask, given: OnePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    pull.issue.close(ask.actor, None)
    return {"pullRequest": pull}


@mutation("reopenPullRequest", OnePull)
async def _reopen(ask: Ask, given: OnePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    pull.issue.reopen(ask.actor)
    return {"pullRequest": pull}


@mutation("markPullRequestReadyForReview", OnePull)
async def _ready(ask: Ask, given: OnePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    pull.set_draft(ask.actor, False)
    return {"pullRequest": pull}


@mutation("convertPullRequestToDraft", OnePull)
async def _draft(ask: Ask, given: OnePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    pull.set_draft(ask.actor, True)
    return {"pullRequest": pull}


class MergePull(Input):
    pull_request_id: str
    commit_headline: str | None = None
    commit_body: str | None = None
    expected_head_oid: str | None = None
    merge_method: str | None = None

    @property
    def request(self) -> MergeRequest:
        """As the model asks for it."""
        return MergeRequest(
            method=METHODS[self.merge_method or "MERGE"],
            sha=self.expected_head_oid,
            title=self.commit_headline,
            message=self.commit_body,
        )


@mutation("mergePullRequest", MergePull)
async def _merge(ask: Ask, given: MergePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    await merge(pull, ask.actor, given.request)
    return {"pullRequest": pull, "actor": ask.actor.account}


class Enqueue(Input):
    pull_request_id: str
    expected_head_oid: str | None = None


@mutation("enqueuePullRequest", Enqueue)
async def _enqueue(ask: Ask, given: Enqueue) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    await request_merge(pull, ask.actor, MergeRequest(sha=given.expected_head_oid), "merge_queue")
    return {"mergeQueueEntry": Queued(pull)}


@mutation("enablePullRequestAutoMerge", MergePull)
async def _enable(ask: Ask, given: MergePull) -> Mapping[str, object]:
    """Refused as on a repository that does not allow it: the hub's repositories do not."""
    pull = await the(ask, PullRequest, given.pull_request_id)
    require(ask.actor, pull.repository, role=Role.WRITE, permissions=("pull_requests",))
    raise Validation(message="Pull request Auto merge is not allowed for this repository")


@mutation("disablePullRequestAutoMerge", OnePull)
async def _disable(ask: Ask, given: OnePull) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    require(ask.actor, pull.repository, role=Role.WRITE, permissions=("pull_requests",))
    raise Validation(message="Can't disable auto-merge for this pull request.")


class UpdateBranch(Input):
    pull_request_id: str
    expected_head_oid: str | None = None
    update_method: str | None = None


@mutation("updatePullRequestBranch", UpdateBranch)
async def _update_branch(ask: Ask, given: UpdateBranch) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    if given.update_method == "REBASE":
        raise Validation(message="The localhub updates branches by merging only")
    await update_branch(pull, ask.actor, given.expected_head_oid)
    return {"pullRequest": pull}


class RequestReviews(Input):
    pull_request_id: str
    user_logins: list[str] | None = None
    bot_logins: list[str] | None = None
    team_slugs: list[str] | None = None
    union: bool | None = None


@mutation("requestReviewsByLogin", RequestReviews)
async def _request_reviews(ask: Ask, given: RequestReviews) -> Mapping[str, object]:
    pull = await the(ask, PullRequest, given.pull_request_id)
    if given.team_slugs:
        raise Validation(message="Could not resolve to a Team")
    people = tuple(by_login(ask, login) for login in [*(given.user_logins or []), *(given.bot_logins or [])])
    if not given.union:
        gone = tuple(user for user in pull.requested_reviewers if user not in people)
        pull.remove_reviewers(ask.actor, gone)
    pull.request_reviewers(ask.actor, people)
    return {"pullRequest": pull, "actor": ask.actor.account}
