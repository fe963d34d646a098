"""Checks and commit statuses. Check runs are made by Apps only; statuses by whoever can push."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.model.actor import Actor, Level, Role, require
from bot.localhub.model.app import App
from bot.localhub.model.errors import Forbidden, Validation, custom, invalid, too_long
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.user import User
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.pull_request import PullRequest
    from bot.localhub.model.repository import Repository

CheckStatus = Literal["queued", "in_progress", "completed", "waiting", "requested", "pending"]
Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out", "startup_failure"
]
StatusState = Literal["error", "failure", "pending", "success"]
MAX_OUTPUT = 65_535
_WORST_FIRST: tuple[Conclusion, ...] = (
    "failure", "timed_out", "startup_failure", "cancelled", "action_required", "stale", "success", "neutral", "skipped",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A remark on lines of a file."""

    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None
    start_column: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, kw_only=True)
class CheckOutput:
    """What a check run shows."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckAction:
    """A button."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, kw_only=True)
class CheckChange:
    """What to create a check run with, or to change of one; None leaves a field as it is."""

    name: str | None = None
    status: CheckStatus | None = None
    conclusion: Conclusion | None = None
    details_url: str | None = None
    external_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: CheckOutput | None = None
    annotations: tuple[Annotation, ...] = ()
    """Added to those there are."""
    actions: tuple[CheckAction, ...] | None = None


@dataclass(eq=False, kw_only=True)
class CheckSuite(Versioned):
    """The check runs of one App on one commit."""

    hub: "Hub"
    repository: "Repository"
    id: int
    app: App
    head_sha: str
    head_branch: str | None
    before: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def node_id(self) -> str:
        return node_id("CheckSuite", self.id)

    @property
    def check_runs(self) -> tuple["CheckRun", ...]:
        """Its runs, oldest first."""
        return tuple(one for one in self.repository.check_runs if one.suite is self)

    @property
    def latest_check_runs(self) -> tuple["CheckRun", ...]:
        """The newest run of each name."""
        return tuple({one.name: one for one in self.check_runs}.values())

    @property
    def status(self) -> CheckStatus:
        runs = self.latest_check_runs
        if not runs:
            return "queued"
        if all(one.status == "completed" for one in runs):
            return "completed"
        return "in_progress" if any(one.status in ("in_progress", "completed") for one in runs) else "queued"

    @property
    def conclusion(self) -> Conclusion | None:
        if self.status != "completed":
            return None
        found = {one.conclusion for one in self.latest_check_runs}
        return next(one for one in _WORST_FIRST if one in found)


@dataclass(eq=False, kw_only=True)
class CheckRun(Versioned):
    """One check of one commit."""

    hub: "Hub"
    repository: "Repository"
    suite: CheckSuite
    id: int
    name: str
    head_sha: str
    status: CheckStatus
    conclusion: Conclusion | None
    details_url: str | None
    external_id: str
    started_at: datetime | None
    completed_at: datetime | None
    output: CheckOutput
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[CheckAction, ...] = ()

    @property
    def node_id(self) -> str:
        return node_id("CheckRun", self.id)

    @property
    def app(self) -> App:
        return self.suite.app

    def update(self, actor: Actor, change: CheckChange) -> None:
        """Change it. Only the App that made it may."""
        _require_app(actor, self.repository)
        if actor.app is not self.app:
            raise Forbidden("Invalid app_id `%s` - check run can only be modified by the GitHub App that created it."
                            % (actor.app.id if actor.app else ""))  # fmt: skip
        was_completed = self.suite.status == "completed"
        _check(change, self.hub)
        old_status = self.status
        self._apply(change)
        self.suite.updated_at = self.hub.now()
        completed = self.status == "completed" and old_status != "completed"
        self.hub.emit("check_run.completed" if completed else "check_run.updated", self, actor, self.repository)
        if self.suite.status == "completed" and not was_completed:
            self.hub.emit("check_suite.completed", self.suite, actor, self.repository)

    def rerequest(self, actor: Actor) -> None:
        """Ask its App to run it again."""
        require(actor, self.repository, role=Role.WRITE, permissions=("checks",))
        self.hub.emit("check_run.rerequested", self, actor, self.repository)

    def press(self, actor: Actor, identifier: str) -> None:
        """Press one of its buttons."""
        require(actor, self.repository, role=Role.WRITE, permissions=("checks",))
        if all(one.identifier != identifier for one in self.actions):
            raise invalid("CheckRun", "identifier")
        self.hub.emit("check_run.requested_action", self, actor, self.repository, changes={"identifier": identifier})

    def _apply(self, change: CheckChange) -> None:
        now = self.hub.now()
        self.name = change.name or self.name
        self.details_url = change.details_url or self.details_url
        self.external_id = change.external_id if change.external_id is not None else self.external_id
        self.started_at = change.started_at or self.started_at
        if change.conclusion is not None:
            self.status, self.conclusion = "completed", change.conclusion
            self.completed_at = change.completed_at or now
        elif change.status is not None:
            self.status = change.status
            if change.status != "completed":
                self.conclusion, self.completed_at = None, None
        if change.output is not None:
            self.output = CheckOutput(
                title=change.output.title if change.output.title is not None else self.output.title,
                summary=change.output.summary if change.output.summary is not None else self.output.summary,
                text=change.output.text if change.output.text is not None else self.output.text,
            )
        self.annotations = (*self.annotations, *change.annotations)
        self.actions = change.actions if change.actions is not None else self.actions


@dataclass(eq=False, kw_only=True)
class CommitStatus(Versioned):
    """A status of a commit: the older kind of check."""

    hub: "Hub"
    repository: "Repository"
    id: int
    sha: str
    state: StatusState
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: datetime

    @property
    def node_id(self) -> str:
        return node_id("StatusContext", self.id)


def _require_app(actor: Actor, repository: "Repository") -> App:
    require(actor, repository, role=Role.READ, permissions=("checks",))
    if actor.app is None:
        raise Forbidden("You must authenticate via a GitHub App.", accepted="checks=write")
    return actor.app


def _check(change: CheckChange, hub: "Hub") -> None:
    if change.status == "completed" and change.conclusion is None:
        raise Validation(message="Invalid request.\n\nNo conclusion was given for a completed check run.")
    if change.output is not None:
        for field, text in (("summary", change.output.summary), ("text", change.output.text)):
            if text is not None and len(text) > MAX_OUTPUT:
                raise too_long("CheckRun", field, MAX_OUTPUT)
    if len(change.annotations) > hub.settings.max_annotations:
        raise Validation(
            message="Invalid request.\n\nNo more than 50 items are allowed; "
            f"{len(change.annotations)} were supplied."
        )  # fmt: skip
    if change.actions is not None and len(change.actions) > 3:
        raise Validation(
            message=f"Invalid request.\n\nNo more than 3 items are allowed; {len(change.actions)} were supplied."
        )


def suite_for(
    repository: "Repository", app: App, head_sha: str, *, branch: str | None = None, before: str | None = None
) -> CheckSuite:
    """The App's suite on that commit, made when there is none."""
    for suite in repository.check_suites:
        if suite.app is app and suite.head_sha == head_sha:
            return suite
    hub = repository.hub
    now = hub.now()
    suite = CheckSuite(
        hub=hub, repository=repository, id=hub.next_id("suite"), app=app, head_sha=head_sha, head_branch=branch,
        before=before, created_at=now, updated_at=now,
    )  # fmt: skip
    hub.remember(suite)
    repository.check_suites = (*repository.check_suites, suite)
    return suite


async def create_check_run(repository: "Repository", actor: Actor, head_sha: str, change: CheckChange) -> CheckRun:
    """Make a check run on a commit. 403 unless an App asks; 422 for a commit that is not there."""
    app = _require_app(actor, repository)
    if not change.name:
        raise Validation(message='Invalid request.\n\n"name" wasn\'t supplied.')
    _check(change, repository.hub)
    if await repository.git.kind(head_sha) != "commit":
        raise Validation(message=f"No commit found for SHA: {head_sha}")
    hub = repository.hub
    branch = next((one.head_ref for one in repository.pull_requests if one.head_sha == head_sha), None)
    suite = suite_for(repository, app, head_sha, branch=branch)
    run = CheckRun(
        hub=hub, repository=repository, suite=suite, id=hub.next_id("check run"), name=change.name, head_sha=head_sha,
        status="queued", conclusion=None, details_url=None, external_id="", started_at=hub.now(), completed_at=None,
        output=CheckOutput(),
    )  # fmt: skip
    run._apply(change)
    hub.remember(run)
    repository.check_runs = (*repository.check_runs, run)
    suite.updated_at = hub.now()
    hub.emit("check_run.created", run, actor, repository)
    if run.status == "completed":
        hub.emit("check_run.completed", run, actor, repository)
        if suite.status == "completed":
            hub.emit("check_suite.completed", suite, actor, repository)
    return run


async def create_status(
    repository: "Repository",
    actor: Actor,
    sha: str,
    state: StatusState,
    *,
    context: str = "default",
    description: str | None = None,
    target_url: str | None = None,
) -> CommitStatus:
    """Set a status of a commit; the newest of a context counts."""
    require(actor, repository, role=Role.WRITE, permissions=("statuses",))
    if description is not None and len(description) > 140:
        raise custom("Status", "description is too long (maximum is 140 characters)")
    if await repository.git.kind(sha) != "commit":
        raise Validation(message=f"No commit found for SHA: {sha}")
    hub = repository.hub
    status = CommitStatus(
        hub=hub, repository=repository, id=hub.next_id("status"), sha=sha, state=state, context=context,
        description=description, target_url=target_url, creator=actor.account, created_at=hub.now(),
    )  # fmt: skip
    hub.remember(status)
    repository.statuses = (*repository.statuses, status)
    hub.emit("status.created", status, actor, repository)
    return status


def pull_requests_at(repository: "Repository", head_sha: str) -> Sequence["PullRequest"]:
    """The open pull requests whose head is this commit."""
    return [one for one in repository.pull_requests if one.state == "open" and one.head_sha == head_sha]


def require_checks_read(actor: Actor, repository: "Repository") -> None:
    """Reading checks needs the App's `checks: read`."""
    require(actor, repository, role=Role.READ, permissions=("checks",), level=Level.READ)
