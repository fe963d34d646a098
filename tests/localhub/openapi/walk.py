"""Somebody who uses every REST operation of a localhub once, over real HTTP."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import httpx
import jwt
from pydantic import JsonValue

from bot.localhub.model.app import App
from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User

REPO = "/repos/alice/shop"
PERMISSIONS = ("administration", "checks", "contents", "issues", "pull_requests", "statuses")
EVENTS = (
    "check_run", "check_suite", "create", "delete", "issue_comment", "issue_dependencies", "issues", "label",
    "pull_request", "pull_request_review", "pull_request_review_comment", "push", "repository", "status", "sub_issues",
)  # fmt: skip

Who = Literal["alice", "bob", "app", "jwt"]


@dataclass(frozen=True)
class Found:
    """An answer's JSON, to be picked from by name and place."""

    json: JsonValue

    def at(self, *steps: str | int) -> JsonValue:
        value = self.json
        for step in steps:
            match value, step:
                case dict(), str():
                    value = value[step]
                case list(), int():
                    value = value[step]
                case _:
                    raise TypeError(f"no {step!r} in {value!r:.80}")
        return value

    def text(self, *steps: str | int) -> str:
        value = self.at(*steps)
        assert isinstance(value, str), value
        return value

    def number(self, *steps: str | int) -> int:
        value = self.at(*steps)
        assert isinstance(value, int), value
        return value


@dataclass(frozen=True)
class Stage:
    """Who and what there is before the walk: Alice's repository, Bob who may write, an App that is installed."""

    hub: Hub
    alice: User
    bob: User
    app: App
    shop: Repository


async def set_stage(hub: Hub, key: str) -> Stage:
    """The stage; `key` is the App's private key. Webhooks go where nobody listens: the log keeps them."""
    alice, bob = hub.add_user("alice"), hub.add_user("bob")
    files = {"README.md": "# Shop\n", "src/shop.py": "one = 1\ntwo = 2\nthree = 3\n"}
    app = hub.add_app(
        "crewline", owner=alice, permissions=dict.fromkeys(PERMISSIONS, "write"), events=EVENTS, private_key_pem=key,
        webhook_url="http://127.0.0.1:9/webhook", webhook_secret="s3cret",
    )  # fmt: skip
    hub.install(app, alice)
    shop = await hub.create_repository(alice, "shop", files=files)
    shop.add_collaborator(bob, "write")
    return Stage(hub, alice, bob, app, shop)


class Walk:
    """Asks as one of several people, or as the App."""

    def __init__(self, stage: Stage, client: httpx.AsyncClient) -> None:
        self.stage = stage
        self.client = client
        hub = stage.hub
        (installation,) = hub.installations.values()
        self.credentials: dict[Who, str] = {
            "alice": hub.user_token(stage.alice),
            "bob": hub.user_token(stage.bob),
            "app": hub.create_installation_token(installation).token,
            "jwt": app_jwt(stage.app),
        }

    async def ask(
        self, request: str, body: JsonValue = None, *, who: Who = "alice", status: int | None = None
    ) -> Found:
        """`METHOD /path` as somebody; the answer has to be the expected status, by default a 2xx."""
        method, path = request.split(" ", 1)
        path = path.replace("~", REPO, 1)
        headers = {"authorization": f"Bearer {self.credentials[who]}"}
        answer = await self.client.request(method, path, json=body, headers=headers)
        good = answer.is_success if status is None else answer.status_code == status
        assert good, f"{request}: {answer.status_code} {answer.text[:500]}"
        return Found(answer.json() if answer.content and "json" in answer.headers["content-type"] else None)


def app_jwt(app: App) -> str:
    now = app.hub.now()
    claims = {"iss": str(app.id), "iat": now - timedelta(seconds=30), "exp": now + timedelta(minutes=9)}
    return jwt.encode(claims, app.private_key_pem, algorithm="RS256")


async def walk_the_app(walk: Walk) -> None:
    ask, stage = walk.ask, walk.stage
    (installation,) = stage.hub.installations
    for path in ("/app", "/app/installations", f"/app/installations/{installation}", "/app/hook/config"):
        await ask(f"GET {path}", who="jwt")
    for path in ("~/installation", "/users/alice/installation"):
        await ask(f"GET {path}", who="jwt")
    token = await ask(
        f"POST /app/installations/{installation}/access_tokens",
        {"repositories": ["shop"], "permissions": {"issues": "read"}},
        who="jwt",
    )
    assert token.text("token").startswith("ghs_")
    await ask("PATCH /app/hook/config", {"url": "http://127.0.0.1:9/hook", "content_type": "json"}, who="jwt")
    deliveries = await ask("GET /app/hook/deliveries?per_page=5", who="jwt")
    newest = deliveries.number(0, "id")
    await ask(f"GET /app/hook/deliveries/{newest}", who="jwt")
    await ask(f"POST /app/hook/deliveries/{newest}/attempts", who="jwt")
    stage.hub.manifest_codes["c0de"] = stage.app
    await ask("POST /app-manifests/c0de/conversions")
    for path in ("/apps/crewline", "/rate_limit", "/meta", "/user", "/users/bob", "/users/alice/repos", "/user/repos"):
        await ask(f"GET {path}")
    await ask("GET /installation/repositories", who="app")


async def walk_the_repository(walk: Walk) -> None:
    ask = walk.ask
    await ask("POST /user/repos", {"name": "spare", "private": True, "auto_init": True})
    await ask("PATCH /repos/alice/spare", {"description": "To be gone"})
    await ask("GET /repos/alice/spare")
    await ask("DELETE /repos/alice/spare")
    await ask("PUT ~/collaborators/carol", {"permission": "pull"}, status=404)
    await ask("PUT ~/collaborators/bob", {"permission": "push"})
    for path in ("", "/collaborators", "/collaborators/bob", "/collaborators/bob/permission"):
        await ask(f"GET ~{path}")
    await ask("GET ~/assignees/bob", status=204)
    protection: JsonValue = {
        "required_status_checks": {"strict": False, "contexts": ["verify"]},
        "enforce_admins": None,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    main = (await ask("GET ~/git/ref/heads/main")).text("object", "sha")
    await ask("POST ~/git/refs", {"ref": "refs/heads/release", "sha": main})
    await ask("PUT ~/branches/release/protection", protection)
    for path in ("/branches", "/branches/main", "/branches/release/protection", "/rules/branches/release"):
        await ask(f"GET ~{path}")
    await ask("DELETE ~/branches/release/protection")
    await ask("GET ~/rules/branches/main")


async def walk_git(walk: Walk) -> None:
    ask = walk.ask
    head = (await ask("GET ~/git/ref/heads/main")).text("object", "sha")
    for path in ("commits", "commits/main", f"git/commits/{head}", "contents", "contents/src", "contents/README.md"):
        await ask(f"GET ~/{path}")
    for path in (f"git/trees/{head}?recursive=1", "git/matching-refs/heads/", "git/refs/heads/main"):
        await ask(f"GET ~/{path}")
    blob = (await ask("POST ~/git/blobs", {"content": "four = 4\n"})).text("sha")
    await ask(f"GET ~/git/blobs/{blob}")
    entry: JsonValue = {"path": "src/four.py", "mode": "100644", "type": "blob", "sha": blob}
    tree = (await ask("POST ~/git/trees", {"base_tree": head, "tree": [entry]})).text("sha")
    commit = (await ask("POST ~/git/commits", {"message": "Four", "tree": tree, "parents": [head]})).text("sha")
    await ask("POST ~/git/refs", {"ref": "refs/heads/four", "sha": head})
    await ask("PATCH ~/git/refs/heads/four", {"sha": commit})
    await ask("GET ~/compare/main...four")
    await ask("DELETE ~/git/refs/heads/four")
    content = base64.b64encode(b"five = 5\n").decode()
    new = await ask("PUT ~/contents/src/five.py", {"message": "Five", "content": content})
    sha = new.text("content", "sha")
    await ask("DELETE ~/contents/src/five.py", {"message": "No five", "sha": sha})


async def walk_issues(walk: Walk) -> None:
    ask = walk.ask
    await ask("POST ~/milestones", {"title": "One", "due_on": "2026-12-24T00:00:00Z"})
    await ask("PATCH ~/milestones/1", {"description": "The first"})
    await ask("POST ~/labels", {"name": "crewline", "color": "5319e7", "description": "Hand it over"})
    await ask("PATCH ~/labels/crewline", {"description": "Hand it to Crewline"})
    first = await ask(
        "POST ~/issues", {"title": "Broken", "body": "Badly.", "labels": ["bug"], "assignees": ["bob"], "milestone": 1}
    )
    second = await ask("POST ~/issues", {"title": "Task", "body": "Part of #1."}, who="app")
    for path in ("milestones", "milestones/1", "labels", "labels/crewline", "issues?state=all", "issues/1", "issues/2"):
        await ask(f"GET ~/{path}")
    await walk_links(walk, first.number("id"), second.number("id"))
    await walk_comments(walk)
    await ask("POST ~/issues/1/labels", {"labels": ["crewline"]})
    await ask("PUT ~/issues/1/labels", {"labels": ["bug", "question"]})
    await ask("GET ~/issues/1/labels")
    await ask("DELETE ~/issues/1/labels/bug")
    await ask("DELETE ~/issues/1/labels")
    await ask("DELETE ~/issues/1/assignees", {"assignees": ["bob"]})
    await ask("POST ~/issues/1/assignees", {"assignees": ["bob"]})
    await ask("PUT ~/issues/1/lock", {"lock_reason": "resolved"})
    await ask("DELETE ~/issues/1/lock")
    await ask("PATCH ~/issues/1", {"title": "Broken badly", "state": "closed", "state_reason": "not_planned"})
    await ask("PATCH ~/issues/1", {"state": "open"})
    await ask("GET ~/issues/1/timeline?per_page=100")
    event = (await ask("GET ~/issues/1/events?per_page=100")).number(0, "id")
    await ask("GET ~/issues/events")
    await ask(f"GET ~/issues/events/{event}")
    await ask("DELETE ~/labels/crewline")


async def walk_links(walk: Walk, first: int, second: int) -> None:
    ask = walk.ask
    third = (await ask("POST ~/issues", {"title": "Other task"}, who="app")).number("id")
    for child in (second, third):
        await ask("POST ~/issues/1/sub_issues", {"sub_issue_id": child}, who="app")
    await ask("PATCH ~/issues/1/sub_issues/priority", {"sub_issue_id": third, "before_id": second})
    await ask("GET ~/issues/1/sub_issues")
    await ask("GET ~/issues/2/parent")
    await ask("POST ~/issues/3/dependencies/blocked_by", {"issue_id": second}, who="app")
    await ask("GET ~/issues/3/dependencies/blocked_by")
    await ask("GET ~/issues/2/dependencies/blocking")
    await ask("GET ~/issues/1")
    await ask("GET ~/issues/3/timeline")
    await ask(f"DELETE ~/issues/3/dependencies/blocked_by/{second}")
    await ask("DELETE ~/issues/1/sub_issue", {"sub_issue_id": third})
    assert first > 0


async def walk_comments(walk: Walk) -> None:
    ask = walk.ask
    comment = (await ask("POST ~/issues/1/comments", {"body": "Working on it."}, who="app")).number("id")
    await ask(f"PATCH ~/issues/comments/{comment}", {"body": "Done."}, who="app")
    for path in (f"issues/comments/{comment}", "issues/comments", "issues/1/comments?per_page=1"):
        await ask(f"GET ~/{path}")
    for subject in ("issues/1", f"issues/comments/{comment}"):
        await walk_reactions(walk, subject)
    await ask(f"DELETE ~/issues/comments/{comment}", who="app")


async def walk_reactions(walk: Walk, subject: str) -> None:
    reaction = (await walk.ask(f"POST ~/{subject}/reactions", {"content": "eyes"}, who="app")).number("id")
    await walk.ask(f"GET ~/{subject}/reactions")
    await walk.ask(f"DELETE ~/{subject}/reactions/{reaction}", who="app")


async def walk_pulls(walk: Walk) -> None:
    ask, hub, shop, bob = walk.ask, walk.stage.hub, walk.stage.shop, walk.stage.bob
    await hub.push_files(shop, bob, "fix", {"src/shop.py": "one = 1\ntwo = 22\nthree = 3\n"}, "Fix two")
    number = (
        await ask("POST ~/pulls", {"title": "Fix", "head": "fix", "base": "main", "body": "Closes #2."}, who="app")
    ).number("number")
    pull = f"~/pulls/{number}"
    await ask(f"GET {pull}")
    await ask(f"PATCH {pull}", {"title": "Fix two"}, who="app")
    issue = f"~/issues/{number}"
    for path in ("~/pulls", pull, f"{pull}/commits", f"{pull}/files", issue, f"{issue}/timeline"):
        await ask(f"GET {path}")
    await ask(f"POST {pull}/requested_reviewers", {"reviewers": ["bob"]})
    await ask(f"GET {pull}/requested_reviewers")
    await ask(f"DELETE {pull}/requested_reviewers", {"reviewers": ["bob"]})
    head = (await ask(f"GET {pull}")).text("head", "sha")
    await walk_checks(walk, head)
    await walk_reviews(walk, pull, head)
    await ask(f"GET {pull}/merge", status=404)
    await hub.push_files(shop, bob, "main", {"NEWS.md": "News\n"}, "News")
    await ask(f"PUT {pull}/update-branch", {"expected_head_sha": head}, who="app", status=202)
    await hub.events.wait(lambda event: event.name == "pull_request.synchronize")
    await ask(f"GET {pull}", who="app")
    head = (await ask(f"GET {pull}", who="app")).text("head", "sha")
    await ask(f"PUT {pull}/merge", {"sha": "0" * 40}, who="app", status=409)
    await ask(f"PUT {pull}/merge", {"sha": head, "merge_method": "squash"}, who="app")
    await ask(f"GET {pull}/merge", status=204)
    await ask(f"GET {pull}")
    await ask(f"GET {issue}/timeline")
    await hub.push_files(shop, bob, "more", {"MORE.md": "More\n"}, "More")
    opened = await ask("POST ~/pulls", {"title": "More", "head": "more", "base": "main", "draft": False}, who="app")
    pull, head = f"~/pulls/{opened.number('number')}", opened.text("head", "sha")
    asked = await ask(f"PUT {pull}/merge-async", {"sha": head}, who="app")
    await hub.events.wait("pull_request.merged", count=2)
    await ask(f"GET {pull}/merge-async/{asked.text('details', 'uuid')}", who="app")


async def walk_checks(walk: Walk, head: str) -> None:
    ask = walk.ask
    note: JsonValue = {
        "path": "src/shop.py", "start_line": 2, "end_line": 2, "annotation_level": "warning", "message": "Really?",
    }  # fmt: skip
    output: JsonValue = {"title": "1 failed", "summary": "`make test`", "text": "…", "annotations": [note]}
    run = (
        await ask("POST ~/check-runs", {"name": "verify", "head_sha": head, "status": "in_progress"}, who="app")
    ).number("id")
    await ask(f"PATCH ~/check-runs/{run}", {"conclusion": "failure", "output": output}, who="app")
    suite = (await ask(f"GET ~/check-runs/{run}", who="app")).number("check_suite", "id")
    for path in (
        f"check-runs/{run}/annotations",
        f"check-suites/{suite}",
        f"check-suites/{suite}/check-runs",
        f"commits/{head}/check-runs",
        f"commits/{head}/check-suites",
    ):
        await ask(f"GET ~/{path}", who="app")
    await ask(f"POST ~/check-runs/{run}/rerequest", who="app")
    await ask(f"POST ~/check-suites/{suite}/rerequest", who="app")
    main = (await ask("GET ~/git/ref/heads/main")).text("object", "sha")
    await ask("POST ~/check-suites", {"head_sha": main}, who="app")
    await ask(f"POST ~/statuses/{head}", {"state": "success", "context": "ci", "description": "Fine"})
    await ask(f"GET ~/commits/{head}/status")
    await ask(f"GET ~/commits/{head}/statuses")


async def walk_reviews(walk: Walk, pull: str, head: str) -> None:
    ask = walk.ask
    line: JsonValue = {"path": "src/shop.py", "body": "Why?", "line": 2, "side": "RIGHT"}
    verdict: JsonValue = {"body": "One thing.", "event": "COMMENT", "commit_id": head, "comments": [line]}
    review = (await ask(f"POST {pull}/reviews", verdict, who="app")).number("id")
    await ask(f"PUT {pull}/reviews/{review}", {"body": "One small thing."}, who="app")
    comment = (await ask(f"GET {pull}/reviews/{review}/comments")).number(0, "id")
    await ask(f"PATCH ~/pulls/comments/{comment}", {"body": "Why so?"}, who="app")
    await ask(f"POST {pull}/comments/{comment}/replies", {"body": "Because."})
    await walk_reactions(walk, f"pulls/comments/{comment}")
    single: JsonValue = {"path": "src/shop.py", "body": "And this?", "line": 2, "side": "RIGHT", "commit_id": head}
    extra = (await ask(f"POST {pull}/comments", single)).number("id")
    for path in (f"{pull}/reviews", f"{pull}/reviews/{review}", f"{pull}/comments", "~/pulls/comments"):
        await ask(f"GET {path}")
    await ask(f"GET ~/pulls/comments/{comment}")
    await ask(f"DELETE ~/pulls/comments/{extra}")
    pending = (await ask(f"POST {pull}/reviews", {"body": "Later"}, who="bob")).number("id")
    await ask(f"DELETE {pull}/reviews/{pending}", who="bob")
    pending = (await ask(f"POST {pull}/reviews", {"body": "Later"}, who="bob")).number("id")
    await ask(f"POST {pull}/reviews/{pending}/events", {"event": "APPROVE"}, who="bob")
    await ask(f"PUT {pull}/reviews/{pending}/dismissals", {"message": "Too early"})
    await ask(f"POST {pull}/reviews", {"event": "APPROVE"}, who="app", status=422)


async def walk_about(walk: Walk) -> None:
    for path in ("readme", "languages", "topics", "contributors", "tags", "rulesets"):
        await walk.ask(f"GET ~/{path}")
    await walk.ask("GET /search/issues?q=is:pr")
    pull = next(one for each in walk.stage.hub.repositories.values() for one in each.pull_requests)
    await walk.ask(f"GET ~/commits/{pull.head_sha}/pulls")
    await walk.ask("DELETE ~/milestones/1")
    acme = walk.stage.hub.add_user("acme", organization=True)
    installation = walk.stage.hub.install(walk.stage.app, acme)
    await walk.ask("GET /orgs/acme/installation", who="jwt")
    walk.stage.hub.uninstall(installation, walk.stage.alice)


async def walk_away(walk: Walk) -> None:
    (installation,) = walk.stage.hub.installations
    await walk.ask("DELETE ~/collaborators/bob")
    await walk.ask("DELETE /installation/token", who="app")
    await walk.ask("GET ~/issues", who="app", status=401)
    await walk.ask(f"DELETE /app/installations/{installation}", who="jwt")
    await walk.ask("GET ~/nothing", status=404)


async def walk_everywhere(stage: Stage, api: str, *, version: str = "2022-11-28") -> None:
    """Every operation; the answers are asserted to be good, and held by whoever listens."""
    headers = {"x-github-api-version": version}
    async with httpx.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=30) as client:
        walk = Walk(stage, client)
        await walk_the_app(walk)
        await walk_the_repository(walk)
        await walk_git(walk)
        await walk_issues(walk)
        await walk_pulls(walk)
        await walk_about(walk)
        await walk_away(walk)
