"""Which function carries out which action. They lie in `bot/github/writing/`."""

from __future__ import annotations

from typing import assert_never

from bot.github.client import Fence, PacedClient
from bot.github.identity import Identity
from bot.github.writing.comments import add_label, edit_comment, react, remove_label, write_comment
from bot.github.writing.issues import close_issue, create_tasks, edit_issue, link_dependencies
from bot.github.writing.judging import post_review, publish_check
from bot.github.writing.merging import merge
from bot.github.writing.opening import open_pull_request
from bot.github.writing.target import Target
from bot.model.action import (
    AddLabel,
    CloseIssue,
    CreateTasks,
    EditComment,
    EditIssue,
    LinkDependencies,
    Merge,
    OpenPullRequest,
    PostReview,
    PublishCheck,
    React,
    RemoveLabel,
    Write,
    WriteComment,
)
from bot.model.fact import Fact
from bot.model.identity import RepositoryName


async def carry_out(
    client: PacedClient, repository: RepositoryName, identity: Identity, write: Write, fence: Fence | None = None
) -> tuple[Fact, ...]:
    """See `GitHubRepository.carry_out`."""
    target = Target(client, repository, identity, fence)
    match write:
        case CreateTasks():
            return await create_tasks(target, write)
        case LinkDependencies():
            return await link_dependencies(target, write)
        case EditIssue():
            return await edit_issue(target, write)
        case OpenPullRequest():
            return await open_pull_request(target, write)
        case PublishCheck():
            return await publish_check(target, write)
        case PostReview():
            return await post_review(target, write)
        case Merge():
            return await merge(target, write)
        case CloseIssue():
            return await close_issue(target, write)
        case WriteComment():
            return await write_comment(target, write)
        case EditComment():
            return await edit_comment(target, write)
        case React():
            return await react(target, write)
        case AddLabel():
            return await add_label(target, write)
        case RemoveLabel():
            return await remove_label(target, write)
        case _:
            assert_never(write)
