"""Reactions to issues, comments and review comments. One of a kind per user: a second is the first."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from bot.localhub.model.actor import Actor, Level, Role, require
from bot.localhub.model.errors import Forbidden, NotFound, invalid
from bot.localhub.model.node_ids import node_id

if TYPE_CHECKING:
    from bot.localhub.model.comment import Comment
    from bot.localhub.model.issue import Issue
    from bot.localhub.model.review import ReviewComment
    from bot.localhub.model.user import User

    Reactable: TypeAlias = Issue | Comment | ReviewComment

ReactionContent = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]
CONTENTS: tuple[ReactionContent, ...] = get_args(ReactionContent)


@dataclass(frozen=True)
class Reaction:
    """A reaction."""

    id: int
    user: "User"
    content: ReactionContent
    created_at: datetime

    @property
    def node_id(self) -> str:
        return node_id("Reaction", self.id)


def react(subject: "Reactable", actor: Actor, content: str) -> tuple[Reaction, bool]:
    """Add a reaction; the second value says whether it is new."""
    known = next((one for one in CONTENTS if one == content), None)
    if known is None:
        raise invalid("Reaction", "content")
    require(actor, subject.repository, role=Role.READ, permissions=("issues", "pull_requests"))
    for reaction in subject.reactions:
        if reaction.user is actor.account and reaction.content == content:
            return reaction, False
    hub = subject.hub
    reaction = Reaction(hub.next_id("reaction"), actor.account, known, hub.now())
    subject.reactions = (*subject.reactions, reaction)
    hub.emit("reaction.created", reaction, actor, subject.repository, related=subject)
    return reaction, True


def unreact(subject: "Reactable", actor: Actor, reaction_id: int) -> None:
    """Take a reaction back. Only its author may."""
    require(actor, subject.repository, role=Role.READ, permissions=("issues", "pull_requests"), level=Level.WRITE)
    reaction = next((one for one in subject.reactions if one.id == reaction_id), None)
    if reaction is None:
        raise NotFound
    if reaction.user is not actor.account:
        raise Forbidden("You are not allowed to delete this reaction.")
    subject.reactions = tuple(one for one in subject.reactions if one is not reaction)
    subject.hub.emit("reaction.deleted", reaction, actor, subject.repository, related=subject)
