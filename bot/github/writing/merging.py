"""Merging, guarded by the head commit.

GitHub's answers to ``PUT /pulls/{n}/merge``: 200; 405 where it cannot be merged now (conflict, a required check or
review, a merge queue, "Base branch was modified"); 409 where the head is another; 422 and 403 for rules. A 500
may have merged all the same, and so may the request before one that is refused: the pull request itself says.

Where the branch has a merge queue, ``PUT /pulls/{n}/merge-async`` with ``merge_action: merge_queue`` puts it there,
guarded by the head too; GitHub merges it later, or takes it out again. It may be asked for once more: what is in the
queue already is refused, and stays in it.
"""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from bot.github.client import Request, parsed
from bot.github.errors import OutcomeUnknown, Refused
from bot.github.graphql import document
from bot.github.shapes import Commit, Shape
from bot.github.writing.target import Target, fitted, looked_up
from bot.model.action import Merge
from bot.model.fact import Fact, Merged, MergeRefused
from bot.model.identity import CommitSha

QUEUE = "the merge queue of its branch"


class _Merge(BaseModel):
    sha: str


class _PullRequest(Shape):
    state: str
    merge_commit: Commit | None = None


class _Repository(Shape):
    pull_request: _PullRequest | None = None


class _Look(Shape):
    repository: _Repository | None = None


async def merge(target: Target, action: Merge) -> tuple[Fact, ...]:
    """`Merged`, or `MergeRefused` with GitHub's words. Raises OutcomeUnknown where a look does not show it merged."""
    body: dict[str, JsonValue] = {"sha": action.head, "merge_method": action.method}
    if action.method != "rebase":
        body |= {"commit_title": action.title, "commit_message": fitted(action.message)}
    path = target.path(f"pulls/{action.pull_request}/merge")
    try:
        answer = await target.send(Request("merge", "PUT", path, body=body, writes=True))
    except OutcomeUnknown as unknown:
        if (commit := await looked_up(unknown, _merge_commit(target, action.pull_request))) is None:
            raise
        return (Merged(action.pull_request, commit),)
    except Refused as error:
        if error.status not in (403, 405, 409, 422):
            raise
        if (commit := await looked_up(error, _merge_commit(target, action.pull_request))) is not None:
            return (Merged(action.pull_request, commit),)
        reason = "; ".join((error.reason, *error.errors))
        if "merge queue" in reason:
            reason = await _enqueue(target, action)
        return (MergeRefused(action.pull_request, action.head, reason),)
    return (Merged(action.pull_request, CommitSha(parsed(_Merge, answer.content).sha)),)


async def _enqueue(target: Target, action: Merge) -> str:
    """What is to be said of it. Raises OutcomeUnknown."""
    body: JsonValue = {"sha": action.head, "merge_action": "merge_queue"}
    path = target.path(f"pulls/{action.pull_request}/merge-async")
    try:
        await target.send(Request("merge", "PUT", path, body=body, writes=True))
    except Refused as error:
        if error.status not in (403, 405, 409, 422):
            raise
        if not (error.status == 409 and "pending" in error.reason):
            return f"{QUEUE} did not take it: {'; '.join((error.reason, *error.errors))}"
    return f"{QUEUE} has it, and merges it when its turn comes"


async def _merge_commit(target: Target, number: int) -> CommitSha | None:
    variables: dict[str, JsonValue] = {
        "owner": target.repository.owner,
        "name": target.repository.name,
        "number": number,
    }
    reply = await target.client.query("merge", document("merged"), variables)
    repository = reply.as_data(_Look, [("repository", "pullRequest")]).repository
    pull_request = repository.pull_request if repository else None
    if pull_request is None or pull_request.state != "MERGED" or pull_request.merge_commit is None:
        return None
    return CommitSha(pull_request.merge_commit.oid)
