"""Opening a task's pull request."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from bot.github.client import Request, parsed
from bot.github.errors import GitHubError, OutcomeUnknown, Refused
from bot.github.writing.target import LONGEST_TITLE, Target, fitted, looked_up
from bot.model.action import OpenPullRequest
from bot.model.fact import Fact, PullRequestOpened
from bot.model.identity import CommitSha, Login
from bot.model.observed import Mergeable, PullRequest, PullRequestState


class _User(BaseModel):
    login: str


class _End(BaseModel):
    ref: str
    sha: str


class _Pull(BaseModel):
    number: int
    node_id: str
    html_url: str
    user: _User | None = None
    head: _End
    base: _End


async def open_pull_request(target: Target, action: OpenPullRequest) -> tuple[Fact, ...]:
    """One that is open already for the same branch is the one; so is one that shows after an answer was lost."""
    body: JsonValue = {
        "title": action.title[:LONGEST_TITLE],
        "body": fitted(action.body),
        "head": action.head_branch,
        "base": action.base_branch,
    }
    request = Request("open pull request", "POST", target.path("pulls"), body=body, writes=True, creates=1)
    try:
        answer = await target.send(request)
    except (Refused, OutcomeUnknown) as error:
        found = await looked_up(error, _already_open(target, action, error))
        if found is None:
            raise
        return (PullRequestOpened(found),)
    return (PullRequestOpened(_opened(target, parsed(_Pull, answer.content))),)


async def _already_open(target: Target, action: OpenPullRequest, error: GitHubError) -> PullRequest | None:
    """GitHub's refusal is a 422 whose error reads "A pull request already exists for owner:branch."."""
    if isinstance(error, Refused) and not (error.status == 422 and "already exists" in str(error)):
        return None
    params = {"head": f"{target.repository.owner}:{action.head_branch}", "base": action.base_branch, "state": "open"}
    pulls = await target.client.read_list("open pull request", target.path("pulls"), _Pull, params)
    return next((_opened(target, pull) for pull in pulls if pull.head.ref == action.head_branch), None)


def _opened(target: Target, pull: _Pull) -> PullRequest:
    return PullRequest(
        number=pull.number,
        node_id=pull.node_id,
        state=PullRequestState.OPEN,
        head_branch=pull.head.ref,
        head=CommitSha(pull.head.sha),
        base_branch=pull.base.ref,
        mergeable=Mergeable.UNKNOWN,
        merge_state="UNKNOWN",
        mine=target.identity.wrote(Login(pull.user.login) if pull.user else None),
        url=pull.html_url,
    )
