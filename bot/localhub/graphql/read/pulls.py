"""Pull requests: branches, merging, files and commits. What they share with issues is in `issues.py`."""

from dataclasses import dataclass

from bot.localhub.git.bare import Commit
from bot.localhub.git.files import FileDiff
from bot.localhub.graphql.ask import Ask, readable
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.git_objects import COMMIT, REF, GitCommit, GitRef, commit_of, ref_of
from bot.localhub.graphql.read.issues import PULL, OrderedPage, plain_text
from bot.localhub.graphql.read.remarks import issue_path, may_update
from bot.localhub.graphql.read.repository import REPOSITORY
from bot.localhub.graphql.registry import Fields
from bot.localhub.model.node_ids import named_node_id
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.rules import review_decision
from bot.localhub.model.user import User

CHANGES = {
    "added": "ADDED", "removed": "DELETED", "modified": "MODIFIED", "renamed": "RENAMED", "copied": "COPIED",
    "changed": "CHANGED", "unchanged": "CHANGED",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PullCommit:
    """A commit as a part of a pull request."""

    pull: PullRequest
    commit: Commit


@dataclass(frozen=True, slots=True)
class Queued:
    """A pull request in a merge queue."""

    pull: PullRequest


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody who was asked to review."""

    pull: PullRequest
    user: User


@dataclass(frozen=True, slots=True)
class AutoMerge:
    """A merge that waits for the rules to hold."""

    pull: PullRequest


def state(pull: PullRequest) -> str:
    """GraphQL knows merged ones apart from closed ones."""
    return "MERGED" if pull.merged else pull.state.upper()


def _has_queue(pull: PullRequest) -> bool:
    rules = pull.repository.rules_for(pull.base_ref)
    return rules is not None and rules.merge_queue


async def _mergeable(pull: PullRequest) -> str:
    known = await pull.ask_mergeable()
    return "UNKNOWN" if known is None else "MERGEABLE" if known else "CONFLICTING"


async def _merge_state(pull: PullRequest) -> str:
    return (await pull.ask_mergeable_state()).upper()


def _path(pull: PullRequest) -> str:
    return issue_path(pull.issue)


PULL.reads(
    number=lambda pull: pull.number,
    title=lambda pull: pull.title,
    bodyText=lambda pull: plain_text(pull.body),
    state=state,
    closed=lambda pull: pull.state == "closed",
    closedAt=lambda pull: pull.issue.closed_at,
    locked=lambda pull: pull.issue.locked,
    milestone=lambda pull: pull.issue.milestone,
    isDraft=lambda pull: pull.draft,
    merged=lambda pull: pull.merged,
    mergedAt=lambda pull: pull.merged_at,
    mergedBy=lambda pull: pull.merged_by,
    mergeCommit=lambda pull: commit_of(pull.repository, pull.merge_commit_sha),
    potentialMergeCommit=lambda _: None,
    mergeable=_mergeable,
    mergeStateStatus=_merge_state,
    headRefName=lambda pull: pull.head_ref,
    headRefOid=lambda pull: pull.head_sha,
    headRef=lambda pull: ref_of(pull.repository, f"refs/heads/{pull.head_ref}"),
    headRepository=lambda pull: pull.repository,
    headRepositoryOwner=lambda pull: pull.repository.owner,
    baseRefName=lambda pull: pull.base_ref,
    baseRefOid=lambda pull: pull.base_sha,
    baseRef=lambda pull: ref_of(pull.repository, f"refs/heads/{pull.base_ref}"),
    baseRepository=lambda pull: pull.repository,
    additions=lambda pull: pull.diff.additions,
    deletions=lambda pull: pull.diff.deletions,
    changedFiles=lambda pull: pull.diff.changed_files,
    reviewDecision=review_decision,
    autoMergeRequest=lambda pull: AutoMerge(pull) if pull.auto_merge is not None else None,
    isCrossRepository=lambda _: False,
    isInMergeQueue=lambda pull: pull.in_merge_queue,
    isMergeQueueEnabled=_has_queue,
    mergeQueueEntry=lambda pull: Queued(pull) if pull.in_merge_queue else None,
    maintainerCanModify=lambda _: False,
    totalCommentsCount=lambda pull: len(pull.issue.comments) + len(pull.review_comments),
    resourcePath=_path,
)
PULL.asks(
    url=lambda pull, ask: ask.url(_path(pull)),
    permalink=lambda pull, ask: ask.url(_path(pull)),
    viewerCanUpdate=lambda pull, ask: may_update(pull, ask, "pull_requests"),
)


@PULL.takes("files", Page)
async def _files(pull: PullRequest, _ask: Ask, given: Page) -> Connection:
    return Connection(await pull.files(), given)


FILE = Fields("PullRequestChangedFile", FileDiff)
FILE.reads(
    path=lambda file: file.path,
    additions=lambda file: file.additions,
    deletions=lambda file: file.deletions,
    changeType=lambda file: CHANGES[file.status],
)


@PULL.takes("commits", Page)
async def _commits(pull: PullRequest, _ask: Ask, given: Page) -> Connection:
    return Connection([PullCommit(pull, commit) for commit in await pull.commits()], given)


def _commit_path(one: PullCommit) -> str:
    return f"{_path(one.pull)}/commits/{one.commit.sha}"


PULL_COMMIT = Fields("PullRequestCommit", PullCommit)
PULL_COMMIT.reads(
    id=lambda one: named_node_id("Commit", one.pull.repository.id, f"{one.pull.number}:{one.commit.sha}"),
    commit=lambda one: GitCommit(one.pull.repository, one.commit),
    pullRequest=lambda one: one.pull,
    resourcePath=_commit_path,
)
PULL_COMMIT.asks(url=lambda one, ask: ask.url(_commit_path(one)))


@PULL.takes("reviewRequests", Page)
def _requests(pull: PullRequest, _ask: Ask, given: Page) -> Connection:
    return Connection([Requested(pull, user) for user in pull.requested_reviewers], given)


REQUESTED = Fields("ReviewRequest", Requested)
REQUESTED.reads(
    id=lambda one: f"RR_{one.pull.node_id}_{one.user.id}",
    asCodeOwner=lambda _: False,
    requestedReviewer=lambda one: one.user,
)


class ClosingPage(OrderedPage):
    user_linked_only: bool = False


@PULL.takes("closingIssuesReferences", ClosingPage)
def _closing(pull: PullRequest, _ask: Ask, given: ClosingPage) -> Connection:
    return Connection([] if given.user_linked_only else pull.closing_issues(), given)


QUEUED = Fields("MergeQueueEntry", Queued)
QUEUED.reads(
    id=lambda one: f"MQE_{one.pull.node_id}",
    position=lambda _: 1,
    state=lambda _: "QUEUED",
    pullRequest=lambda one: one.pull,
)
AUTO = Fields("AutoMergeRequest", AutoMerge)
AUTO.reads(
    authorEmail=lambda _: None,
    commitBody=lambda _: None,
    commitHeadline=lambda _: None,
    enabledAt=lambda one: one.pull.issue.updated_at,
    enabledBy=lambda one: one.pull.user,
    mergeMethod=lambda one: (one.pull.auto_merge or "merge").upper(),
    pullRequest=lambda one: one.pull,
)


class PullsPage(OrderedPage):
    states: list[str] | None = None
    labels: list[str] | None = None
    head_ref_name: str | None = None
    base_ref_name: str | None = None

    def keep(self, pull: PullRequest) -> bool:
        """Whether a pull request passes."""
        names = {label.name.casefold() for label in pull.issue.labels}
        return (
            (self.states is None or state(pull) in self.states)
            and (self.head_ref_name is None or pull.head_ref == self.head_ref_name)
            and (self.base_ref_name is None or pull.base_ref == self.base_ref_name)
            and (self.labels is None or any(name.casefold() in names for name in self.labels))
        )


def selected(pulls: tuple[PullRequest, ...], given: PullsPage) -> Connection:
    """Filtered and sorted."""
    found = [pull for pull in pulls if given.keep(pull)]
    if given.order_by is not None:
        by_change = given.order_by.field == "UPDATED_AT"
        found.sort(
            key=lambda pull: (pull.issue.updated_at if by_change else pull.issue.created_at, pull.number),
            reverse=given.order_by.direction == "DESC",
        )
    return Connection(found, given)


@REPOSITORY.takes("pullRequests", PullsPage)
def _pulls(one: Repository, ask: Ask, given: PullsPage) -> Connection:
    readable(ask, one, "pull_requests")
    return selected(one.pull_requests, given)


@REF.takes("associatedPullRequests", PullsPage)
def _of_ref(ref: GitRef, _ask: Ask, given: PullsPage) -> Connection:
    branch = ref.name.removeprefix("refs/heads/")
    return selected(tuple(pull for pull in ref.repository.pull_requests if pull.head_ref == branch), given)


@COMMIT.takes("associatedPullRequests", OrderedPage)
async def _of_commit(one: GitCommit, _ask: Ask, given: OrderedPage) -> Connection:
    sha = one.commit.sha
    found = []
    for pull in one.repository.pull_requests:
        if sha == pull.merge_commit_sha or sha in [each.sha for each in await pull.commits()]:
            found.append(pull)
    return Connection(found, given)
