"""Pull requests: list, open, read, edit, merge, update; their commits and files."""

from typing import Literal

from bot.localhub.model.actor import Level, Role, require
from bot.localhub.model.errors import NotFound
from bot.localhub.model.merge import (
    AsyncMerge,
    MergeAction,
    MergeRequest,
    merge,
    request_merge,
    update_branch,
)
from bot.localhub.model.pull_request import MergeMethod, PullRequest, open_pull_request
from bot.localhub.render.commits import commit_json
from bot.localhub.render.json import JsonObject
from bot.localhub.render.pulls import file_json, pull_json, pull_url, simple_pull_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class NewPull(Body):
    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class PullChange(Body):
    title: str | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    base: str | None = None


class MergeBody(Body):
    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: MergeMethod = "merge"


class AsyncMergeBody(MergeBody):
    merge_action: MergeAction = "default"


class UpdateBranch(Body):
    expected_head_sha: str | None = None


class Reviewers(Body):
    reviewers: tuple[str, ...] = ()


async def list_pulls(call: Call) -> Answer:
    state, head, base = call.query("state", "open"), call.query("head"), call.query("base")
    found = [
        one
        for one in call.readable("pull_requests").pull_requests
        if state in ("all", one.state)
        and (not head or head in (one.head_ref, f"{one.repository.owner.login}:{one.head_ref}"))
        and base in ("", one.base_ref)
    ]
    sort = call.query("sort", "created")
    direction = call.query("direction", "desc" if sort == "created" else "asc")
    found.sort(
        key=lambda one: (one.issue.updated_at if sort == "updated" else one.issue.created_at, one.number),
        reverse=direction == "desc",
    )
    return call.page(found, simple_pull_json)


async def create_pull(call: Call) -> Answer:
    asked = call.body(NewPull)
    pull = await open_pull_request(
        call.repository,
        call.actor,
        title=asked.title,
        head=asked.head,
        base=asked.base,
        body=asked.body,
        draft=asked.draft,
    )
    return Answer(pull_json(pull, None), 201, {"location": pull_url(pull)})


async def _shown(pull: PullRequest) -> JsonObject:
    return pull_json(pull, await pull.ask_mergeable())


async def get_pull(call: Call) -> Answer:
    pull = call.pull
    accept = call.request.headers.get("accept", "")
    if "diff" in accept or "patch" in accept:
        git = call.repository.git
        if "patch" in accept:
            text = await git.git("format-patch", "--stdout", f"{pull.diff.merge_base}..{pull.head_sha}")
        else:
            text = await git.git("diff", pull.diff.merge_base, pull.head_sha)
        return Answer(text=text, headers={"content-type": "application/vnd.github.v3.diff; charset=utf-8"})
    return Answer(await _shown(pull))


async def edit_pull(call: Call) -> Answer:
    pull, asked, actor = call.pull, call.body(PullChange), call.actor
    if asked.title is not None or "body" in asked.model_fields_set:
        body = (asked.body or "") if "body" in asked.model_fields_set else None
        pull.issue.edit(actor, title=asked.title, body=body)
    if asked.base is not None:
        await pull.set_base(actor, asked.base)
    if asked.state == "closed":
        pull.issue.close(actor)
    elif asked.state == "open":
        pull.issue.reopen(actor)
    return Answer(await _shown(pull))


async def list_commits(call: Call) -> Answer:
    pull = call.pull
    return call.page(await pull.commits(), lambda one: commit_json(pull.repository, one))


async def list_files(call: Call) -> Answer:
    pull = call.pull
    return call.page(await pull.files(), lambda one: file_json(pull.repository, pull.head_sha, one))


async def is_merged(call: Call) -> Answer:
    if not call.pull.merged:
        raise NotFound
    return NO_CONTENT


def _request(asked: MergeBody) -> MergeRequest:
    return MergeRequest(
        method=asked.merge_method, sha=asked.sha, title=asked.commit_title, message=asked.commit_message
    )


async def merge_pull(call: Call) -> Answer:
    sha = await merge(call.pull, call.actor, _request(call.body(MergeBody)))
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


async def merge_async(call: Call) -> Answer:
    asked = call.body(AsyncMergeBody)
    pending = await request_merge(call.pull, call.actor, _request(asked), asked.merge_action)
    return Answer(_async_json(pending), 202)


async def get_merge_async(call: Call) -> Answer:
    pull = call.pull
    require(call.actor, pull.repository, role=Role.READ, permissions=("pull_requests",), level=Level.READ)
    pending = call.hub.async_merges.get(call.part("uuid"))
    if pending is None or pending.pull_request is not pull:
        raise NotFound
    return Answer(_async_json(pending))


def _async_json(pending: AsyncMerge) -> JsonObject:
    details: JsonObject = {"message": pending.message}
    if pending.status == "pending":
        details.update(
            uuid=pending.uuid,
            merge_method=pending.request.method,
            merge_action=pending.action,
            expected_head_sha=pending.expected_head_sha,
        )
    elif pending.status == "merged":
        details["sha"] = pending.sha
    return {"status": pending.status, "details": details}


async def update(call: Call) -> Answer:
    pull = call.pull
    await update_branch(pull, call.actor, call.body(UpdateBranch).expected_head_sha)
    return Answer({"message": "Updating pull request branch.", "url": pull_url(pull)}, 202)


async def add_reviewers(call: Call) -> Answer:
    pull = call.pull
    pull.request_reviewers(call.actor, call.users(call.body(Reviewers).reviewers, "PullRequest", "reviewers"))
    return Answer(simple_pull_json(pull), 201)


async def remove_reviewers(call: Call) -> Answer:
    pull = call.pull
    pull.remove_reviewers(call.actor, call.users(call.body(Reviewers).reviewers, "PullRequest", "reviewers"))
    return Answer(simple_pull_json(pull))


_PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"
ENDPOINTS = [
    Endpoint("GET", "/repos/{owner}/{repo}/pulls", list_pulls),
    Endpoint("POST", "/repos/{owner}/{repo}/pulls", create_pull, content=True),
    Endpoint("GET", _PULL, get_pull),
    Endpoint("PATCH", _PULL, edit_pull),
    Endpoint("GET", _PULL + "/commits", list_commits),
    Endpoint("GET", _PULL + "/files", list_files),
    Endpoint("GET", _PULL + "/merge", is_merged),
    Endpoint("PUT", _PULL + "/merge", merge_pull),
    Endpoint("PUT", _PULL + "/merge-async", merge_async),
    Endpoint("GET", _PULL + "/merge-async/{uuid}", get_merge_async),
    Endpoint("PUT", _PULL + "/update-branch", update),
    Endpoint("POST", _PULL + "/requested_reviewers", add_reviewers),
    Endpoint("DELETE", _PULL + "/requested_reviewers", remove_reviewers),
]
