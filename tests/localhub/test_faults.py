"""Faults are settings of the model."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from bot.localhub.model.clock import StoppedClock, SystemClock
from bot.localhub.model.hub import Hub
from bot.localhub.model.settings import BadGateway, WebhookFaults
from tests.localhub.world import World, open_world

REPO = "/repos/alice/shop"


async def test_a_502_before_a_write_leaves_nothing_and_after_it_leaves_the_write(world: World) -> None:
    faults = world.hub.faults
    async with world.as_bot() as rest:
        faults.bad_gateways.append(BadGateway("POST .*/issues$"))
        assert (await rest.post(f"{REPO}/issues", json={"title": "one"})).status_code == 502
        assert world.shop.issues == {}
        faults.bad_gateways.append(BadGateway("POST .*/issues$", after_write=True))
        assert (await rest.post(f"{REPO}/issues", json={"title": "two"})).status_code == 502
        assert [one["title"] for one in (await rest.get(f"{REPO}/issues")).json()] == ["two"]


async def test_a_merge_can_meet_a_moved_base(world: World) -> None:
    await world.pull()
    world.hub.faults.base_modified = 1
    async with world.as_bot() as rest:
        first = await rest.put(f"{REPO}/pulls/1/merge", json={})
        second = await rest.put(f"{REPO}/pulls/1/merge", json={})
    words = "Base branch was modified. Review and try the merge again."
    assert (first.status_code, first.json()["message"], second.status_code) == (405, words, 200)


async def test_the_secondary_limit_can_be_hit_with_and_without_a_hint(world: World) -> None:
    faults = world.hub.faults
    async with world.as_bot() as rest:
        faults.secondary_limit_hits = 1
        hinted = await rest.get(REPO)
        faults.secondary_limit_hits, faults.secondary_limit_retry_after = 1, None
        bare = await rest.get(REPO)
        assert (await rest.get(REPO)).status_code == 200
    assert (hinted.status_code, hinted.headers["retry-after"]) == (403, "60")
    assert "secondary rate limit" in bare.json()["message"]
    assert "retry-after" not in bare.headers


async def test_a_token_can_be_found_expired(world: World) -> None:
    world.hub.faults.expired_tokens = 1
    async with world.as_bot() as rest:
        assert (await rest.get(REPO)).status_code == 401
        assert (await rest.get(REPO)).status_code == 401
    async with world.as_bot() as rest:
        assert (await rest.get(REPO)).status_code == 200


async def test_reads_lag_behind_writes(world: World) -> None:
    issue = await world.issue("old title")
    clock = world.hub.clock
    assert isinstance(clock, SystemClock)
    clock.turn(60)
    world.hub.faults.read_lag = 30
    async with world.as_bot() as rest:
        await rest.post(f"{REPO}/issues", json={"title": "new"})
        await rest.patch(f"{REPO}/issues/1", json={"title": "new title"})
        issue.comment(world.alice, "hello")
        assert [one["title"] for one in (await rest.get(f"{REPO}/issues")).json()] == ["old title"]
        assert (await rest.get(f"{REPO}/issues/2")).status_code == 404
        assert (await rest.get(f"{REPO}/issues/1/comments")).json() == []
        clock.turn(31)
        assert [one["title"] for one in (await rest.get(f"{REPO}/issues")).json()] == ["new", "new title"]
        assert len((await rest.get(f"{REPO}/issues/1/comments")).json()) == 1


async def test_each_read_may_come_from_another_replica(world: World) -> None:
    """Every replica shows a moment of the past, none an older one than the lag allows, and a later read may show less
    than an earlier one did."""
    issue = await world.issue("first")
    clock = world.hub.clock
    assert isinstance(clock, SystemClock)
    clock.turn(60)
    world.hub.faults.read_lag, world.hub.faults.read_lag_varies = 30, True
    shown = []
    async with world.as_bot() as rest:
        for number in range(1, 31):
            issue.comment(world.alice, f"comment {number}")
            clock.turn(3)
            comments = (await rest.get(f"{REPO}/issues/1/comments")).json()
            shown.append(len(comments))
            assert [one["body"] for one in comments] == [f"comment {n + 1}" for n in range(len(comments))]
            assert number - 10 <= len(comments) <= number
    assert any(later < earlier for earlier, later in pairwise(shown))


async def test_branches_lag_as_everything_else_does(world: World) -> None:
    """They are read from GitHub's database, not from git."""
    query = {
        "query": """{ repository(owner: "alice", name: "shop") {
        ref(qualifiedName: "refs/heads/main") { target { oid } } readme: object(expression: "HEAD:new.md") { id } } }"""
    }
    clock = world.hub.clock
    assert isinstance(clock, SystemClock)
    before = await world.shop.git.branch("main")
    clock.turn(60)
    world.hub.faults.read_lag = 30
    after = await world.hub.push_files(world.shop, world.alice, "main", {"new.md": "new"}, "More")
    async with world.as_bot() as rest:
        old = (await rest.post(f"{world.address.url}/graphql", json=query)).json()["data"]["repository"]
        clock.turn(31)
        new = (await rest.post(f"{world.address.url}/graphql", json=query)).json()["data"]["repository"]
    assert (old["ref"]["target"]["oid"], old["readme"]) == (before, None)
    assert new["ref"]["target"]["oid"] == after
    assert new["readme"] is not None


async def test_webhooks_are_lost_and_repeated(world: World) -> None:
    await world.hub.events.wait("webhook.delivered")
    world.hub.faults.webhooks.lose = 1.0
    await world.issue("lost")
    world.hub.faults.webhooks.lose, world.hub.faults.webhooks.repeat = 0.0, 1.0
    await world.issue("twice")
    again = await world.inbox.wait("issues.opened", count=2)
    assert again.guid == (await world.inbox.wait("issues.opened")).guid
    titles = [one.body["issue"] for one in world.inbox.received if one.event == "issues"]
    assert all(isinstance(one, dict) and one["title"] == "twice" for one in titles)


async def test_a_webhook_that_fails_is_in_the_log_and_one_that_is_lost_is_not(world: World) -> None:
    await world.hub.events.wait("webhook.delivered")
    world.hub.faults.webhooks = WebhookFaults(fail=1.0)
    await world.issue("failed")
    await world.hub.events.wait("webhook.failed")
    world.hub.faults.webhooks = WebhookFaults(lose=1.0)
    await world.issue("lost")
    world.hub.faults.webhooks = WebhookFaults()
    [failed, lost] = [one for one in world.hub.deliveries if one.event == "issues"]
    async with world.as_app() as rest:
        [shown] = (await rest.get("/app/hook/deliveries?status=failure")).json()
        assert (shown["id"], shown["status"], shown["redelivery"]) == (failed.id, "failed to connect to host", False)
        assert (await rest.get(f"/app/hook/deliveries/{lost.id}")).status_code == 404
        assert (await rest.post(f"/app/hook/deliveries/{lost.id}/attempts")).status_code == 404
        assert (await rest.post(f"/app/hook/deliveries/{failed.id}/attempts")).status_code == 202
        received = await world.inbox.wait("issues.opened")
        await world.hub.events.wait(lambda event: getattr(event.subject, "redelivery", False))
        newest = (await rest.get("/app/hook/deliveries")).json()[0]
    assert received.guid == failed.guid
    assert (newest["guid"], newest["redelivery"], newest["status"]) == (failed.guid, True, "OK")
    assert newest["id"] != failed.id


async def test_delays_that_vary_change_the_order(tmp_path: Path) -> None:
    clock = StoppedClock()
    async with open_world(tmp_path, Hub(tmp_path / "hub", clock=clock)) as world:
        await world.hub.events.wait("webhook.delivered")
        world.hub.faults.webhooks = WebhookFaults(seed=2, delay=1.0, delay_seconds=300, delay_varies=True)
        for number in range(8):
            await world.issue(f"issue {number}")
        async with world.as_nobody() as rest:
            for _ in range(30):
                assert (await rest.get(f"{REPO}/issues/1")).status_code == 200
                clock.turn(10)
        await world.inbox.wait("issues.opened", count=8)
        late = [one.delivered_at - one.created_at for one in world.hub.deliveries if one.delivered_at is not None]
        assert max(late) <= timedelta(seconds=300)
        assert late[1:] != sorted(late[1:])


async def test_webhooks_are_reordered(world: World) -> None:
    await world.hub.events.wait("webhook.delivered")
    world.hub.faults.webhooks.reorder = 1.0
    await world.issue("first")
    world.hub.faults.webhooks.reorder = 0.0
    await world.issue("second")
    await world.inbox.wait("issues.opened", count=2)
    sent = [one for one in world.hub.deliveries if one.event == "issues"]
    assert len(sent) == 2
    async with world.as_app() as rest:
        assert (await rest.get("/app/hook/deliveries")).status_code == 200


async def test_the_primary_limit_ends_with_the_hour(world: World) -> None:
    world.hub.settings.limits.primary_per_hour = 3
    clock = world.hub.clock
    assert isinstance(clock, SystemClock)
    async with world.as_bot() as rest:
        for _ in range(3):
            assert (await rest.get(REPO)).status_code == 200
        refused = await rest.get(REPO)
        assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
        assert "API rate limit exceeded for installation ID" in refused.json()["message"]
        clock.turn(3601)
    async with world.as_bot() as rest:
        assert (await rest.get(REPO)).status_code == 200


async def test_content_is_created_eighty_times_a_minute_at_most(world: World) -> None:
    world.hub.settings.limits.content_per_minute = 2
    async with world.as_bot() as rest:
        for number in range(2):
            assert (await rest.post(f"{REPO}/issues", json={"title": str(number)})).status_code == 201
        refused = await rest.post(f"{REPO}/issues", json={"title": "3"})
        assert (await rest.patch(f"{REPO}/issues/1", json={"title": "edits are free"})).status_code == 200
    assert refused.status_code == 403
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    usage = world.hub.meter.usage_of(f"installation:{world.installation.id}")
    assert usage.content_requests == 2
    assert usage.rest["PATCH /repos/{owner}/{repo}/issues/{issue_number}"] == 1


async def test_a_stopped_clock_wakes_a_delayed_webhook(tmp_path: Path) -> None:
    clock = StoppedClock()
    async with open_world(tmp_path, Hub(tmp_path / "hub", clock=clock)) as world:
        await world.hub.events.wait("webhook.delivered")
        faults = world.hub.faults.webhooks
        faults.delay, faults.delay_seconds = 1.0, 300
        await world.issue("late")
        async with world.as_nobody() as rest:
            assert (await rest.get(f"{REPO}/issues/1")).status_code == 200
        assert "issues.opened" not in world.inbox.names
        clock.turn(301)
        await world.inbox.wait("issues.opened")
