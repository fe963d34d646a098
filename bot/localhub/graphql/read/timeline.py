"""The timelines of issues and pull requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.git_objects import commit_of
from bot.localhub.graphql.read.issues import ISSUE, PULL, side
from bot.localhub.graphql.read.remarks import issue_path
from bot.localhub.graphql.registry import Fields
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.timeline import TimelineEvent

NAMES = {
    "labeled": "LabeledEvent", "unlabeled": "UnlabeledEvent", "closed": "ClosedEvent", "reopened": "ReopenedEvent",
    "renamed": "RenamedTitleEvent", "sub_issue_added": "SubIssueAddedEvent",
    "sub_issue_removed": "SubIssueRemovedEvent", "parent_issue_added": "ParentIssueAddedEvent",
    "parent_issue_removed": "ParentIssueRemovedEvent", "blocked_by_added": "BlockedByAddedEvent",
    "blocked_by_removed": "BlockedByRemovedEvent", "blocking_added": "BlockingAddedEvent",
    "blocking_removed": "BlockingRemovedEvent", "assigned": "AssignedEvent", "unassigned": "UnassignedEvent",
    "merged": "MergedEvent", "ready_for_review": "ReadyForReviewEvent", "convert_to_draft": "ConvertToDraftEvent",
    "head_ref_deleted": "HeadRefDeletedEvent", "head_ref_force_pushed": "HeadRefForcePushedEvent",
}  # fmt: skip
"""REST's name of an event and GraphQL's. Others (mentions, milestones) are not listed by the localhub."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A timeline event together with the issue that it is about."""

    issue: Issue
    event: TimelineEvent

    @property
    def kind(self) -> str:
        """`ITEM_TYPE` of the filter: the type's name in capitals."""
        name = NAMES[self.event.event]
        return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name).lstrip("_")


def _fields(name: str) -> Fields[Entry]:
    fields = Fields(name, Entry, lambda entry: NAMES[entry.event.event] == name)
    fields.reads(
        id=lambda entry: entry.event.node_id,
        actor=lambda entry: entry.event.actor,
        createdAt=lambda entry: entry.event.created_at,
    )
    return fields


FIELDS = {name: _fields(name) for name in NAMES.values()}
for _name in ("LabeledEvent", "UnlabeledEvent"):
    FIELDS[_name].reads(label=lambda entry: entry.event.label)
for _name in ("SubIssueAddedEvent", "SubIssueRemovedEvent"):
    FIELDS[_name].reads(subIssue=lambda entry: entry.event.source)
for _name in ("ParentIssueAddedEvent", "ParentIssueRemovedEvent"):
    FIELDS[_name].reads(parent=lambda entry: entry.event.source)
for _name in ("BlockedByAddedEvent", "BlockedByRemovedEvent"):
    FIELDS[_name].reads(blockingIssue=lambda entry: entry.event.source)
for _name in ("BlockingAddedEvent", "BlockingRemovedEvent"):
    FIELDS[_name].reads(blockedIssue=lambda entry: entry.event.source)
for _name in ("AssignedEvent", "UnassignedEvent"):
    FIELDS[_name].reads(assignee=lambda entry: entry.event.assignee)
FIELDS["RenamedTitleEvent"].reads(
    previousTitle=lambda entry: entry.event.rename[0] if entry.event.rename else "",
    currentTitle=lambda entry: entry.event.rename[1] if entry.event.rename else "",
)


def _path(entry: Entry) -> str:
    return f"{issue_path(entry.issue)}#event-{entry.event.id}"


for _name in ("ClosedEvent", "MergedEvent", "ReadyForReviewEvent", "ConvertToDraftEvent"):
    FIELDS[_name].reads(resourcePath=_path)
    FIELDS[_name].asks(url=lambda entry, ask: ask.url(_path(entry)))


async def _closer(entry: Entry) -> object:
    if entry.event.source is not None:
        return entry.event.source.pull_request
    return await commit_of(entry.issue.repository, entry.event.commit_id)


def _upper(text: str | None) -> str | None:
    return text.upper() if text is not None else None


FIELDS["ClosedEvent"].reads(stateReason=lambda entry: _upper(entry.event.state_reason), closer=_closer)
FIELDS["ReopenedEvent"].reads(stateReason=lambda entry: _upper(entry.event.state_reason))
FIELDS["MergedEvent"].reads(
    commit=lambda entry: commit_of(entry.issue.repository, entry.event.commit_id),
    mergeRefName=lambda entry: entry.issue.pull_request.base_ref if entry.issue.pull_request else "",
)
FIELDS["HeadRefDeletedEvent"].reads(
    headRefName=lambda entry: entry.issue.pull_request.head_ref if entry.issue.pull_request else ""
)
FIELDS["HeadRefForcePushedEvent"].reads(
    beforeCommit=lambda _: None, afterCommit=lambda entry: commit_of(entry.issue.repository, entry.event.commit_id)
)


class TimelinePage(Page):
    item_types: list[str] | None = None
    since: datetime | None = None
    skip: int = 0


def timeline(one: Issue | PullRequest, _ask: Ask, given: TimelinePage) -> Connection:
    """The events, oldest first."""
    issue = side(one)
    found: Sequence[Entry] = [Entry(issue, event) for event in issue.timeline if event.event in NAMES]
    if given.item_types is not None:
        found = [entry for entry in found if entry.kind in given.item_types]
    if given.since is not None:
        found = [entry for entry in found if entry.event.created_at >= given.since]
    return Connection(found[given.skip :], given, updated_at=issue.updated_at)


ISSUE.takes("timelineItems", TimelinePage)(timeline)
PULL.takes("timelineItems", TimelinePage)(timeline)
