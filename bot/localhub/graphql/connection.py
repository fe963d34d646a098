"""Connections: pages of lists, with GitHub's rules for `first` and `last`.

A cursor names a position in the list. GitHub insists on `first` or `last` (1 to 100) only where nodes are asked
for: `totalCount` and the counts of check contexts come without (its own gh CLI asks so).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from bot.localhub.graphql.ask import Refused
from bot.localhub.graphql.registry import Arguments, Fields, Spot

MOST = 100


class Page(Arguments):
    """Which part of a list."""

    first: int | None = None
    last: int | None = None
    after: str | None = None
    before: str | None = None

    def check(self, info: Spot) -> None:
        check_boundaries(info, self.first, self.last)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page lies."""

    start: int
    end: int
    total: int


@dataclass(frozen=True, slots=True)
class Edge:
    """One item with its cursor."""

    cursor: str
    node: object


@dataclass(frozen=True, slots=True)
class Connection:
    """A list of which a part was asked for."""

    everything: Sequence[object]
    page: Page
    updated_at: datetime | None = None

    @property
    def info(self) -> PageInfo:
        """The bounds of the page, by position; raises for cursors that are not of our making."""
        total = len(self.everything)
        start = 0 if self.page.after is None else min(position(self.page.after) + 1, total)
        end = total if self.page.before is None else min(position(self.page.before), total)
        end = max(start, end)
        if self.page.first is not None:
            end = min(end, start + self.page.first)
        if self.page.last is not None:
            start = max(start, end - self.page.last)
        return PageInfo(start, end, total)

    @property
    def nodes(self) -> Sequence[object]:
        info = self.info
        return self.everything[info.start : info.end]

    @property
    def edges(self) -> list[Edge]:
        return [Edge(cursor(self.info.start + offset), node) for offset, node in enumerate(self.nodes)]


def cursor(index: int) -> str:
    """The opaque name of a position."""
    return base64.b64encode(f"cursor:v2:{index}".encode()).decode()


def position(text: str) -> int:
    """The position that a cursor names."""
    try:
        return int(base64.b64decode(text, validate=True).decode().removeprefix("cursor:v2:"))
    except ValueError:
        raise Refused("INVALID_CURSOR_ARGUMENTS", f"`{text}` does not appear to be a valid cursor.") from None


def check_boundaries(info: Spot, first: int | None, last: int | None) -> None:
    """GitHub's refusals of a page without a size, or with a wrong one."""
    name = info.field_name
    if first is None and last is None:
        selections = [node.selection_set for node in info.field_nodes if node.selection_set is not None]
        if any(_asks_nodes(one, info) for one in selections):
            raise Refused(
                "MISSING_PAGINATION_BOUNDARIES",
                f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
            )
    for word, value in (("first", first), ("last", last)):
        if value is not None and value > MOST:
            raise Refused(
                "EXCESSIVE_PAGINATION",
                f"Requesting {value} records on the `{name}` connection exceeds the `{word}` limit of {MOST} records.",
            )
        if value is not None and value < 0:
            raise Refused("ARGUMENT_ERROR", f"`{word}` on the `{name}` connection cannot be less than zero.")


def _asks_nodes(selections: SelectionSetNode, info: Spot) -> bool:
    for selection in selections.selections:
        if isinstance(selection, FieldNode):
            if selection.name.value in ("nodes", "edges", "pageInfo"):
                return True
        elif isinstance(selection, InlineFragmentNode):
            if _asks_nodes(selection.selection_set, info):
                return True
        elif isinstance(selection, FragmentSpreadNode) and _asks_nodes(
            info.fragments[selection.name.value].selection_set, info
        ):
            return True
    return False


PAGE_INFO = Fields("PageInfo", PageInfo)
PAGE_INFO.reads(
    hasNextPage=lambda info: info.end < info.total,
    hasPreviousPage=lambda info: info.start > 0,
    startCursor=lambda info: cursor(info.start) if info.end > info.start else None,
    endCursor=lambda info: cursor(info.end - 1) if info.end > info.start else None,
)


def never(_: object) -> bool:
    """Connections and edges never stand where an interface is asked for."""
    return False


PLAIN = [
    "ActorConnection", "AssigneeConnection", "BranchProtectionRuleConnection", "CheckAnnotationConnection",
    "CheckRunConnection", "CheckSuiteConnection", "CommitConnection", "CommitHistoryConnection",
    "GitActorConnection", "LabelConnection", "MilestoneConnection", "ProjectV2ItemConnection",
    "PullRequestChangedFileConnection", "PullRequestCommitConnection", "PullRequestReviewCommentConnection",
    "PullRequestReviewConnection", "PullRequestReviewThreadConnection", "ReactingUserConnection",
    "ReactorConnection", "RepositoryRulesetConnection", "ReviewRequestConnection", "UserContentEditConnection",
]  # fmt: skip
WITH_EDGES = ["IssueConnection", "IssueCommentConnection", "PullRequestConnection", "RefConnection", "UserConnection"]
EDGES = ["IssueEdge", "IssueCommentEdge", "PullRequestEdge", "PullRequestReviewEdge", "RefEdge", "SearchResultItemEdge",
         "UserEdge"]  # fmt: skip


def plain(name: str) -> Fields[Connection]:
    """The fields that every connection has."""
    fields = Fields(name, Connection, never)
    fields.reads(
        nodes=lambda found: found.nodes,
        pageInfo=lambda found: found.info,
        totalCount=lambda found: len(found.everything),
    )
    return fields


for _name in PLAIN:
    plain(_name)
for _name in WITH_EDGES:
    plain(_name).reads(edges=lambda found: found.edges)
for _name in EDGES:
    Fields(_name, Edge, never).reads(cursor=lambda edge: edge.cursor, node=lambda edge: edge.node)
for _name in ("IssueTimelineItemsConnection", "PullRequestTimelineItemsConnection"):
    plain(_name).reads(filteredCount=lambda found: len(found.everything), updatedAt=lambda found: found.updated_at)
SEARCH = Fields("SearchResultItemConnection", Connection, never)
SEARCH.reads(
    nodes=lambda found: found.nodes,
    edges=lambda found: found.edges,
    pageInfo=lambda found: found.info,
    issueCount=lambda found: len(found.everything),
)
