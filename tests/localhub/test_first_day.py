"""The thin line, end to end: issue, push, pull request, review, merge, and what the App hears of it."""

from tests.localhub.world import World


async def test_an_issue_is_fixed_by_a_pull_request_that_closes_it(world: World) -> None:
    async with world.as_user(world.alice) as rest:
        opened = await rest.post("/repos/alice/shop/issues", json={"title": "No till", "labels": ["crewline"]})
        assert opened.status_code == 201
        clone = await world.clone(world.hub.user_token(world.alice))
        head = await world.commit(clone, "till.py", "total = 0\n", branch="till")
        await world.git("push", "--quiet", "origin", "till", cwd=clone)
        pull = await rest.post(
            "/repos/alice/shop/pulls", json={"title": "A till", "head": "till", "base": "main", "body": "Closes #1"}
        )
        assert pull.status_code == 201
        assert pull.json()["head"]["sha"] == head
        merged = await rest.put("/repos/alice/shop/pulls/2/merge", json={"sha": head})
        assert merged.json()["merged"] is True
        issue = (await rest.get("/repos/alice/shop/issues/1")).json()
        assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    await world.git("pull", "--quiet", "origin", "main", cwd=clone)
    assert (clone / "till.py").read_text() == "total = 0\n"
    for name in ("issues.opened", "issues.labeled", "pull_request.opened", "pull_request.closed", "issues.closed"):
        assert (await world.inbox.wait(name)).body["repository"]


async def test_everything_a_bot_does_to_an_issue(world: World) -> None:
    async with world.as_bot() as rest:
        repo = "/repos/alice/shop"
        for title in ("Parent", "Child", "Other"):
            assert (await rest.post(f"{repo}/issues", json={"title": title, "body": "x"})).status_code == 201
        ids = [one["id"] for one in (await rest.get(f"{repo}/issues?direction=asc")).json()]
        assert (await rest.post(f"{repo}/issues/1/sub_issues", json={"sub_issue_id": ids[1]})).status_code == 201
        assert (await rest.post(f"{repo}/issues/1/sub_issues", json={"sub_issue_id": ids[2]})).status_code == 201
        blocked = await rest.post(f"{repo}/issues/3/dependencies/blocked_by", json={"issue_id": ids[1]})
        assert blocked.status_code == 201
        assert [one["number"] for one in (await rest.get(f"{repo}/issues/1/sub_issues")).json()] == [2, 3]
        assert [one["number"] for one in (await rest.get(f"{repo}/issues/3/dependencies/blocked_by")).json()] == [2]
        assert (await rest.get(f"{repo}/issues/2/parent")).json()["number"] == 1
        comment = await rest.post(f"{repo}/issues/1/comments", json={"body": "On it."})
        number = comment.json()["id"]
        assert (await rest.patch(f"{repo}/issues/comments/{number}", json={"body": "Done."})).status_code == 200
        reaction = {"content": "eyes"}
        assert (await rest.post(f"{repo}/issues/comments/{number}/reactions", json=reaction)).status_code == 201
        assert (await rest.post(f"{repo}/issues/comments/{number}/reactions", json=reaction)).status_code == 200
        assert (await rest.post(f"{repo}/issues/1/labels", json={"labels": ["bug", "new"]})).status_code == 200
        assert (await rest.delete(f"{repo}/issues/1/labels/bug")).status_code == 200
        assert (await rest.patch(f"{repo}/issues/2", json={"state": "closed"})).json()["state"] == "closed"
        assert (await rest.get(f"{repo}/issues/1/timeline")).status_code == 200
        assert (await rest.get(f"{repo}/issues/1/events")).status_code == 200
    assert (await world.inbox.wait("sub_issues.sub_issue_added")).body["parent_issue_id"] == ids[0]
    assert (await world.inbox.wait("issue_dependencies.blocked_by_added")).body["blocking_issue_id"] == ids[1]
    sender = (await world.inbox.wait("issue_comment.created")).body["sender"]
    assert isinstance(sender, dict)
    assert (sender["login"], sender["type"]) == ("crewline[bot]", "Bot")


async def test_everything_a_bot_does_to_a_pull_request(world: World) -> None:
    pull = await world.pull()
    async with world.as_bot() as rest:
        repo = "/repos/alice/shop"
        run = await rest.post(
            f"{repo}/check-runs", json={"name": "verify", "head_sha": pull.head_sha, "status": "in_progress"}
        )
        assert run.status_code == 201
        done = {"status": "completed", "conclusion": "success", "output": {"title": "Good", "summary": "All good."}}
        assert (await rest.patch(f"{repo}/check-runs/{run.json()['id']}", json=done)).status_code == 200
        review = {"event": "COMMENT", "body": "Fine.", "comments": [{"path": "fix.txt", "line": 1, "body": "Nice."}]}
        assert (await rest.post(f"{repo}/pulls/1/reviews", json=review)).status_code == 200
        for path in (
            "pulls", "pulls/1", "pulls/1/commits", "pulls/1/files", "pulls/1/reviews", "pulls/1/comments",
            f"commits/{pull.head_sha}", f"commits/{pull.head_sha}/check-runs", "branches", "branches/main",
            f"commits/{pull.head_sha}/check-suites", "git/ref/heads/fix", "compare/main...fix", "contents/README.md",
            "contents", "collaborators/alice/permission", "rules/branches/main", "", "labels", "commits",
            "git/trees/main?recursive=1", f"git/commits/{pull.head_sha}", f"commits/{pull.head_sha}/status",
        ):  # fmt: skip
            answer = await rest.get(f"{repo}/{path}".rstrip("/"))
            assert answer.status_code == 200, (path, answer.text)
        assert (await rest.put(f"{repo}/pulls/1/merge", json={"sha": pull.head_sha})).status_code == 200
        assert (await rest.get("/rate_limit")).status_code == 200
        assert (await rest.get("/installation/repositories")).json()["total_count"] == 1
    await world.inbox.wait("check_run.completed")
    await world.inbox.wait("check_suite.requested")
    await world.inbox.wait("pull_request_review.submitted")
