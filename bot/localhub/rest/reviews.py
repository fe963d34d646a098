"""Reviews and their line comments."""

from bot.localhub.model.errors import NotFound
from bot.localhub.model.review import (
    DraftComment,
    Review,
    ReviewComment,
    ReviewEvent,
    Side,
    comment_on_line,
    create_review,
    delete_pending_review,
    submit_review,
)
from bot.localhub.render.pulls import review_comment_json, review_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class LineComment(Body):
    path: str
    body: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None
    position: int | None = None

    @property
    def draft(self) -> DraftComment:
        """For the model."""
        return DraftComment(
            path=self.path, body=self.body, line=self.line, side=self.side, start_line=self.start_line,
            start_side=self.start_side, position=self.position,
        )  # fmt: skip


class NewReview(Body):
    body: str | None = None
    event: ReviewEvent | None = None
    commit_id: str | None = None
    comments: tuple[LineComment, ...] = ()


class NewLineComment(LineComment):
    path: str = ""
    commit_id: str | None = None
    in_reply_to: int | None = None


class Submission(Body):
    event: ReviewEvent
    body: str | None = None


class Text(Body):
    body: str


class Dismissal(Body):
    message: str


def _review(call: Call) -> Review:
    wanted = call.number("review_id")
    for one in call.pull.reviews:
        if one.id == wanted and (one.state != "PENDING" or one.user is call.actor.account):
            return one
    raise NotFound


def _comment(call: Call) -> ReviewComment:
    wanted = call.number("comment_id")
    for pull in call.readable("pull_requests").pull_requests:
        for one in pull.review_comments:
            if one.id == wanted:
                return one
    raise NotFound


def _public(comments: tuple[ReviewComment, ...]) -> list[ReviewComment]:
    return [one for one in comments if one.review.state != "PENDING"]


async def list_reviews(call: Call) -> Answer:
    me = call.caller.actor.account if call.caller.actor is not None else None
    return call.page([one for one in call.pull.reviews if one.state != "PENDING" or one.user is me], review_json)


async def create(call: Call) -> Answer:
    asked = call.body(NewReview)
    review = await create_review(
        call.pull,
        call.actor,
        asked.event,
        asked.body or "",
        commit_id=asked.commit_id,
        comments=[one.draft for one in asked.comments],
    )
    return Answer(review_json(review))


async def get(call: Call) -> Answer:
    return Answer(review_json(_review(call)))


async def edit(call: Call) -> Answer:
    review = _review(call)
    review.edit(call.actor, call.body(Text).body)
    return Answer(review_json(review))


async def delete(call: Call) -> Answer:
    review = _review(call)
    delete_pending_review(review, call.actor)
    return Answer(review_json(review))


async def submit(call: Call) -> Answer:
    review, asked = _review(call), call.body(Submission)
    submit_review(review, call.actor, asked.event, asked.body)
    return Answer(review_json(review))


async def dismiss(call: Call) -> Answer:
    review = _review(call)
    review.dismiss(call.actor, call.body(Dismissal).message)
    return Answer(review_json(review))


async def list_review_comments(call: Call) -> Answer:
    return call.page(_review(call).comments, review_comment_json)


async def list_pull_comments(call: Call) -> Answer:
    return call.page(_public(call.pull.review_comments), review_comment_json)


async def list_repository_comments(call: Call) -> Answer:
    pulls = call.readable("pull_requests").pull_requests
    return call.page([one for pull in pulls for one in _public(pull.review_comments)], review_comment_json)


async def create_comment(call: Call) -> Answer:
    pull, asked = call.pull, call.body(NewLineComment)
    if asked.in_reply_to is not None:
        root = next((one for one in pull.review_comments if one.id == asked.in_reply_to), None)
        if root is None:
            raise NotFound
        return Answer(review_comment_json(root.reply(call.actor, asked.body)), 201)
    comment = await comment_on_line(pull, call.actor, asked.draft, asked.commit_id or pull.head_sha)
    found = review_comment_json(comment)
    return Answer(found, 201, {"location": str(found["url"])})


async def reply(call: Call) -> Answer:
    wanted = call.number("comment_id")
    root = next((one for one in call.pull.review_comments if one.id == wanted), None)
    if root is None:
        raise NotFound
    found = review_comment_json(root.reply(call.actor, call.body(Text).body))
    return Answer(found, 201, {"location": str(found["url"])})


async def get_comment(call: Call) -> Answer:
    return Answer(review_comment_json(_comment(call)))


async def edit_comment(call: Call) -> Answer:
    comment = _comment(call)
    comment.edit(call.actor, call.body(Text).body)
    return Answer(review_comment_json(comment))


async def delete_comment(call: Call) -> Answer:
    _comment(call).delete(call.actor)
    return NO_CONTENT


_PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"
_REVIEW = _PULL + "/reviews/{review_id}"
_COMMENT = "/repos/{owner}/{repo}/pulls/comments/{comment_id}"
ENDPOINTS = [
    Endpoint("GET", _PULL + "/reviews", list_reviews),
    Endpoint("POST", _PULL + "/reviews", create, content=True),
    Endpoint("GET", _REVIEW, get),
    Endpoint("PUT", _REVIEW, edit),
    Endpoint("DELETE", _REVIEW, delete),
    Endpoint("POST", _REVIEW + "/events", submit, content=True),
    Endpoint("PUT", _REVIEW + "/dismissals", dismiss),
    Endpoint("GET", _REVIEW + "/comments", list_review_comments),
    Endpoint("GET", _PULL + "/comments", list_pull_comments),
    Endpoint("POST", _PULL + "/comments", create_comment, content=True),
    Endpoint("POST", _PULL + "/comments/{comment_id}/replies", reply, content=True),
    Endpoint("GET", "/repos/{owner}/{repo}/pulls/comments", list_repository_comments),
    Endpoint("GET", _COMMENT, get_comment),
    Endpoint("PATCH", _COMMENT, edit_comment),
    Endpoint("DELETE", _COMMENT, delete_comment),
]
