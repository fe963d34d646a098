"""Mutations of comments and reactions."""

from collections.abc import Mapping

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Edge, cursor
from bot.localhub.graphql.read.remarks import GRAPHQL_CONTENT, groups, reactions_of
from bot.localhub.graphql.write.issues import labelable
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.comment import Comment
from bot.localhub.model.errors import NotFound
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.reactions import react, unreact
from bot.localhub.model.review import ReviewComment

CONTENTS = {name: content for content, name in GRAPHQL_CONTENT.items()}


class AddComment(Input):
    subject_id: str
    body: str


@mutation("addComment", AddComment)
async def _add(ask: Ask, given: AddComment) -> Mapping[str, object]:
    issue = await labelable(ask, given.subject_id)
    comment = issue.comment(ask.actor, given.body)
    edge = Edge(cursor(len(issue.comments) - 1), comment)
    return {"commentEdge": edge, "subject": issue.pull_request or issue}


class UpdateComment(Input):
    id: str
    body: str


@mutation("updateIssueComment", UpdateComment)
async def _update(ask: Ask, given: UpdateComment) -> Mapping[str, object]:
    comment = await the(ask, Comment, given.id)
    comment.edit(ask.actor, given.body)
    return {"issueComment": comment}


class DeleteComment(Input):
    id: str


@mutation("deleteIssueComment", DeleteComment)
async def _delete(ask: Ask, given: DeleteComment) -> Mapping[str, object]:
    (await the(ask, Comment, given.id)).delete(ask.actor)
    return {}


class React(Input):
    subject_id: str
    content: str


async def _subject(ask: Ask, global_id: str) -> tuple[Issue | Comment | ReviewComment, object]:
    """What takes the reaction in the model, and what GraphQL shows for it."""
    found = await the(ask, object, global_id)
    if isinstance(found, Comment | ReviewComment):
        return found, found
    issue = await labelable(ask, global_id)
    return issue, issue.pull_request or issue


def _groups(subject: object) -> object:
    assert isinstance(subject, Issue | PullRequest | Comment | ReviewComment)
    return groups(subject)


@mutation("addReaction", React)
async def _react(ask: Ask, given: React) -> Mapping[str, object]:
    taker, subject = await _subject(ask, given.subject_id)
    reaction, _ = react(taker, ask.actor, CONTENTS[given.content])
    return {"reaction": reaction, "subject": subject, "reactionGroups": _groups(subject)}


@mutation("removeReaction", React)
async def _unreact(ask: Ask, given: React) -> Mapping[str, object]:
    taker, subject = await _subject(ask, given.subject_id)
    wanted = CONTENTS[given.content]
    mine = [one for one in reactions_of(taker) if one.content == wanted and one.user is ask.actor.account]
    if not mine:
        raise NotFound("Could not find the reaction")
    unreact(taker, ask.actor, mine[0].id)
    return {"reaction": mine[0], "subject": subject, "reactionGroups": _groups(subject)}
