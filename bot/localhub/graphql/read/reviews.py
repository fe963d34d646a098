"""Reviews of pull requests, their line comments and threads."""

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.git_objects import commit_of
from bot.localhub.graphql.read.issues import PULL
from bot.localhub.graphql.read.remarks import issue_path, remark
from bot.localhub.graphql.registry import Fields
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.review import Review, ReviewComment, ReviewThread
from bot.localhub.model.rules import latest_opinions

REVIEW = Fields("PullRequestReview", Review)
remark(REVIEW)
REVIEW.reads(
    state=lambda one: one.state,
    submittedAt=lambda one: one.submitted_at,
    commit=lambda one: commit_of(one.repository, one.commit_id),
    pullRequest=lambda one: one.pull_request,
)
REVIEW.asks(url=lambda one, ask: ask.url(f"{issue_path(one.pull_request.issue)}#pullrequestreview-{one.id}"))


def seen(pull: PullRequest, ask: Ask) -> list[Review]:
    """Those the asker may see: a pending review is its author's alone."""
    return [one for one in pull.reviews if one.state != "PENDING" or one.user is ask.actor.account]


class ReviewsPage(Page):
    author: str | None = None
    states: list[str] | None = None


@PULL.takes("reviews", ReviewsPage)
def _reviews(pull: PullRequest, ask: Ask, given: ReviewsPage) -> Connection:
    found = [
        one for one in seen(pull, ask)
        if (given.states is None or one.state in given.states) and given.author in (None, one.user.login)
    ]  # fmt: skip
    return Connection(found, given)


@PULL.takes("latestReviews", Page)
def _latest(pull: PullRequest, ask: Ask, given: Page) -> Connection:
    """The last review of each person that is not the author of the pull request."""
    last = {one.user.login: one for one in seen(pull, ask) if one.user is not pull.user and one.state != "PENDING"}
    return Connection(list(last.values()), given)


class OpinionsPage(Page):
    writers_only: bool = False


@PULL.takes("latestOpinionatedReviews", OpinionsPage)
def _opinions(pull: PullRequest, _ask: Ask, given: OpinionsPage) -> Connection:
    return Connection(latest_opinions(pull), given)


@REVIEW.takes("comments", Page)
def _of_review(one: Review, _ask: Ask, given: Page) -> Connection:
    return Connection(one.comments, given)


LINE_COMMENT = Fields("PullRequestReviewComment", ReviewComment)
remark(LINE_COMMENT)
LINE_COMMENT.reads(
    path=lambda one: one.path,
    line=lambda one: one.line,
    startLine=lambda one: one.start_line if one.line is not None else None,
    originalLine=lambda one: one.original_line,
    originalStartLine=lambda one: one.start_line,
    diffHunk=lambda one: one.diff_hunk,
    commit=lambda one: commit_of(one.repository, one.commit_id),
    originalCommit=lambda one: commit_of(one.repository, one.original_commit_id),
    outdated=lambda one: one.position is None and one.original_line is not None,
    position=lambda one: one.position,
    pullRequest=lambda one: one.pull_request,
    pullRequestReview=lambda one: one.review,
    replyTo=lambda one: one.in_reply_to,
    state=lambda one: "PENDING" if one.review.state == "PENDING" else "SUBMITTED",
    subjectType=lambda one: "LINE" if one.original_line is not None else "FILE",
)
LINE_COMMENT.asks(url=lambda one, ask: ask.url(f"{issue_path(one.pull_request.issue)}#discussion_r{one.id}"))


def _first(thread: ReviewThread) -> ReviewComment:
    return thread.comments[0]


THREAD = Fields("PullRequestReviewThread", ReviewThread)
THREAD.reads(
    id=lambda one: one.node_id,
    isResolved=lambda one: one.resolved,
    isOutdated=lambda one: one.outdated,
    isCollapsed=lambda one: one.resolved,
    path=lambda one: _first(one).path,
    line=lambda one: _first(one).line,
    startLine=lambda one: _first(one).start_line,
    originalLine=lambda one: _first(one).original_line,
    diffSide=lambda one: _first(one).side,
    subjectType=lambda one: "LINE" if _first(one).original_line is not None else "FILE",
    pullRequest=lambda one: one.pull_request,
)


class ThreadPage(Page):
    skip: int = 0


@THREAD.takes("comments", ThreadPage)
def _of_thread(one: ReviewThread, _ask: Ask, given: ThreadPage) -> Connection:
    return Connection(one.comments[given.skip :], given)


@PULL.takes("reviewThreads", Page)
def _threads(pull: PullRequest, _ask: Ask, given: Page) -> Connection:
    return Connection(pull.threads, given)
