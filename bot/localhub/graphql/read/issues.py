"""Issues, and what pull requests share with them."""

from datetime import datetime

from bot.localhub.graphql.ask import Ask, readable
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.labels import sorted_labels
from bot.localhub.graphql.read.remarks import issue_path, may_update, remark
from bot.localhub.graphql.read.repository import REPOSITORY, Order
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.issue import Issue
from bot.localhub.model.label import Milestone
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository

ISSUE = Fields("Issue", Issue, lambda issue: issue.pull_request is None)
PULL = Fields("PullRequest", PullRequest)
remark(ISSUE)
remark(PULL)


class OrderedPage(Page):
    order_by: Order | None = None


class ProjectsPage(Page):
    include_archived: bool = True


def plain_text(body: str | None) -> str:
    """`bodyText`: the hub does not render it and hands out the source."""
    return body or ""


def side(one: Issue | PullRequest) -> Issue:
    """The issue behind either."""
    return one.issue if isinstance(one, PullRequest) else one


def assignees(one: Issue | PullRequest, _ask: Ask, given: Page) -> Connection:
    return Connection(side(one).assignees, given)


def labels(one: Issue | PullRequest, _ask: Ask, given: OrderedPage) -> Connection:
    return Connection(sorted_labels(side(one).labels, given.order_by), given)


def comments(one: Issue | PullRequest, _ask: Ask, given: OrderedPage) -> Connection:
    found = list(side(one).comments)
    if given.order_by is not None:
        found.sort(key=lambda comment: comment.updated_at, reverse=given.order_by.direction == "DESC")
    return Connection(found, given)


def no_projects(_one: Issue | PullRequest, _ask: Ask, given: ProjectsPage) -> Connection:
    return Connection([], given)


ISSUE.takes("assignees", Page)(assignees)
ISSUE.takes("assignedActors", Page)(assignees)
ISSUE.takes("labels", OrderedPage)(labels)
ISSUE.takes("comments", OrderedPage)(comments)
ISSUE.takes("projectItems", ProjectsPage)(no_projects)
PULL.takes("assignees", Page)(assignees)
PULL.takes("assignedActors", Page)(assignees)
PULL.takes("labels", OrderedPage)(labels)
PULL.takes("comments", OrderedPage)(comments)
PULL.takes("projectItems", ProjectsPage)(no_projects)

ISSUE.reads(
    number=lambda one: one.number,
    title=lambda one: one.title,
    bodyText=lambda one: plain_text(one.body),
    state=lambda one: one.state.upper(),
    closed=lambda one: one.state == "closed",
    closedAt=lambda one: one.closed_at,
    locked=lambda one: one.locked,
    milestone=lambda one: one.milestone,
    parent=lambda one: one.parent,
    isPinned=lambda _: False,
    issueType=lambda _: None,
    duplicateOf=lambda _: None,
    resourcePath=issue_path,
    subIssuesSummary=lambda one: one,
    issueDependenciesSummary=lambda one: one,
)
ISSUE.asks(
    url=lambda one, ask: ask.url(issue_path(one)),
    viewerCanUpdate=lambda one, ask: may_update(one, ask, "issues"),
    viewerCanClose=lambda one, ask: may_update(one, ask, "issues"),
)


class Duplicates(Arguments):
    enable_duplicate: bool = False


@ISSUE.takes("stateReason", Duplicates)
def _reason(one: Issue, _ask: Ask, given: Duplicates) -> str | None:
    reason = one.state_reason
    if reason == "duplicate" and not given.enable_duplicate:
        return "NOT_PLANNED"
    return reason.upper() if reason is not None else None


@ISSUE.takes("subIssues", Page)
def _sub_issues(one: Issue, _ask: Ask, given: Page) -> Connection:
    return Connection(one.sub_issues, given)


def ordered(found: list[Issue], order: Order | None) -> list[Issue]:
    """By creation, last change or comments."""
    if order is None:
        return found
    keys = {
        "CREATED_AT": lambda issue: (issue.created_at, issue.number),
        "UPDATED_AT": lambda issue: (issue.updated_at, issue.number),
        "COMMENTS": lambda issue: (len(issue.comments), issue.number),
    }  # fmt: skip
    key = keys.get(order.field)
    return sorted(found, key=key, reverse=order.direction == "DESC") if key is not None else found


@ISSUE.takes("blockedBy", OrderedPage)
def _blocked_by(one: Issue, _ask: Ask, given: OrderedPage) -> Connection:
    return Connection(ordered(list(one.blocked_by), given.order_by), given)


@ISSUE.takes("blocking", OrderedPage)
def _blocking(one: Issue, _ask: Ask, given: OrderedPage) -> Connection:
    return Connection(ordered(list(one.blocking), given.order_by), given)


class ReferencesPage(Page):
    include_closed_prs: bool = False
    order_by_state: bool = False
    user_linked_only: bool = False


@ISSUE.takes("closedByPullRequestsReferences", ReferencesPage)
def _closed_by(one: Issue, _ask: Ask, given: ReferencesPage) -> Connection:
    """Open ones only, unless `includeClosedPrs` says otherwise."""
    found = [
        pull for pull in one.repository.pull_requests
        if (given.include_closed_prs or pull.state == "open") and one in pull.closing_issues()
    ]  # fmt: skip
    if given.order_by_state:
        found.sort(key=lambda pull: ("open", "closed").index(pull.state))
    return Connection([] if given.user_linked_only else found, given)


def _completed(one: Issue) -> int:
    return sum(child.state == "closed" for child in one.sub_issues)


SUMMARY = Fields("SubIssuesSummary", Issue, lambda _: False)
SUMMARY.reads(
    total=lambda one: len(one.sub_issues),
    completed=_completed,
    percentCompleted=lambda one: 100 * _completed(one) // len(one.sub_issues) if one.sub_issues else 0,
)
DEPENDENCIES = Fields("IssueDependenciesSummary", Issue, lambda _: False)
DEPENDENCIES.reads(
    blockedBy=lambda one: sum(each.state == "open" for each in one.blocked_by),
    blocking=lambda one: sum(each.state == "open" for each in one.blocking) if one.state == "open" else 0,
    totalBlockedBy=lambda one: len(one.blocked_by),
    totalBlocking=lambda one: len(one.blocking),
)


class Filters(Arguments):
    """`filterBy` of a repository's issues."""

    assignee: str | None = None
    created_by: str | None = None
    labels: list[str] | None = None
    mentioned: str | None = None
    milestone: str | None = None
    milestone_number: str | None = None
    since: datetime | None = None
    states: list[str] | None = None

    def keep(self, issue: Issue) -> bool:
        """Whether an issue passes."""
        logins = [user.login for user in issue.assignees]
        wanted = {name.casefold() for name in self.labels or ()}
        return (
            (self.assignee is None or (self.assignee in logins if self.assignee != "*" else bool(logins)))
            and (self.created_by is None or issue.user.login.casefold() == self.created_by.casefold())
            and (self.labels is None or any(label.name.casefold() in wanted for label in issue.labels))
            and (self.mentioned is None or f"@{self.mentioned}" in (issue.body or ""))
            and self._in_milestone(issue.milestone)
            and (self.since is None or issue.updated_at >= self.since)
            and (self.states is None or issue.state.upper() in self.states)
        )

    def _in_milestone(self, milestone: Milestone | None) -> bool:
        wanted = self.milestone_number or self.milestone
        if wanted is None:
            return True
        return milestone is not None and (wanted == "*" or wanted in (str(milestone.number), milestone.node_id))


class IssuesPage(OrderedPage):
    filter_by: Filters | None = None
    labels: list[str] | None = None
    states: list[str] | None = None


@REPOSITORY.takes("issues", IssuesPage)
def _issues(one: Repository, ask: Ask, given: IssuesPage) -> Connection:
    readable(ask, one, "issues")
    wanted = Filters(labels=given.labels, states=given.states)
    found = [
        issue for issue in one.issues.values()
        if issue.pull_request is None and wanted.keep(issue)
        and (given.filter_by is None or given.filter_by.keep(issue))
    ]  # fmt: skip
    return Connection(ordered(found, given.order_by), given)
