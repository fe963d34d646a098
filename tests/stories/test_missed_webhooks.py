"""Webhooks that never arrive: GitHub's delivery log is read and they are delivered again; the sweep heals the rest."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bot.localhub.model.delivery import Delivery
from bot.localhub.model.settings import WebhookFaults
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import Stage, stage
from tests.stories.test_network import BUSY, CONFIG, all_is_well

NOBODY = "http://127.0.0.1:9/webhook"
"""Where nobody listens."""
OFTEN = 0.2


def attempts(story: Stage, event: str) -> list[Delivery]:
    """The deliveries of an event that somebody caused, redeliveries included."""
    return [one for one in story.hub.deliveries if one.event == event and b'"login":"crewline[bot]"' not in one.payload]


@pytest.mark.parametrize("seed", range(4))
async def test_a_third_lost_a_fifth_repeated_the_rest_late_and_in_any_order(tmp_path: Path, seed: int) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG, deliveries_seconds=OFTEN, sweep_seconds=1) as story:
        story.hub.faults.webhooks = WebhookFaults(
            seed=seed, lose=0.1, fail=0.2, repeat=0.2, delay=0.8, delay_seconds=0.5, delay_varies=True
        )
        await all_is_well(story)


async def test_a_bot_that_was_down_finds_in_the_log_what_it_missed(tmp_path: Path) -> None:
    """The sweep looks at what is open. That somebody asks about what is over, only the log still says."""
    async with stage(tmp_path, playbook(task("one")), deliveries_seconds=3600) as story:
        objective = story.hand_off()
        await story.closed(objective)
        await story.stop_bot()
        question = story.say("/help", on=objective)
        await story.hub.events.wait(lambda event: event.name == "webhook.failed" and event.subject is last(story))
        await story.start_bot()
        await story.carried_out(question)
        await story.bot_says(objective, "/retry")
        assert [one.redelivery for one in attempts(story, "issue_comment")] == [False, True]


def last(story: Stage) -> Delivery:
    return attempts(story, "issue_comment")[-1]


async def test_without_the_log_nobody_would_know(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        await story.stop_bot()
        question = story.say("/help", on=objective)
        await story.hub.events.wait(lambda event: event.name == "webhook.failed" and event.subject is last(story))
        await story.start_bot()
        await story.at_rest()
        assert not story.reactions(question)


async def test_a_bot_that_could_not_be_reached_for_a_while_catches_up(tmp_path: Path) -> None:
    waiting = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, waiting, deliveries_seconds=OFTEN) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        reachable, story.app.webhook_url = story.app.webhook_url, NOBODY
        question = story.say("/help", on=objective)
        await story.hub.events.wait(lambda event: event.name == "webhook.failed" and event.subject is last(story))
        story.app.webhook_url = reachable
        await story.carried_out(question)
        await story.bot_says(objective, "/retry")
        story.sign("go")
        await story.closed(objective)


async def test_what_the_bot_refuses_is_not_delivered_forever(tmp_path: Path) -> None:
    """Its secret is not the App's, so every webhook is refused: each one once more, and then never again."""
    async with stage(tmp_path, playbook(task("one")), deliveries_seconds=OFTEN) as story:
        objective = story.hand_off()
        await story.closed(objective)
        story.app.webhook_secret = "another"
        for times in range(1, 4):
            story.say(f"comment {times}", on=objective)
            await story.until(partial(refused, story, 2 * times))
        assert codes(story) == [401] * 6


def refused(story: Stage, times: int) -> bool:
    return codes(story).count(401) >= times


def codes(story: Stage) -> list[int]:
    return [one.status_code for one in attempts(story, "issue_comment")]
