"""Issues. A pull request is an issue too: its conversation, labels and state live here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.model.actor import Actor, Role, may, require
from bot.localhub.model.closing_keywords import mentioned_numbers
from bot.localhub.model.comment import Comment, check_body, permissions_for
from bot.localhub.model.errors import Forbidden, NotFound, Validation, invalid, missing_field, too_long
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.reactions import Reaction
from bot.localhub.model.timeline import TimelineEvent
from bot.localhub.model.user import User
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.pull_request import PullRequest
    from bot.localhub.model.repository import Repository

StateReason = Literal["completed", "not_planned", "duplicate", "reopened"]


@dataclass(eq=False, kw_only=True)
class Issue(Versioned):
    """An issue, or the issue side of a pull request."""

    hub: "Hub"
    repository: "Repository"
    id: int
    number: int
    title: str
    body: str | None
    user: User
    created_at: datetime
    updated_at: datetime
    via_app: "App | None" = None
    state: Literal["open", "closed"] = "open"
    state_reason: StateReason | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    labels: tuple[Label, ...] = ()
    assignees: tuple[User, ...] = ()
    milestone: Milestone | None = None
    comments: tuple[Comment, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()
    locked: bool = False
    body_edited_at: datetime | None = None
    body_editor: User | None = None
    parent: "Issue | None" = None
    sub_issues: tuple["Issue", ...] = ()
    """In the order of the list on the page."""
    blocked_by: tuple["Issue", ...] = ()
    blocking: tuple["Issue", ...] = ()
    pull_request: "PullRequest | None" = None

    @property
    def node_id(self) -> str:
        return self.pull_request.node_id if self.pull_request is not None else node_id("Issue", self.id)

    @property
    def thing(self) -> Literal["issue", "pull_request"]:
        """How its events are named."""
        return "issue" if self.pull_request is None else "pull_request"

    def edit(self, actor: Actor, *, title: str | None = None, body: str | None = None) -> None:
        """Change title or body. Its author may, and people with write access; an App with its permission."""
        self._require_control(actor, Role.WRITE)
        changes: dict[str, str] = {}
        if title is not None and title != self.title:
            check_title(self.hub, title)
            changes["title"] = self.title
            self.record("renamed", actor, rename=(self.title, title))
            self.title = title
        if body is not None and body != (self.body or ""):
            check_text(self.hub, body)
            changes["body"] = self.body or ""
            self.body, self.body_edited_at, self.body_editor = body, self.hub.now(), actor.account
            self.refer(actor, body)
        if changes:
            self.touch()
            self.emit("edited", actor, changes=changes)

    def close(self, actor: Actor, reason: StateReason | None = "completed", *, commit_id: str | None = None) -> None:
        """Close it. The author may, and people with triage access."""
        self._require_control(actor, Role.TRIAGE)
        self.close_unasked(actor, reason, commit_id=commit_id)

    def close_unasked(
        self,
        actor: Actor,
        reason: StateReason | None,
        *,
        commit_id: str | None = None,
        source: "Issue | None" = None,
    ) -> None:
        """Close it as a consequence of something the actor was allowed to do (a merge with a closing keyword)."""
        if self.state == "closed":
            if self.pull_request is None and reason is not None and reason != self.state_reason:
                self.state_reason = reason
            return
        now = self.hub.now()
        self.state, self.closed_at, self.closed_by = "closed", now, actor.account
        self.state_reason = reason if self.pull_request is None else None
        self.record("closed", actor, commit_id=commit_id, state_reason=self.state_reason, source=source)
        self.touch()
        self.emit("closed", actor)

    def reopen(self, actor: Actor) -> None:
        """Open it again. A merged pull request cannot be."""
        self._require_control(actor, Role.TRIAGE)
        if self.state == "open":
            return
        if self.pull_request is not None:
            self.pull_request.check_reopen()
        self.state, self.closed_at, self.closed_by = "open", None, None
        self.state_reason = "reopened" if self.pull_request is None else None
        self.record("reopened", actor)
        self.touch()
        self.emit("reopened", actor)

    def comment(self, actor: Actor, body: str) -> Comment:
        """Say something."""
        require(actor, self.repository, role=Role.READ, permissions=permissions_for(self))
        if self.locked and not may(actor, self.repository, role=Role.WRITE, permissions=permissions_for(self)):
            raise Forbidden("Unable to create comment because issue is locked.")
        check_body(self.hub, body)
        now = self.hub.now()
        comment = Comment(
            hub=self.hub,
            issue=self,
            id=self.hub.next_id("comment"),
            user=actor.account,
            body=body,
            created_at=now,
            updated_at=now,
            via_app=actor.app,
        )
        self.hub.remember(comment)
        self.comments = (*self.comments, comment)
        self.touch()
        self.hub.emit("comment.created", comment, actor, self.repository)
        self.refer(actor, body)
        return comment

    def add_labels(self, actor: Actor, *names: str) -> None:
        """Add labels by name; those that the repository lacks are made. At most 100 per issue."""
        self.require_triage(actor)
        wanted = [name for name in dict.fromkeys(names) if not self.has_label(name)]
        if len(self.labels) + len(wanted) > self.hub.settings.max_labels:
            raise invalid("Issue", "labels", f"Issues cannot have more than {self.hub.settings.max_labels} labels")
        for name in wanted:
            label = self.repository.label(name) or self.repository.add_label_unasked(actor, name)
            if label in self.labels:
                continue
            self.labels = (*self.labels, label)
            self.record("labeled", actor, label=label)
            self.touch()
            self.emit("labeled", actor, related=label)

    def add_label(self, actor: Actor, name: str) -> None:
        """Add one label."""
        self.add_labels(actor, name)

    def remove_label(self, actor: Actor, name: str) -> None:
        """Take a label off. 404 when it is not on."""
        self.require_triage(actor)
        label = self.repository.label(name)
        if label is None or label not in self.labels:
            raise NotFound("Label does not exist")
        self.labels = tuple(one for one in self.labels if one is not label)
        self.record("unlabeled", actor, label=label)
        self.touch()
        self.emit("unlabeled", actor, related=label)

    def set_labels(self, actor: Actor, names: Sequence[str]) -> None:
        """Have exactly these labels."""
        self.require_triage(actor)
        if len(set(names)) > self.hub.settings.max_labels:
            raise invalid("Issue", "labels", f"Issues cannot have more than {self.hub.settings.max_labels} labels")
        wanted = {name.casefold() for name in names}
        for label in self.labels:
            if label.name.casefold() not in wanted:
                self.remove_label(actor, label.name)
        self.add_labels(actor, *names)

    def has_label(self, name: str) -> bool:
        """Whether a label of that name is on it."""
        return any(one.name.casefold() == name.casefold() for one in self.labels)

    def set_assignees(self, actor: Actor, users: Sequence[User]) -> None:
        """Have exactly these assignees. 422 for one who has no access."""
        self.require_triage(actor)
        for user in users:
            if user.type == "User" and user.role_in(self.repository) < Role.READ:
                raise invalid("Issue", "assignees")
        for user in [one for one in self.assignees if one not in users]:
            self.assignees = tuple(one for one in self.assignees if one is not user)
            self.record("unassigned", actor, assignee=user)
            self.emit("unassigned", actor, related=user)
        for user in [one for one in users if one not in self.assignees]:
            self.assignees = (*self.assignees, user)
            self.record("assigned", actor, assignee=user)
            self.emit("assigned", actor, related=user)
        self.touch()

    def set_milestone(self, actor: Actor, milestone: Milestone | None) -> None:
        """Put it in a milestone, or in none."""
        self.require_triage(actor)
        if milestone is self.milestone:
            return
        old, self.milestone = self.milestone, milestone
        self.touch()
        if old is not None:
            self.record("demilestoned", actor, milestone=old)
            self.emit("demilestoned", actor, related=old)
        if milestone is not None:
            self.record("milestoned", actor, milestone=milestone)
            self.emit("milestoned", actor, related=milestone)

    def set_locked(self, actor: Actor, locked: bool) -> None:
        """Close or open the conversation for people without write access."""
        require(actor, self.repository, role=Role.WRITE, permissions=permissions_for(self))
        if locked != self.locked:
            self.locked = locked
            self.record("locked" if locked else "unlocked", actor)
            self.emit("locked" if locked else "unlocked", actor)

    def require_triage(self, actor: Actor) -> None:
        """Labels, assignees, milestones: triage access."""
        require(actor, self.repository, role=Role.TRIAGE, permissions=permissions_for(self))

    def _require_control(self, actor: Actor, role: Role) -> None:
        own = actor.app is None and actor.account is self.user
        require(actor, self.repository, role=Role.READ if own else role, permissions=permissions_for(self))

    def record(
        self,
        event: str,
        actor: Actor,
        *,
        label: Label | None = None,
        milestone: Milestone | None = None,
        assignee: User | None = None,
        reviewer: User | None = None,
        rename: tuple[str, str] | None = None,
        commit_id: str | None = None,
        state_reason: str | None = None,
        source: "Issue | None" = None,
    ) -> None:
        """Write the timeline."""
        entry = TimelineEvent(
            id=self.hub.next_id("timeline"), event=event, actor=actor.account, created_at=self.hub.now(),
            via_app=actor.app, label=label, milestone=milestone, assignee=assignee, reviewer=reviewer, rename=rename,
            commit_id=commit_id, state_reason=state_reason, source=source,
        )  # fmt: skip
        self.timeline = (*self.timeline, entry)

    def refer(self, actor: Actor, text: str | None) -> None:
        """Note on the issues that this text mentions that they were mentioned here."""
        for number in mentioned_numbers(text):
            other = self.repository.issues.get(number)
            if other is None or other is self:
                continue
            if not any(one.event == "cross-referenced" and one.source is self for one in other.timeline):
                other.record("cross-referenced", actor, source=self)

    def touch(self) -> None:
        """It was changed now."""
        self.updated_at = self.hub.now()

    def emit(
        self,
        action: str,
        actor: Actor,
        *,
        related: "Label | User | Milestone | Issue | None" = None,
        changes: dict[str, str] | None = None,
    ) -> None:
        """Tell the hub, under the name of what this is."""
        subject = self.pull_request or self
        self.hub.emit(f"{self.thing}.{action}", subject, actor, self.repository, related=related, changes=changes)

    def __repr__(self) -> str:
        return f"{self.repository}#{self.number}"


def check_title(hub: "Hub", title: str) -> None:
    """422 for an empty or too long title."""
    if not title.strip():
        raise missing_field("Issue", "title")
    if len(title) > hub.settings.max_title:
        raise too_long("Issue", "title", hub.settings.max_title)


def check_text(hub: "Hub", body: str | None) -> None:
    """422 for a too long body."""
    if body is not None and len(body) > hub.settings.max_body:
        raise too_long("Issue", "body", hub.settings.max_body)


def new_issue(repository: "Repository", actor: Actor, title: str, body: str | None) -> Issue:
    """An issue with the next number, not yet told to anybody: the start of issues and pull requests alike."""
    hub = repository.hub
    check_title(hub, title)
    check_text(hub, body)
    now = hub.now()
    return Issue(
        hub=hub,
        repository=repository,
        id=hub.next_id("issue"),
        number=hub.next_id(f"number of {repository.id}", first=1),
        title=title,
        body=body,
        user=actor.account,
        created_at=now,
        updated_at=now,
        via_app=actor.app,
    )


def open_issue(
    repository: "Repository",
    actor: Actor,
    title: str,
    body: str | None = None,
    *,
    labels: Sequence[str] = (),
    assignees: Sequence[User] = (),
    milestone: Milestone | None = None,
) -> Issue:
    """Open an issue. Labels, assignees and milestone of people without triage access are dropped silently."""
    require(actor, repository, role=Role.READ, permissions=("issues",))
    if len(set(labels)) > repository.hub.settings.max_labels:
        raise Validation(message=f"Issues cannot have more than {repository.hub.settings.max_labels} labels")
    issue = new_issue(repository, actor, title, body)
    triages = may(actor, repository, role=Role.TRIAGE, permissions=("issues",))
    if triages:
        issue.labels = tuple(
            repository.label(name) or repository.add_label_unasked(actor, name) for name in dict.fromkeys(labels)
        )
    repository.hub.remember(issue)
    repository.issues = {**repository.issues, issue.number: issue}
    issue.emit("opened", actor)
    for label in issue.labels:
        issue.record("labeled", actor, label=label)
        issue.emit("labeled", actor, related=label)
    issue.refer(actor, body)
    if triages:
        if assignees:
            issue.set_assignees(actor, assignees)
        if milestone is not None:
            issue.set_milestone(actor, milestone)
    return issue
