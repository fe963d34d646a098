"""A repository: its issues and pull requests by number, labels, people, rules, and where its git is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bot.localhub.git.bare import ZERO, BareRepository
from bot.localhub.model.actor import Actor, Role, require
from bot.localhub.model.errors import FieldError, Forbidden, Gone, Moved, NotFound, Validation
from bot.localhub.model.label import Label, Milestone, check_label
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.rules import BranchRules
from bot.localhub.model.user import User
from bot.localhub.model.versioned import Versioned, moment_read

if TYPE_CHECKING:
    from bot.localhub.model.check import CheckRun, CheckSuite, CommitStatus
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.issue import Issue
    from bot.localhub.model.pull_request import PullRequest

DEFAULT_LABELS = {
    "bug": ("d73a4a", "Something isn't working"),
    "documentation": ("0075ca", "Improvements or additions to documentation"),
    "enhancement": ("a2eeef", "New feature or request"),
    "question": ("d876e3", "Further information is requested"),
}


@dataclass(eq=False, kw_only=True)
class Repository(Versioned):
    """A repository."""

    hub: "Hub"
    id: int
    owner: User
    name: str
    git: BareRepository
    private: bool
    description: str | None
    default_branch: str
    created_at: datetime
    updated_at: datetime
    pushed_at: datetime
    archived: bool = False
    collaborators: Mapping[str, Role] = field(default_factory=dict)
    """Roles of those invited, by login; the owner is not among them."""
    issues: Mapping[int, "Issue"] = field(default_factory=dict)
    """Issues and pull requests by number: a pull request is an issue with `pull_request` set."""
    labels: tuple[Label, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    rules: tuple[BranchRules, ...] = ()
    check_runs: tuple["CheckRun", ...] = ()
    check_suites: tuple["CheckSuite", ...] = ()
    statuses: tuple["CommitStatus", ...] = ()
    ref_moves: list[tuple[datetime, str, str]] = field(default_factory=list)
    """When a ref moved (or came, or went), and what it was before: kept while reads lag, for `ref_as_read`."""
    moved: Mapping[int, "Issue"] = field(default_factory=dict)
    """Issues that were transferred away, by their old number."""
    deleted_numbers: frozenset[int] = frozenset()
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False

    @property
    def node_id(self) -> str:
        return node_id("Repository", self.id)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def pull_requests(self) -> tuple["PullRequest", ...]:
        """All pull requests, oldest first."""
        return tuple(one.pull_request for one in self.issues.values() if one.pull_request is not None)

    def issue(self, number: int) -> "Issue":
        """The issue or pull request of that number. Gone when deleted, Moved when transferred, else NotFound."""
        found = self.issues.get(number)
        if found is not None:
            return found
        if number in self.deleted_numbers:
            raise Gone
        target = self.moved.get(number)
        if target is not None:
            raise Moved(f"/repositories/{target.repository.id}/issues/{target.number}")
        raise NotFound

    def pull_request(self, number: int) -> "PullRequest":
        """The pull request of that number, or NotFound."""
        found = self.issues.get(number)
        if found is None or found.pull_request is None:
            raise NotFound
        return found.pull_request

    def ref_as_read(self, name: str, present: str | None) -> str | None:
        """What a ref is for a read that may lag; `present` is what it is."""
        moment = moment_read()
        if moment is not None:
            for at, ref, before in self.ref_moves:
                if ref == name and at > moment:
                    return before if before != ZERO else None
        return present

    def label(self, name: str) -> Label | None:
        """The label of that name, whatever the case."""
        wanted = name.casefold()
        return next((one for one in self.labels if one.name.casefold() == wanted), None)

    def milestone(self, number: int) -> Milestone:
        """The milestone of that number, or NotFound."""
        for one in self.milestones:
            if one.number == number:
                return one
        raise NotFound

    def rules_for(self, branch: str) -> BranchRules | None:
        """The rules of a branch."""
        return next((one for one in self.rules if one.applies_to(branch)), None)

    def add_collaborator(self, user: User, role: Role | str) -> None:
        """Give a user a role (`read`, `triage`, `write`, `maintain`, `admin`)."""
        role = Role[role.upper()] if isinstance(role, str) else role
        self.collaborators = {**self.collaborators, user.login: role}

    def remove_collaborator(self, user: User) -> None:
        """Take a user's role away."""
        self.collaborators = {login: role for login, role in self.collaborators.items() if login != user.login}

    def association(self, user: User) -> str:
        """`author_association` of a user."""
        if user is self.owner:
            return "OWNER"
        if self.collaborators.get(user.login, Role.NONE) > Role.NONE:
            return "COLLABORATOR"
        merged = any(one.merged_at is not None and one.issue.user is user for one in self.pull_requests)
        return "CONTRIBUTOR" if merged else "NONE"

    def protect(
        self,
        branch: str,
        *,
        required_checks: tuple[str, ...] = (),
        required_reviews: int = 0,
        strict: bool = False,
        merge_queue: bool = False,
        dismiss_stale_reviews: bool = False,
    ) -> BranchRules:
        """Set the rules of a branch (a name or a glob), instead of those it had."""
        rules = BranchRules(
            id=self.hub.next_id("rule"),
            pattern=branch,
            required_checks=required_checks,
            required_reviews=required_reviews,
            strict=strict,
            merge_queue=merge_queue,
            dismiss_stale_reviews=dismiss_stale_reviews,
        )
        self.rules = (rules, *(one for one in self.rules if one.pattern != branch))
        return rules

    def unprotect(self, branch: str) -> None:
        """Drop the rules of a branch."""
        self.rules = tuple(one for one in self.rules if one.pattern != branch)

    def create_label(self, actor: Actor, name: str, color: str = "ededed", description: str | None = None) -> Label:
        """Make a label. 422 when there is one of that name."""
        require(actor, self, role=Role.WRITE, permissions=("issues", "pull_requests"))
        return self.add_label_unasked(actor, name, color, description)

    def add_label_unasked(
        self, actor: Actor, name: str, color: str = "ededed", description: str | None = None
    ) -> Label:
        """Make a label for an actor that was already allowed to (labelling an issue makes missing labels)."""
        check_label(self, name, color)
        label = Label(
            hub=self.hub,
            repository=self,
            id=self.hub.next_id("label"),
            name=name,
            color=color.lower(),
            description=description,
            default=name in DEFAULT_LABELS,
        )
        self.hub.remember(label)
        self.labels = (*self.labels, label)
        self.hub.emit("label.created", label, actor, self)
        return label

    def edit_label(
        self,
        actor: Actor,
        label: Label,
        *,
        name: str | None = None,
        color: str | None = None,
        description: str | None = None,
    ) -> None:
        """Change a label; None leaves a field as it is."""
        require(actor, self, role=Role.WRITE, permissions=("issues", "pull_requests"))
        check_label(self, name or label.name, color or label.color, besides=label)
        old = {"name": label.name, "color": label.color, "description": label.description or ""}
        label.name = name or label.name
        label.color = (color or label.color).lower()
        label.description = label.description if description is None else description
        new = {"name": label.name, "color": label.color, "description": label.description or ""}
        changes = {key: value for key, value in old.items() if new[key] != value}
        self.hub.emit("label.edited", label, actor, self, changes=changes)

    def delete_label(self, actor: Actor, label: Label) -> None:
        """Remove a label from the repository and from every issue."""
        require(actor, self, role=Role.WRITE, permissions=("issues", "pull_requests"))
        self.labels = tuple(one for one in self.labels if one is not label)
        self.hub.forget(label)
        for issue in self.issues.values():
            if label in issue.labels:
                issue.labels = tuple(one for one in issue.labels if one is not label)
        self.hub.emit("label.deleted", label, actor, self)

    def create_milestone(
        self, actor: Actor, title: str, description: str | None = None, due_on: datetime | None = None
    ) -> Milestone:
        """Make a milestone. 422 when there is one of that title."""
        require(actor, self, role=Role.WRITE, permissions=("issues", "pull_requests"))
        if any(one.title == title for one in self.milestones):
            raise Validation(FieldError("Milestone", "already_exists", "title"))
        now = self.hub.now()
        milestone = Milestone(
            hub=self.hub,
            repository=self,
            id=self.hub.next_id("milestone"),
            number=max((one.number for one in self.milestones), default=0) + 1,
            title=title,
            description=description,
            creator=actor.account,
            created_at=now,
            updated_at=now,
            due_on=due_on,
        )
        self.hub.remember(milestone)
        self.milestones = (*self.milestones, milestone)
        self.hub.emit("milestone.created", milestone, actor, self)
        return milestone

    def rename(self, actor: Actor, name: str) -> None:
        """Give it another name; the old one redirects."""
        require(actor, self, role=Role.ADMIN, permissions=("administration",))
        old = self.name
        self.hub.rename_repository(self, name)
        self.hub.emit("repository.renamed", self, actor, self, changes={"name": old})

    def set_archived(self, actor: Actor, archived: bool) -> None:
        """Archive it (read-only) or wake it again."""
        require_admin(actor, self)
        self.archived = archived
        self.hub.emit("repository.archived" if archived else "repository.unarchived", self, actor, self)

    def __repr__(self) -> str:
        return self.full_name


def require_admin(actor: Actor, repository: Repository) -> None:
    """Only an admin may; also where the repository is archived."""
    if actor.role_in(repository) < Role.ADMIN:
        raise Forbidden("Must have admin rights to Repository.")
