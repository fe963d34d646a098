"""Writes that people see under an issue: comments, reactions, labels."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, JsonValue

from bot.github.client import Request, parsed
from bot.github.errors import NotThere
from bot.github.shares import Urgency
from bot.github.writing.target import Target, fitted
from bot.model.action import AddLabel, EditComment, React, RemoveLabel, WriteComment
from bot.model.fact import CommentWritten, Fact, LabelChanged, Reacted
from bot.model.observed import Comment


class _Comment(BaseModel):
    id: int
    body: str
    created_at: datetime


async def write_comment(target: Target, action: WriteComment) -> tuple[Fact, ...]:
    """A person waits for it: a status, a question or a reply. Never sent twice."""
    body: JsonValue = {"body": fitted(action.body)}
    path = target.path(f"issues/{action.issue}/comments")
    request = Request("write comment", "POST", path, body=body, writes=True, creates=1, urgency=Urgency.PERSON)
    return _written(target, action.issue, (await target.send(request)).content)


async def edit_comment(target: Target, action: EditComment) -> tuple[Fact, ...]:
    """The same text twice changes nothing."""
    body: JsonValue = {"body": fitted(action.body)}
    path = target.path(f"issues/comments/{action.comment}")
    request = Request(
        "edit comment", "PATCH", path, body=body, writes=True, harmless=True, urgency=Urgency.HOUSEKEEPING
    )
    return _written(target, action.issue, (await target.send(request)).content)


async def react(target: Target, action: React) -> tuple[Fact, ...]:
    """GitHub answers 200 instead of 201 where the reaction is there already."""
    body: JsonValue = {"content": action.reaction.value}
    path = target.path(f"issues/comments/{action.comment}/reactions")
    await target.send(Request("react", "POST", path, body=body, writes=True, harmless=True, urgency=Urgency.PERSON))
    return (Reacted(action.issue, action.comment, action.reaction),)


async def add_label(target: Target, action: AddLabel) -> tuple[Fact, ...]:
    """GitHub makes the label where the repository has none of that name."""
    body: JsonValue = {"labels": [action.label]}
    path = target.path(f"issues/{action.issue}/labels")
    await target.send(Request("add label", "POST", path, body=body, writes=True, harmless=True))
    return (LabelChanged(action.issue, action.label, present=True),)


async def remove_label(target: Target, action: RemoveLabel) -> tuple[Fact, ...]:
    """404 means that it was not there."""
    path = target.path(f"issues/{action.issue}/labels/{quote(action.label, safe='')}")
    try:
        await target.send(Request("remove label", "DELETE", path, writes=True, harmless=True))
    except NotThere as missing:
        if missing.status != 404:
            raise
    return (LabelChanged(action.issue, action.label, present=False),)


def _written(target: Target, issue: int, content: bytes) -> tuple[Fact, ...]:
    answer = parsed(_Comment, content)
    comment = Comment(
        id=answer.id,
        body=answer.body,
        author=target.identity.login,
        author_is_bot=True,
        created_at=answer.created_at,
        mine=True,
    )
    return (CommentWritten(issue, comment),)
