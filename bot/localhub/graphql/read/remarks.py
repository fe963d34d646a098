"""What issues, comments, reviews and line comments have in common: author, text, edits and reactions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.registry import Fields
from bot.localhub.model.actor import Role, may
from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.reactions import CONTENTS, Reaction, ReactionContent
from bot.localhub.model.repository import Repository
from bot.localhub.model.review import Review, ReviewComment
from bot.localhub.model.user import User

Remark = Issue | PullRequest | Comment | Review | ReviewComment
R = TypeVar("R", Issue, PullRequest, Comment, Review, ReviewComment)
GRAPHQL_CONTENT: dict[ReactionContent, str] = {
    "+1": "THUMBS_UP", "-1": "THUMBS_DOWN", "laugh": "LAUGH", "hooray": "HOORAY", "confused": "CONFUSED",
    "heart": "HEART", "rocket": "ROCKET", "eyes": "EYES",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """The one edit of a text that the hub remembers."""

    id: str
    at: datetime
    editor: User | None
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """The reactions of one kind to a thing."""

    subject: Remark
    content: ReactionContent
    reactions: tuple[Reaction, ...]


def reactions_of(one: Remark) -> tuple[Reaction, ...]:
    """Reviews take none here."""
    if isinstance(one, PullRequest):
        return one.issue.reactions
    return () if isinstance(one, Review) else one.reactions


def groups(one: Remark) -> list[Group]:
    """One group for each kind of reaction, used or not, as GitHub lists them."""
    found = reactions_of(one)
    return [Group(one, kind, tuple(each for each in found if each.content == kind)) for kind in CONTENTS]


def edit_of(one: Remark) -> Edit | None:
    """The last edit of the text, if it was edited."""
    if isinstance(one, PullRequest):
        one = one.issue
    if isinstance(one, Issue):
        if one.body_edited_at is None:
            return None
        return Edit(f"UCE_{one.node_id}", one.body_edited_at, one.body_editor, one.body or "")
    made = one.submitted_at or one.updated_at if isinstance(one, Review) else one.created_at
    if one.updated_at <= made:
        return None
    return Edit(f"UCE_{one.node_id}", one.updated_at, one.user, one.body)


def _created(one: Remark) -> datetime:
    if isinstance(one, PullRequest):
        return one.issue.created_at
    return one.submitted_at or one.updated_at if isinstance(one, Review) else one.created_at


def _updated(one: Remark) -> datetime:
    return one.issue.updated_at if isinstance(one, PullRequest) else one.updated_at


def _edits(one: Remark, _ask: Ask, given: Page) -> Connection:
    edit = edit_of(one)
    return Connection([edit] if edit is not None else [], given)


def may_update(one: Remark, ask: Ask, permission: str) -> bool:
    """Whether the asker may edit the text."""
    return one.user is ask.actor.account or may(ask.actor, one.repository, role=Role.WRITE, permissions=(permission,))


def _association(one: Remark) -> str:
    repository: Repository = one.repository
    return repository.association(one.user)


def remark(fields: Fields[R]) -> None:
    """Register the fields of `Comment` and `Reactable`."""
    fields.reads(
        id=lambda one: one.node_id,
        databaseId=lambda one: one.id,
        fullDatabaseId=lambda one: str(one.id),
        repository=lambda one: one.repository,
        author=lambda one: one.user,
        authorAssociation=_association,
        body=lambda one: one.body or "",
        createdAt=_created,
        updatedAt=_updated,
        lastEditedAt=lambda one: _or_none(edit_of(one), lambda edit: edit.at),
        editor=lambda one: _or_none(edit_of(one), lambda edit: edit.editor),
        includesCreatedEdit=lambda one: edit_of(one) is not None,
        reactionGroups=groups,
    )
    fields.asks(viewerDidAuthor=lambda one, ask: one.user is ask.actor.account)
    fields.takes("userContentEdits", Page)(_edits)


T = TypeVar("T")


def _or_none(edit: Edit | None, reader: Callable[[Edit], T]) -> T | None:
    return reader(edit) if edit is not None else None


EDIT = Fields("UserContentEdit", Edit)
EDIT.reads(
    id=lambda one: one.id,
    createdAt=lambda one: one.at,
    updatedAt=lambda one: one.at,
    editedAt=lambda one: one.at,
    editor=lambda one: one.editor,
    diff=lambda one: one.text,
)

GROUP = Fields("ReactionGroup", Group)
GROUP.reads(
    content=lambda one: GRAPHQL_CONTENT[one.content],
    createdAt=lambda one: min((each.created_at for each in one.reactions), default=None),
    subject=lambda one: one.subject,
)
GROUP.asks(viewerHasReacted=lambda one, ask: any(each.user is ask.actor.account for each in one.reactions))


@GROUP.takes("users", Page)
def _users(one: Group, _ask: Ask, given: Page) -> Connection:
    return Connection([each.user for each in one.reactions if each.user.type == "User"], given)


@GROUP.takes("reactors", Page)
def _reactors(one: Group, _ask: Ask, given: Page) -> Connection:
    return Connection([each.user for each in one.reactions], given)


REACTION = Fields("Reaction", Reaction)
REACTION.reads(
    id=lambda one: one.node_id,
    databaseId=lambda one: one.id,
    content=lambda one: GRAPHQL_CONTENT[one.content],
    createdAt=lambda one: one.created_at,
    user=lambda one: one.user if one.user.type == "User" else None,
)

COMMENT = Fields("IssueComment", Comment)
remark(COMMENT)
COMMENT.reads(
    isMinimized=lambda one: one.minimized_reason is not None,
    minimizedReason=lambda one: one.minimized_reason,
    issue=lambda one: one.issue,
    pullRequest=lambda one: one.issue.pull_request,
)
COMMENT.asks(
    url=lambda one, ask: ask.url(f"{issue_path(one.issue)}#issuecomment-{one.id}"),
    viewerCanUpdate=lambda one, ask: may_update(one, ask, "issues"),
    viewerCanDelete=lambda one, ask: may_update(one, ask, "issues"),
)


def issue_path(issue: Issue) -> str:
    """The path of its page."""
    kind = "issues" if issue.pull_request is None else "pull"
    return f"/{issue.repository.full_name}/{kind}/{issue.number}"
