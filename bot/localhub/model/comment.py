"""Comments on issues and pull requests."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.localhub.model.actor import Actor, Role, may, require
from bot.localhub.model.errors import FieldError, Forbidden, Validation
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.reactions import Reaction
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.issue import Issue
    from bot.localhub.model.repository import Repository
    from bot.localhub.model.user import User


@dataclass(eq=False, kw_only=True)
class Comment(Versioned):
    """A comment of the conversation of an issue or pull request."""

    hub: "Hub"
    issue: "Issue"
    id: int
    user: "User"
    body: str
    created_at: datetime
    updated_at: datetime
    via_app: "App | None" = None
    reactions: tuple[Reaction, ...] = ()
    deleted: bool = False
    minimized_reason: str | None = None

    @property
    def node_id(self) -> str:
        return node_id("IssueComment", self.id)

    @property
    def repository(self) -> "Repository":
        return self.issue.repository

    def edit(self, actor: Actor, body: str) -> None:
        """Replace the text. The author, and people with write access, may; an App with its permission."""
        self._require_control(actor)
        check_body(self.hub, body)
        if body == self.body:
            return
        old, self.body, self.updated_at = self.body, body, self.hub.now()
        self.hub.emit("comment.edited", self, actor, self.repository, changes={"body": old})

    def delete(self, actor: Actor) -> None:
        """Remove it for good."""
        self._require_control(actor)
        self.issue.comments = tuple(one for one in self.issue.comments if one is not self)
        self.hub.forget(self)
        self.deleted = True
        self.hub.emit("comment.deleted", self, actor, self.repository)

    def _require_control(self, actor: Actor) -> None:
        require(actor, self.repository, role=Role.READ, permissions=permissions_for(self.issue))
        own = actor.account is self.user
        if not own and not may(actor, self.repository, role=Role.WRITE, permissions=permissions_for(self.issue)):
            raise Forbidden("Must have admin rights to Repository.")


def permissions_for(issue: "Issue") -> tuple[str, ...]:
    """The App permissions of which one is needed to write to this conversation."""
    return ("pull_requests", "issues") if issue.pull_request is not None else ("issues",)


def check_body(hub: "Hub", body: str) -> None:
    """422 for an empty or too long comment, in the words of the API."""
    if not body.strip():
        raise Validation(FieldError("IssueComment", "missing_field", "body"))
    if len(body) > hub.settings.max_body:
        words = f"Body is too long (maximum is {hub.settings.max_body} characters)"
        raise Validation(FieldError("IssueComment", "unprocessable", "data", words))
