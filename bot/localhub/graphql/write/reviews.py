"""Mutations of reviews."""

from collections.abc import Mapping

from pydantic import Field

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Edge, cursor
from bot.localhub.graphql.registry import Arguments
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.errors import NotFound
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.review import DraftComment, Review, ReviewEvent, Side, create_review, submit_review

EVENTS: dict[str, ReviewEvent] = {
    "APPROVE": "APPROVE", "REQUEST_CHANGES": "REQUEST_CHANGES", "COMMENT": "COMMENT",
}  # fmt: skip


class DraftThread(Arguments):
    """A comment on a line, or on lines from `startLine` to `line`."""

    body: str
    path: str | None = None
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None


class DraftAtPosition(Arguments):
    """The older way: a position below the first hunk header."""

    body: str
    path: str
    position: int


class AddReview(Input):
    pull_request_id: str
    body: str | None = None
    event: str | None = None
    commit_oid: str | None = Field(None, alias="commitOID")
    comments: list[DraftAtPosition] | None = None
    threads: list[DraftThread] | None = None


@mutation("addPullRequestReview", AddReview)
async def _add(ask: Ask, given: AddReview) -> Mapping[str, object]:
    """Without an event the review stays pending."""
    pull = await the(ask, PullRequest, given.pull_request_id)
    drafts = [DraftComment(path=one.path, body=one.body, position=one.position) for one in given.comments or ()]
    for one in given.threads or ():
        drafts.append(
            DraftComment(
                path=one.path or "",
                body=one.body,
                line=one.line,
                side=one.side,
                start_line=one.start_line,
                start_side=one.start_side,
            )
        )
    event = EVENTS[given.event] if given.event is not None else None
    review = await create_review(pull, ask.actor, event, given.body or "", commit_id=given.commit_oid, comments=drafts)
    return {"pullRequestReview": review, "reviewEdge": Edge(cursor(len(pull.reviews) - 1), review)}


class SubmitReview(Input):
    event: str
    pull_request_id: str | None = None
    pull_request_review_id: str | None = None
    body: str | None = None


@mutation("submitPullRequestReview", SubmitReview)
async def _submit(ask: Ask, given: SubmitReview) -> Mapping[str, object]:
    if given.pull_request_review_id is not None:
        review = await the(ask, Review, given.pull_request_review_id)
    else:
        pull = await the(ask, PullRequest, given.pull_request_id or "")
        pending = [one for one in pull.reviews if one.state == "PENDING" and one.user is ask.actor.account]
        if not pending:
            raise NotFound("Could not find a pending review")
        review = pending[0]
    submit_review(review, ask.actor, EVENTS[given.event], given.body)
    return {"pullRequestReview": review}
