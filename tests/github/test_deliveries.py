"""The App's delivery log, as a GitHub over real HTTP shows it."""

from __future__ import annotations

from bot.localhub.model.settings import WebhookFaults
from tests.github.conftest import World

CLOSED = "http://127.0.0.1:9/webhook"
"""Nobody listens there."""


async def fail(world: World, count: int) -> None:
    """So many webhooks that could not be delivered."""
    world.app_on_hub.webhook_url = CLOSED
    for number in range(count):
        world.issue(f"issue {number}")
    await world.hub.events.wait("webhook.failed", count=count)


async def test_what_failed_is_listed_newest_first_over_many_pages(world: World) -> None:
    await fail(world, 230)
    listed = await world.app.delivery_log.listed("failure", None)
    assert len(listed.deliveries) == len({one.guid for one in listed.deliveries}) == 230
    assert [one.id for one in listed.deliveries] == sorted((one.id for one in listed.deliveries), reverse=True)
    assert listed.back_to is None
    assert not any(one.succeeded or one.redelivery for one in listed.deliveries)
    assert (await world.app.delivery_log.listed("success", None)).deliveries == ()


async def test_no_more_is_read_than_is_asked_for(world: World) -> None:
    await fail(world, 230)
    everything = (await world.app.delivery_log.listed("failure", None)).deliveries
    asked = world.app.usage().requests
    recent = await world.app.delivery_log.listed("failure", everything[0].delivered_at)
    assert world.app.usage().requests <= asked + 3
    assert recent.back_to is None or recent.back_to <= everything[0].delivered_at
    assert recent.deliveries[0] == everything[0]


async def test_a_redelivery_keeps_the_guid_and_is_said_to_be_one(world: World) -> None:
    await fail(world, 1)
    [first] = (await world.app.delivery_log.listed("failure", None)).deliveries
    assert await world.app.delivery_log.redeliver(first.id)
    await world.hub.events.wait("webhook.failed", count=2)
    [again, before] = (await world.app.delivery_log.listed("failure", None)).deliveries
    assert before == first
    assert (again.guid, again.redelivery, again.event) == (first.guid, True, "issues")


async def test_what_is_lost_for_good_cannot_be_redelivered(world: World) -> None:
    world.app_on_hub.webhook_url = CLOSED
    world.hub.faults.webhooks = WebhookFaults(lose=1.0)
    world.issue("lost")
    assert (await world.app.delivery_log.listed("failure", None)).deliveries == ()
    assert not await world.app.delivery_log.redeliver(world.hub.deliveries[-1].id)


async def test_redeliveries_are_paced_and_counted_as_writes(world: World) -> None:
    await fail(world, 1)
    [first] = (await world.app.delivery_log.listed("failure", None)).deliveries
    await world.app.delivery_log.redeliver(first.id)
    kinds = {usage.kind: usage.requests for usage in world.app.usage().kinds}
    assert (kinds["deliveries"], kinds["redeliver"]) == (1, 1)
