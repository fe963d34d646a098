"""What the queries answer, as small models: only what was asked for, and nothing of githubkit's.

They turn into the words of `bot.model.observed` in `bot/github/reading.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Node = TypeVar("Node")


class Shape(BaseModel):
    """Reads GitHub's camelCase; ignores what was not expected."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class PageInfo(Shape):
    has_next_page: bool
    end_cursor: str | None = None


class Nodes(Shape, Generic[Node]):
    """A connection read whole. GitHub puts null where something must not be seen."""

    nodes: tuple[Node | None, ...] = ()

    def seen(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node is not None)


class Page(Nodes[Node], Generic[Node]):
    page_info: PageInfo


class BackwardInfo(Shape):
    has_previous_page: bool
    start_cursor: str | None = None


class BackwardPage(Nodes[Node], Generic[Node]):
    """One that is read from its end."""

    page_info: BackwardInfo


class FileNode(Shape):
    """A blob; `oid` is missing where the path is a folder."""

    oid: str = ""
    text: str | None = None


class Named(Shape):
    name: str


class Commit(Shape):
    oid: str


class RepositoryRef(Shape):
    name_with_owner: str


class Who(Shape):
    """An actor; a deleted one is null instead ("ghost")."""

    typename: str = Field("", alias="__typename")
    login: str


class ReactionGroup(Shape):
    content: str
    viewer_has_reacted: bool = False


class CommentNode(Shape):
    full_database_id: int
    body: str
    created_at: datetime
    author: Who | None = None
    reaction_groups: tuple[ReactionGroup, ...] | None = None


class Closing(Shape):
    actor: Who | None = None


class LabellingNode(Shape):
    created_at: datetime
    actor: Who | None = None
    label: Named


class BlockerNode(Shape):
    number: int
    state: str
    state_reason: str | None = None
    repository: RepositoryRef


class IssueNode(Shape):
    id: str
    number: int
    full_database_id: int
    title: str
    body: str
    state: str
    state_reason: str | None = None
    url: str
    updated_at: datetime | None = None
    last_edited_at: datetime | None = None
    author: Who | None = None
    editor: Who | None = None
    repository: RepositoryRef
    labels: Nodes[Named] | None = None
    blocked_by: Nodes[BlockerNode] = Nodes()
    closings: Nodes[Closing] = Nodes()
    comments: Nodes[CommentNode] = Nodes()


class FirstComments(Page[CommentNode]):
    total_count: int


class ObjectiveNode(IssueNode):
    typename: Literal["Issue"] = Field(alias="__typename")
    first_comments: FirstComments
    last_comments: Nodes[CommentNode]
    labellings: Nodes[LabellingNode]
    sub_issues: Page[IssueNode]


class PullRequestInstead(Shape):
    typename: Literal["PullRequest"] = Field(alias="__typename")
    labels: Nodes[Named] | None = None
    comments: Nodes[CommentNode] = Nodes()


class ReviewNode(Shape):
    full_database_id: int
    body: str
    author: Who | None = None
    commit: Commit | None = None


class AppNode(Shape):
    database_id: int | None = None


class SuiteNode(Shape):
    app: AppNode | None = None


class CheckRunNode(Shape):
    typename: Literal["CheckRun"] = Field(alias="__typename")
    name: str
    status: str
    conclusion: str | None = None
    external_id: str | None = None
    title: str | None = None
    summary: str | None = None
    check_suite: SuiteNode


class StatusNode(Shape):
    typename: Literal["StatusContext"] = Field(alias="__typename")
    context: str
    state: str
    description: str | None = None


class Rollup(Shape):
    contexts: Page[CheckRunNode | StatusNode]


class PullRequestNode(Shape):
    id: str
    number: int
    state: str
    url: str
    updated_at: datetime | None = None
    is_cross_repository: bool
    head_ref_name: str
    head_ref_oid: str
    base_ref_name: str
    mergeable: str
    merge_state_status: str
    author: Who | None = None
    merge_commit: Commit | None = None
    closings: Nodes[Closing] = Nodes()
    comments: Nodes[CommentNode] = Nodes()
    reviews: BackwardPage[ReviewNode] | None = None
    status_check_rollup: Rollup | None = None
