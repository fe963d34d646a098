"""Comments of conversations, and reactions to whatever can be reacted to."""

from datetime import datetime

from bot.localhub.model.comment import Comment
from bot.localhub.model.errors import NotFound
from bot.localhub.model.issue import Issue
from bot.localhub.model.reactions import Reaction, react, unreact
from bot.localhub.model.review import ReviewComment
from bot.localhub.render.accounts import user_json
from bot.localhub.render.issues import comment_json
from bot.localhub.render.json import Json, time
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class CommentBody(Body):
    body: str


class ReactionBody(Body):
    content: str


def _comment(call: Call) -> Comment:
    wanted = call.number("comment_id")
    for issue in call.readable("issues", "pull_requests").issues.values():
        for comment in issue.comments:
            if comment.id == wanted:
                return comment
    raise NotFound


def _review_comment(call: Call) -> ReviewComment:
    wanted = call.number("comment_id")
    for pull in call.readable("pull_requests").pull_requests:
        for comment in pull.review_comments:
            if comment.id == wanted:
                return comment
    raise NotFound


def _since(call: Call, comments: list[Comment]) -> list[Comment]:
    since = call.query("since")
    return [one for one in comments if not since or one.updated_at >= datetime.fromisoformat(since)]


async def list_comments(call: Call) -> Answer:
    return call.page(_since(call, list(call.issue.comments)), comment_json)


async def list_repository_comments(call: Call) -> Answer:
    issues = call.readable("issues", "pull_requests").issues.values()
    found = _since(call, [one for issue in issues for one in issue.comments])
    by_update = call.query("sort") == "updated"
    newest_first = call.query("direction", "asc") == "desc"
    found.sort(key=lambda one: (one.updated_at if by_update else one.created_at, one.id), reverse=newest_first)
    return call.page(found, comment_json)


async def create_comment(call: Call) -> Answer:
    comment = call.issue.comment(call.actor, call.body(CommentBody).body)
    found = comment_json(comment)
    return Answer(found, 201, {"location": str(found["url"])})


async def get_comment(call: Call) -> Answer:
    return Answer(comment_json(_comment(call)))


async def edit_comment(call: Call) -> Answer:
    comment = _comment(call)
    comment.edit(call.actor, call.body(CommentBody).body)
    return Answer(comment_json(comment))


async def delete_comment(call: Call) -> Answer:
    _comment(call).delete(call.actor)
    return NO_CONTENT


Reactable = Issue | Comment | ReviewComment


def _reaction_json(subject: Reactable, reaction: Reaction) -> Json:
    return {
        "id": reaction.id,
        "node_id": reaction.node_id,
        "user": user_json(subject.hub, reaction.user),
        "content": reaction.content,
        "created_at": time(reaction.created_at),
    }


def _subject(call: Call) -> Reactable:
    if "issue_number" in call.request.path_params:
        return call.issue
    return _review_comment(call) if "/pulls/comments/" in call.path else _comment(call)


async def list_reactions(call: Call) -> Answer:
    subject, content = _subject(call), call.query("content")
    found = [one for one in subject.reactions if content in ("", one.content)]
    return call.page(found, lambda one: _reaction_json(subject, one))


async def create_reaction(call: Call) -> Answer:
    subject = _subject(call)
    reaction, new = react(subject, call.actor, call.body(ReactionBody).content)
    return Answer(_reaction_json(subject, reaction), 201 if new else 200)


async def delete_reaction(call: Call) -> Answer:
    unreact(_subject(call), call.actor, call.number("reaction_id"))
    return NO_CONTENT


_REPO = "/repos/{owner}/{repo}"
_REACTABLE = ("/issues/{issue_number}", "/issues/comments/{comment_id}", "/pulls/comments/{comment_id}")
ENDPOINTS = [
    Endpoint("GET", _REPO + "/issues/{issue_number}/comments", list_comments),
    Endpoint("POST", _REPO + "/issues/{issue_number}/comments", create_comment, content=True),
    Endpoint("GET", _REPO + "/issues/comments", list_repository_comments),
    Endpoint("GET", _REPO + "/issues/comments/{comment_id}", get_comment),
    Endpoint("PATCH", _REPO + "/issues/comments/{comment_id}", edit_comment),
    Endpoint("DELETE", _REPO + "/issues/comments/{comment_id}", delete_comment),
    *(Endpoint("GET", f"{_REPO}{one}/reactions", list_reactions) for one in _REACTABLE),
    *(Endpoint("POST", f"{_REPO}{one}/reactions", create_reaction) for one in _REACTABLE),
    *(Endpoint("DELETE", _REPO + one + "/reactions/{reaction_id}", delete_reaction) for one in _REACTABLE),
]
