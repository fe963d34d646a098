"""The verdict: a check run on the head commit, and a review with line comments."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from bot.github.client import Request, parsed
from bot.github.errors import OutcomeUnknown, Refused
from bot.github.writing.diff_lines import shown_lines
from bot.github.writing.target import LONGEST_CHECK_TEXT, Target, fitted, looked_up
from bot.model.action import Conclusion, LineComment, PostReview, PublishCheck
from bot.model.fact import CheckPublished, Fact, ReviewPosted
from bot.model.identity import CommitSha
from bot.model.observed import Check, CheckState, Review


class _Run(BaseModel):
    id: int
    external_id: str | None = None


class _Runs(BaseModel):
    check_runs: tuple[_Run, ...]


class _Review(BaseModel):
    id: int
    body: str | None = None
    commit_id: str | None = None


async def publish_check(target: Target, action: PublishCheck) -> tuple[Fact, ...]:
    """The session's id as external id tells it apart. Where the answer was lost, a look may show it."""
    body: JsonValue = {
        "name": action.name,
        "head_sha": action.head,
        "status": "completed",
        "conclusion": action.conclusion.value,
        "external_id": action.session,
        "output": {"title": action.title[:255], "summary": fitted(action.summary, LONGEST_CHECK_TEXT)},
    }
    request = Request("publish check", "POST", target.path("check-runs"), body=body, writes=True)
    try:
        await target.send(request)
    except OutcomeUnknown as unknown:
        if not await looked_up(unknown, _is_published(target, action)):
            raise
    check = Check(
        name=action.name,
        state=CheckState.FAILED if action.conclusion is Conclusion.FAILURE else CheckState.PASSED,
        summary=f"{action.title}\n\n{action.summary}",
        mine=True,
        session=action.session,
    )
    return (CheckPublished(action.head, check),)


async def _is_published(target: Target, action: PublishCheck) -> bool:
    params = {"check_name": action.name, "app_id": str(target.identity.app_id), "filter": "all", "per_page": "100"}
    path = target.path(f"commits/{action.head}/check-runs")
    found = await target.client.read("publish check", path, _Runs, params)
    return any(run.external_id == action.session for run in found.check_runs)


async def post_review(target: Target, action: PostReview) -> tuple[Fact, ...]:
    """An App may not approve or refuse what it opened itself, so the event is COMMENT. One line that the diff does
    not show makes GitHub refuse the whole review without saying which: then the diff is read, and the comments on what
    it does not show go into the body; all of them where that is refused too, since the head may have moved."""
    try:
        return await _post(target, action, action.body, action.comments)
    except Refused as error:
        if error.status != 422 or not action.comments:
            raise
    shown = await shown_lines(target, action.pull_request, frozenset(one.path for one in action.comments))
    inside = tuple(one for one in action.comments if (one.path, one.line) in shown)
    outside = tuple(one for one in action.comments if one not in inside)
    if inside and outside:
        try:
            return await _post(target, action, _with_lines(action.body, outside), inside)
        except Refused as error:
            if error.status != 422:
                raise
    return await _post(target, action, _with_lines(action.body, action.comments), ())


def _with_lines(body: str, comments: tuple[LineComment, ...]) -> str:
    listed = "\n".join(f"- `{one.path}`, line {one.line}: {_indented(one.body)}" for one in comments)
    return f"{body}\n\n{listed}"


async def _post(target: Target, action: PostReview, text: str, comments: tuple[LineComment, ...]) -> tuple[Fact, ...]:
    body: JsonValue = {
        "commit_id": action.head,
        "event": "COMMENT",
        "body": fitted(text),
        "comments": [
            {"path": one.path, "line": one.line, "side": "RIGHT", "body": fitted(one.body)} for one in comments
        ],
    }
    path = target.path(f"pulls/{action.pull_request}/reviews")
    answer = await target.send(Request("post review", "POST", path, body=body, writes=True, creates=1))
    posted = parsed(_Review, answer.content)
    review = Review(
        id=posted.id,
        author=target.identity.login,
        body=posted.body or "",
        commit=CommitSha(posted.commit_id or action.head),
        mine=True,
    )
    return (ReviewPosted(action.pull_request, review),)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
