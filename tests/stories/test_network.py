"""Webhooks get lost and mixed up, answers get lost, reads lag: the end is the same, and nothing is made twice."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bot.localhub.model.events import Event
from bot.localhub.model.settings import BadGateway, WebhookFaults
from tests.stories.plays import APPROVE, WRITE, first, playbook, refuses, task, told
from tests.stories.stage import Stage, stage

CHAIN = (task("one"), task("two", "one"))
BUSY = playbook(
    *CHAIN,
    two__worker=[told("Mend it", {"write": {"two.txt": "mended\n"}}), WRITE],
    two__reviewer=[first(refuses("Mend it")), APPROVE],
)
"""Every kind of write there is: issues, links, pull requests, checks, reviews, merges, comments, edits."""
CONFIG = "limits:\n  backoff_seconds: 0\nverify:\n  command: test -e one.txt\n"


async def all_is_well(story: Stage) -> None:
    objective = story.hand_off()
    await story.closed(objective)
    assert await story.merged_titles() == ["Do one", "Do two"]
    assert len(objective.sub_issues) == 2
    assert [(pull.merged, len(pull.reviews)) for pull in story.pull_requests()] == [(True, 1), (True, 2)]
    assert len(objective.comments) == 1
    assert await story.file("two.txt") == "mended\n"


MIXED_UP = {
    "repeated": WebhookFaults(repeat=1.0),
    "delayed": WebhookFaults(delay=1.0, delay_seconds=0.2),
    "reordered": WebhookFaults(reorder=1.0, delay_seconds=0.2),
    "all of it": WebhookFaults(lose=0.2, repeat=0.4, delay=0.4, reorder=0.4, delay_seconds=0.2),
}


@pytest.mark.parametrize("mix", MIXED_UP)
async def test_webhooks_that_are_mixed_up_change_nothing(tmp_path: Path, mix: str) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG, sweep_seconds=1) as story:
        story.hub.faults.webhooks = MIXED_UP[mix]
        await all_is_well(story)


async def test_without_any_webhook_the_sweep_finds_what_happened(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[told("hint", WRITE), {}]), sweep_seconds=1,
                     config="limits:\n  backoff_seconds: 0\n  attempts: 1\n") as story:  # fmt: skip
        story.hub.faults.webhooks = WebhookFaults(lose=1.0)
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        await story.carried_out(story.say("/retry with a hint", on=objective))
        await story.closed(objective)


WRITES = {
    "issues": "POST /graphql",
    "comment": r"POST /repos/.*/issues/\d+/comments",
    "edit": r"PATCH /repos/.*/issues/comments/\d+",
    "pull request": "POST /repos/.*/pulls$",
    "check": "POST /repos/.*/check-runs",
    "review": "POST /repos/.*/reviews",
    "merge": "PUT /repos/.*/merge",
    "close": r"PATCH /repos/.*/issues/\d+$",
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", WRITES)
async def test_a_lost_answer_makes_nothing_twice(tmp_path: Path, write: str, after: bool) -> None:
    """Up to two requests of a kind are answered 502, before or after they took effect."""
    async with stage(tmp_path, BUSY, config=CONFIG, settle_seconds=0.1) as story:
        story.hub.faults.bad_gateways.append(BadGateway(WRITES[write], times=2, after_write=after))
        await all_is_well(story)
        assert story.hub.faults.bad_gateways[0].times < 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_lost_answer_to_the_creation_of_the_tasks_makes_none_twice(tmp_path: Path, after: bool) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG, settle_seconds=0.1) as story:
        fault = BadGateway("POST .*graphql", times=0, after_write=after)
        story.hub.faults.bad_gateways.append(fault)

        def once_planned(event: Event) -> None:
            """The planner has ended, so what is asked next creates the tasks or looks at them."""
            if event.name == "issue.opened" and len(story.shop.issues) == 2:
                fault.times = 1

        story.hub.events.listen(once_planned)
        await all_is_well(story)


async def test_reads_that_lag_behind_writes_make_nothing_twice(tmp_path: Path) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG, settle_seconds=1.0) as story:
        story.hub.faults.read_lag = 0.7
        await all_is_well(story)


def exists(story: Stage, number: int) -> bool:
    return number in story.shop.issues


async def test_reads_that_lag_behind_the_writes_of_a_process_that_died_make_nothing_twice(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG, settle_seconds=1.0) as story:
        story.hub.faults.read_lag = 0.7
        objective = story.hand_off()
        for number in (2, 3, 4, 5):
            await story.until(partial(exists, story, number))
            await story.restart_bot()
        await story.closed(objective)
        assert len(story.pull_requests()) == 2
        assert len(objective.sub_issues) == 2


async def test_limits_of_github_are_waited_out(tmp_path: Path) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG) as story:
        story.hub.faults.secondary_limit_retry_after = 1
        story.hub.faults.secondary_limit_hits = 2
        story.hub.faults.expired_tokens = 1
        story.hub.faults.base_modified = 1
        await all_is_well(story)


async def test_partial_answers_are_not_taken_for_the_whole(tmp_path: Path) -> None:
    async with stage(tmp_path, BUSY, config=CONFIG) as story:
        story.hub.faults.partial_answers = 3
        await all_is_well(story)
