"""Webhooks: headers, signature, log, redelivery."""

import hashlib
import hmac

from bot.localhub.model.events import Event
from tests.localhub.world import SECRET, World


async def test_a_delivery_is_signed_and_says_what_it_is(world: World) -> None:
    await world.issue()
    got = await world.inbox.wait("issues.opened")
    signature = hmac.new(SECRET.encode(), got.raw, hashlib.sha256).hexdigest()
    assert got.headers["x-hub-signature-256"] == f"sha256={signature}"
    assert got.headers["x-github-hook-installation-target-id"] == str(world.app.id)
    assert got.headers["x-github-hook-installation-target-type"] == "integration"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert got.headers["x-github-hook-id"] == str(world.app.hook_id)


async def test_a_failed_delivery_is_not_repeated_until_asked_and_keeps_its_guid(world: World) -> None:
    world.inbox.status = 500
    await world.issue()
    first = await world.inbox.wait("issues.opened")
    await world.hub.events.wait(lambda event: event.name == "webhook.failed" and _delivered(event, "issues"))
    world.inbox.status = 200
    async with world.as_app() as rest:
        log = (await rest.get("/app/hook/deliveries?per_page=100")).json()
        failed = next(one for one in log if one["event"] == "issues")
        assert (failed["status_code"], failed["guid"]) == (500, first.guid)
        detail = (await rest.get(f"/app/hook/deliveries/{failed['id']}")).json()
        assert detail["request"]["payload"]["action"] == "opened"
        assert (await rest.post(f"/app/hook/deliveries/{failed['id']}/attempts")).status_code == 202
        again = await world.inbox.wait("issues.opened", count=2)
    assert (again.guid, again.raw) == (first.guid, first.raw)
    assert world.inbox.names.count("issues.opened") == 2


def _delivered(event: Event, name: str) -> bool:
    return getattr(event.subject, "event", None) == name


async def test_the_log_comes_in_pages_by_cursor(world: World) -> None:
    for number in range(3):
        await world.issue(str(number))
    await world.hub.events.wait("webhook.delivered", count=4)
    async with world.as_app() as rest:
        first = await rest.get("/app/hook/deliveries?per_page=2")
        second = await rest.get(first.links["next"]["url"])
    ids = [one["id"] for one in (*first.json(), *second.json())]
    assert len(set(ids)) == 4
    assert ids == sorted(ids, reverse=True)


async def test_a_receiver_has_ten_seconds(world: World) -> None:
    world.hub.settings.limits.webhook_timeout = 0.05
    world.inbox.status = None
    await world.issue()
    failed = await world.hub.events.wait("webhook.failed")
    assert getattr(failed.subject, "status", "") == "timed out"


async def test_an_app_hears_only_what_it_subscribed_to_and_may_read(world: World) -> None:
    world.installation.events = ("issues", "push")
    world.installation.permissions = {"metadata": "read", "contents": "read"}
    await world.issue()
    await world.hub.push_files(world.shop, world.alice, "main", {"a": "b"}, "x")
    await world.inbox.wait("push")
    assert "issues.opened" not in world.inbox.names
