"""The rules that bite."""

from itertools import pairwise

import pytest
from httpx import Response

from bot.localhub.model.issue import open_issue
from bot.localhub.model.issue_links import add_sub_issue, block, delete_issue, transfer
from tests.localhub.world import World

REPO = "/repos/alice/shop"


def reasons(answer: Response) -> str:
    assert answer.status_code == 422, answer.text
    return str(answer.json())


async def test_nobody_approves_their_own_pull_request(world: World) -> None:
    async with world.as_bot() as rest:
        await world.hub.push_files(world.shop, world.alice, "fix", {"a": "a"}, "a")
        assert (await rest.post(f"{REPO}/pulls", json={"title": "x", "head": "fix", "base": "main"})).status_code == 201
        approve = await rest.post(f"{REPO}/pulls/1/reviews", json={"event": "APPROVE"})
        change = await rest.post(f"{REPO}/pulls/1/reviews", json={"event": "REQUEST_CHANGES", "body": "no"})
        comment = await rest.post(f"{REPO}/pulls/1/reviews", json={"event": "COMMENT", "body": "hm"})
    assert "Review Can not approve your own pull request" in reasons(approve)
    assert "Review Can not request changes on your own pull request" in reasons(change)
    assert comment.json()["state"] == "COMMENTED"


async def test_a_review_comment_must_be_on_a_line_of_the_diff(world: World) -> None:
    await world.pull()
    async with world.as_bot() as rest:
        for path, line, words in (
            ("fix.txt", 9, "Line could not be resolved"),
            ("no", 1, "Path could not be resolved"),
        ):
            comments = [{"path": path, "line": line, "body": "?"}]
            answer = await rest.post(f"{REPO}/pulls/1/reviews", json={"event": "COMMENT", "comments": comments})
            assert words in reasons(answer)


async def test_merging_a_head_that_moved_is_409(world: World) -> None:
    pull = await world.pull()
    await world.hub.push_files(world.shop, world.alice, "fix", {"more": "x"}, "More")
    async with world.as_bot() as rest:
        answer = await rest.put(f"{REPO}/pulls/1/merge", json={"sha": "0" * 40})
        assert answer.status_code == 409
        assert answer.json()["message"] == "Head branch was modified. Review and try the merge again."
        assert (await rest.put(f"{REPO}/pulls/1/merge", json={"sha": pull.head_sha})).status_code == 200


async def test_a_conflict_is_not_mergeable(world: World) -> None:
    await world.hub.push_files(world.shop, world.alice, "fix", {"README.md": "theirs"}, "x", start="main")
    async with world.as_bot() as rest:
        await rest.post(f"{REPO}/pulls", json={"title": "x", "head": "fix", "base": "main"})
        await world.hub.push_files(world.shop, world.alice, "main", {"README.md": "ours"}, "y")
        assert (await rest.get(f"{REPO}/pulls/1")).json()["mergeable"] is None
        told = (await rest.get(f"{REPO}/pulls/1")).json()
        answer = await rest.put(f"{REPO}/pulls/1/merge", json={})
    assert (told["mergeable"], told["mergeable_state"]) == (False, "dirty")
    assert (answer.status_code, answer.json()["message"]) == (405, "Pull Request is not mergeable")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_merge_methods(world: World, method: str) -> None:
    pull = await world.pull()
    await world.hub.push_files(world.shop, world.alice, "main", {"other": "x"}, "Elsewhere")
    async with world.as_bot() as rest:
        answer = await rest.put(f"{REPO}/pulls/1/merge", json={"merge_method": method})
        head = await world.shop.git.commit(answer.json()["sha"])
    assert len(head.parents) == (2 if method == "merge" else 1)
    subject = head.message.partition("\n")[0].strip()
    expected = {"merge": "Merge pull request #1 from alice/fix", "squash": "Add fix (#1)", "rebase": "Add fix"}
    assert subject == expected[method]
    assert pull.merged
    assert await world.shop.git.text("show", "main:fix.txt") == "fix"


async def test_pull_requests_that_cannot_be_opened(world: World) -> None:
    await world.pull()
    await world.hub.push_files(world.shop, world.alice, "main", {"x": "y"}, "Later")
    async with world.as_bot() as rest:
        for head, words in (
            ("fix", "A pull request already exists for alice:fix."),
            ("main", "No commits between main and main"),
            ("nowhere", "'field': 'head', 'code': 'invalid'"),
        ):
            answer = await rest.post(f"{REPO}/pulls", json={"title": "x", "head": head, "base": "main"})
            told = reasons(answer)
            assert words in told or all(one in told for one in ("'head'", "'invalid'")), told


async def test_refs(world: World) -> None:
    head = await world.shop.git.branch("main")
    other = await world.hub.push_files(world.shop, world.alice, "fix", {"a": "a"}, "a")
    async with world.as_bot() as rest:
        made = await rest.post(f"{REPO}/git/refs", json={"ref": "refs/heads/new", "sha": other})
        again = await rest.post(f"{REPO}/git/refs", json={"ref": "refs/heads/new", "sha": other})
        back = await rest.patch(f"{REPO}/git/refs/heads/new", json={"sha": head})
        forced = await rest.patch(f"{REPO}/git/refs/heads/new", json={"sha": head, "force": True})
        gone = await rest.delete(f"{REPO}/git/refs/heads/new")
        await world.hub.create_repository(world.alice, "bare")
        empty = await rest.post("/repos/alice/bare/git/refs", json={"ref": "refs/heads/x", "sha": other})
    assert made.status_code == 201
    assert "Reference already exists" in reasons(again)
    assert "Update is not a fast forward" in reasons(back)
    assert (forced.status_code, gone.status_code) == (200, 204)
    assert (empty.status_code, empty.json()["message"]) == (409, "Git Repository is empty.")


async def test_texts_and_lists_have_limits(world: World) -> None:
    pull = await world.pull()
    async with world.as_bot() as rest:
        assert "title is too long" in reasons(await rest.post(f"{REPO}/issues", json={"title": "x" * 257}))
        assert "body is too long" in reasons(
            await rest.post(f"{REPO}/issues", json={"title": "x", "body": "x" * 65_537})
        )
        assert "Body is too long" in reasons(await rest.post(f"{REPO}/issues/1/comments", json={"body": "x" * 65_537}))
        many = [f"label {number}" for number in range(101)]
        assert "100 labels" in reasons(await rest.put(f"{REPO}/issues/1/labels", json={"labels": many}))
        note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
        output = {"title": "t", "summary": "s", "annotations": [note] * 51}
        run = {"name": "c", "head_sha": pull.head_sha, "output": output}
        assert "50 items" in reasons(await rest.post(f"{REPO}/check-runs", json=run))
        assert (await rest.post(f"{REPO}/issues", content=b"{")).status_code == 400


async def test_sub_issues_have_one_parent_no_cycle_and_limits(world: World) -> None:
    first, second, third = [await world.issue(name) for name in ("a", "b", "c")]
    world.hub.settings.max_sub_issues = 2
    async with world.as_bot() as rest:
        add_sub_issue(first, world.alice, second)
        words = "Sub issue may only have one parent"
        assert words in reasons(await rest.post(f"{REPO}/issues/3/sub_issues", json={"sub_issue_id": second.id}))
        assert "circular" in reasons(await rest.post(f"{REPO}/issues/2/sub_issues", json={"sub_issue_id": first.id}))
        moved = {"sub_issue_id": second.id, "replace_parent": True}
        assert (await rest.post(f"{REPO}/issues/3/sub_issues", json=moved)).status_code == 201
        assert (second.parent, first.sub_issues) == (third, ())
        for name in ("d", "e"):
            add = {"sub_issue_id": (await world.issue(name)).id}
            answer = await rest.post(f"{REPO}/issues/3/sub_issues", json=add)
    assert "more than 2 sub-issues" in reasons(answer)


async def test_sub_issues_go_eight_levels_deep(world: World) -> None:
    chain = [await world.issue(str(level)) for level in range(9)]
    for parent, child in pairwise(chain[:8]):
        add_sub_issue(parent, world.alice, child)
    async with world.as_bot() as rest:
        answer = await rest.post(f"{REPO}/issues/8/sub_issues", json={"sub_issue_id": chain[8].id})
    assert "8 levels" in reasons(answer)


async def test_dependencies_make_no_cycle_and_have_a_limit(world: World) -> None:
    first, second = await world.issue("a"), await world.issue("b")
    block(second, world.alice, first)
    async with world.as_bot() as rest:
        cycle = await rest.post(f"{REPO}/issues/1/dependencies/blocked_by", json={"issue_id": second.id})
        twice = await rest.post(f"{REPO}/issues/2/dependencies/blocked_by", json={"issue_id": first.id})
        world.hub.settings.max_dependencies = 1
        third = await world.issue("c")
        many = await rest.post(f"{REPO}/issues/2/dependencies/blocked_by", json={"issue_id": third.id})
        gone = await rest.delete(f"{REPO}/issues/2/dependencies/blocked_by/{first.id}")
    assert "circular" in reasons(cycle)
    assert "already been taken" in reasons(twice)
    assert "more than 1" in reasons(many)
    assert (gone.status_code, second.blocked_by) == (200, ())


async def test_closing_keywords_close_only_from_the_default_branch(world: World) -> None:
    first, second = await world.issue("a"), await world.issue("b")
    await world.hub.push_files(world.shop, world.alice, "staging", {"s": "s"}, "Staging")
    await world.pull("one", body="Closes #1")
    await world.pull("two", body="Fixes #2", base="staging")
    bob = world.hub.add_user("bob")
    world.shop.add_collaborator(bob, "write")
    async with world.as_user(bob) as rest:
        assert (await rest.put(f"{REPO}/pulls/3/merge", json={})).status_code == 200
        assert (await rest.put(f"{REPO}/pulls/4/merge", json={})).status_code == 200
    assert (first.state, first.state_reason, first.closed_by) == ("closed", "completed", bob)
    assert second.state == "open"


async def test_a_branch_asks_for_checks_and_reviews(world: World) -> None:
    pull = await world.pull()
    world.shop.protect("main", required_checks=("verify",), required_reviews=1)
    bob = world.hub.add_user("bob")
    world.shop.add_collaborator(bob, "write")
    async with world.as_bot() as rest, world.as_user(bob) as reviewer:
        refused = await rest.put(f"{REPO}/pulls/1/merge", json={})
        await rest.get(f"{REPO}/pulls/1")
        assert (await rest.get(f"{REPO}/pulls/1")).json()["mergeable_state"] == "blocked"
        rules = [one["type"] for one in (await rest.get(f"{REPO}/rules/branches/main")).json()]
        run = {"name": "verify", "head_sha": pull.head_sha, "conclusion": "success"}
        await rest.post(f"{REPO}/check-runs", json=run)
        assert (await rest.put(f"{REPO}/pulls/1/merge", json={})).status_code == 405
        await reviewer.post(f"{REPO}/pulls/1/reviews", json={"event": "APPROVE"})
        assert (await rest.put(f"{REPO}/pulls/1/merge", json={})).status_code == 200
    assert refused.status_code == 405
    assert 'Required status check "verify" is expected.' in refused.json()["message"]
    assert "At least 1 approving review is required" in refused.json()["message"]
    assert rules == ["pull_request", "required_status_checks"]


async def test_merging_asynchronously(world: World) -> None:
    pull = await world.pull()
    async with world.as_bot() as rest:
        asked = await rest.put(f"{REPO}/pulls/1/merge-async", json={"sha": pull.head_sha})
        uuid = asked.json()["details"]["uuid"]
        await world.hub.events.wait("pull_request.merged")
        await world.hub.events.until(lambda: world.hub.async_merges[uuid].status == "merged")
        told = (await rest.get(f"{REPO}/pulls/1/merge-async/{uuid}")).json()
    assert (asked.status_code, asked.json()["status"], told["status"]) == (202, "pending", "merged")
    assert told["details"]["sha"] == pull.merge_commit_sha


async def test_a_merge_queue_refuses_a_plain_merge(world: World) -> None:
    await world.pull()
    world.shop.protect("main", merge_queue=True)
    async with world.as_bot() as rest:
        refused = await rest.put(f"{REPO}/pulls/1/merge", json={})
        await rest.put(f"{REPO}/pulls/1/merge-async", json={"merge_action": "merge_queue"})
        await world.hub.events.wait("pull_request.merged")
    assert (refused.status_code, "merge queue" in refused.json()["message"]) == (405, True)


async def test_updating_a_branch_happens_later(world: World) -> None:
    pull = await world.pull()
    await world.hub.push_files(world.shop, world.alice, "main", {"more": "x"}, "More")
    old = pull.head_sha
    async with world.as_bot() as rest:
        stale = await rest.put(f"{REPO}/pulls/1/update-branch", json={"expected_head_sha": "0" * 40})
        asked = await rest.put(f"{REPO}/pulls/1/update-branch", json={"expected_head_sha": old})
        await world.hub.events.wait("pull_request.synchronize")
    assert "expected head sha" in reasons(stale)
    assert asked.status_code == 202
    assert pull.head_sha != old


async def test_issues_that_went_elsewhere(world: World) -> None:
    annex = await world.hub.create_repository(world.alice, "annex", files={"a": "b"})
    moved, deleted = await world.issue("moves"), await world.issue("goes")
    transfer(moved, world.alice, annex)
    delete_issue(deleted, world.alice)
    async with world.as_user(world.alice) as rest:
        redirect = await rest.get(f"{REPO}/issues/1")
        followed = await rest.get(redirect.headers["location"])
        assert (await rest.get(f"{REPO}/issues/2")).status_code == 410
        world.shop.rename(world.alice, "store")
        renamed = await rest.get(REPO)
        assert (await rest.get(renamed.headers["location"])).status_code == 200
    assert (redirect.status_code, renamed.status_code) == (301, 301)
    assert (followed.json()["title"], followed.json()["number"]) == ("moves", 1)


async def test_a_read_that_changed_nothing_costs_nothing(world: World) -> None:
    await world.issue()
    async with world.as_bot() as rest:
        first = await rest.get(f"{REPO}/issues/1")
        second = await rest.get(f"{REPO}/issues/1", headers={"if-none-match": first.headers["etag"]})
        third = await rest.get(f"{REPO}/issues/1", headers={"if-none-match": '"other"'})
    assert (second.status_code, second.content, third.status_code) == (304, b"", 200)
    assert second.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]


async def test_lists_come_in_pages(world: World) -> None:
    for number in range(5):
        open_issue(world.shop, world.alice, str(number))
    async with world.as_bot() as rest:
        first = await rest.get(f"{REPO}/issues?per_page=2")
        second = await rest.get(first.links["next"]["url"])
        last = await rest.get(first.links["last"]["url"])
    assert [one["number"] for one in first.json()] == [5, 4]
    assert [one["number"] for one in second.json()] == [3, 2]
    assert [one["number"] for one in last.json()] == [1]
    assert "next" not in last.links
