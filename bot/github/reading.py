"""From GitHub's shapes to the words of `bot.model.observed`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.github.identity import Identity, login_of
from bot.github.shapes import (
    BlockerNode,
    CheckRunNode,
    Closing,
    CommentNode,
    IssueNode,
    LabellingNode,
    Nodes,
    PullRequestNode,
    ReviewNode,
    StatusNode,
    Who,
)
from bot.model.identity import CommitSha, Login
from bot.model.observed import (
    Blocker,
    Check,
    CheckState,
    Comment,
    Issue,
    Labelling,
    Mergeable,
    PullRequest,
    PullRequestState,
    Reaction,
    Review,
)

LONGEST_SUMMARY = 4000
_PASSED = {"SUCCESS", "NEUTRAL", "SKIPPED"}
_REACTIONS = {reaction.name: reaction for reaction in Reaction}


def login(who: Who | None) -> Login | None:
    return login_of(who.login, who.typename == "Bot") if who is not None else None


def issue(node: IssueNode, identity: Identity, comments: Iterable[CommentNode] | None = None) -> Issue:
    """`comments` instead of those of the node."""
    author = login(node.author)
    return Issue(
        number=node.number,
        id=node.full_database_id,
        node_id=node.id,
        title=node.title,
        body=node.body,
        open=node.state == "OPEN",
        completed=_completed(node.state, node.state_reason),
        labels=frozenset(label.name for label in node.labels.seen()) if node.labels else frozenset(),
        author=author,
        mine=identity.wrote(author),
        url=node.url,
        updated_at=node.updated_at,
        edited_at=node.last_edited_at,
        edited_by=login(node.editor),
        blocked_by=tuple(_blocker(blocker, node.repository.name_with_owner) for blocker in node.blocked_by.nodes),
        comments=tuple(comment(one, identity) for one in (node.comments.seen() if comments is None else comments)),
        closed_by=_closed_by(node.closings),
    )


def comment(node: CommentNode, identity: Identity) -> Comment:
    author = login(node.author)
    groups = node.reaction_groups or ()
    return Comment(
        id=node.full_database_id,
        body=node.body,
        author=author,
        author_is_bot=node.author is not None and node.author.typename == "Bot",
        created_at=node.created_at,
        mine=identity.wrote(author),
        reactions=frozenset(
            _REACTIONS[group.content] for group in groups if group.viewer_has_reacted and group.content in _REACTIONS
        ),
    )


def labelling(nodes: Sequence[LabellingNode], label: str) -> Labelling | None:
    """The last time that `label` was set, None where that account is gone. `nodes` are in the timeline's order:
    their times have seconds only."""
    for node in reversed(nodes):
        if node.label.name.casefold() == label.casefold():
            by = login(node.actor)
            return Labelling(by, node.created_at) if by is not None else None
    return None


def pull_request(node: PullRequestNode, identity: Identity) -> PullRequest:
    author = login(node.author)
    merged = node.state == "MERGED"
    rollup = node.status_check_rollup
    return PullRequest(
        number=node.number,
        node_id=node.id,
        state=PullRequestState(node.state),
        head_branch=node.head_ref_name,
        head=CommitSha(node.head_ref_oid),
        base_branch=node.base_ref_name,
        mergeable=Mergeable(node.mergeable),
        merge_state=node.merge_state_status,
        mine=identity.wrote(author),
        url=node.url,
        updated_at=node.updated_at,
        merge_commit=CommitSha(node.merge_commit.oid) if merged and node.merge_commit else None,
        closed_by=_closed_by(node.closings),
        checks=tuple(_check(one, identity) for one in (rollup.contexts.seen() if rollup else ())),
        reviews=tuple(_review(one, identity) for one in (node.reviews.seen() if node.reviews else ())),
        comments=tuple(comment(one, identity) for one in node.comments.seen()),
    )


def _review(node: ReviewNode, identity: Identity) -> Review:
    author = login(node.author)
    return Review(
        id=node.full_database_id,
        author=author,
        body=node.body,
        commit=CommitSha(node.commit.oid) if node.commit else None,
        mine=identity.wrote(author),
    )


def _check(node: CheckRunNode | StatusNode, identity: Identity) -> Check:
    if isinstance(node, StatusNode):
        return Check(node.context, _status_state(node.state), node.description or "", mine=False)
    app = node.check_suite.app
    mine = app is not None and app.database_id == identity.app_id
    summary = "\n\n".join(part for part in (node.title, node.summary) if part)[:LONGEST_SUMMARY]
    return Check(
        name=node.name,
        state=_run_state(node),
        summary=summary,
        mine=mine,
        session=node.external_id if mine else None,
    )


def _run_state(node: CheckRunNode) -> CheckState:
    if node.status != "COMPLETED":
        return CheckState.PENDING
    return CheckState.PASSED if node.conclusion in _PASSED else CheckState.FAILED


def _status_state(state: str) -> CheckState:
    if state in ("PENDING", "EXPECTED"):
        return CheckState.PENDING
    return CheckState.PASSED if state == "SUCCESS" else CheckState.FAILED


def _blocker(node: BlockerNode | None, repository: str) -> Blocker:
    """One that must not be seen blocks as well: nobody can say that it is done."""
    if node is None:
        return Blocker(number=0, open=True, elsewhere="an issue that Crewline may not see")
    here = node.repository.name_with_owner.casefold() == repository.casefold()
    return Blocker(
        number=node.number if here else 0,
        open=node.state == "OPEN",
        completed=_completed(node.state, node.state_reason),
        elsewhere="" if here else f"{node.repository.name_with_owner}#{node.number}",
    )


def _completed(state: str, reason: str | None) -> bool:
    """GitHub leaves the reason out for issues closed before it knew reasons; those count as completed."""
    return state == "CLOSED" and reason in (None, "COMPLETED")


def _closed_by(closings: Nodes[Closing]) -> Login | None:
    seen = closings.seen()
    return login(seen[-1].actor) if seen else None
