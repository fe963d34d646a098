"""What rarely goes wrong, made to go wrong once: it is told (`tests/witnesses.py` holds the lines to it), and the end
is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest

from bot import journal
from bot.control import hints
from bot.localhub.model.settings import BadGateway
from tests.stories.plays import WRITE, first, playbook, refuses, task, waits_for
from tests.stories.stage import Stage, stage
from tests.stories.test_floods import deliver, payload
from tests.stories.test_outage import github_down
from tests.stories.test_two_bots import second

HELD = playbook(task("one"), one__worker=[waits_for("go")])


@contextmanager
def unanswered(story: Stage, request: str) -> Iterator[None]:
    """GitHub answers 502 to this, as often as it is tried."""
    story.hub.faults.bad_gateways.append(BadGateway(request, times=10_000))
    yield
    story.hub.faults.bad_gateways.clear()


def hurried(
    folder: Path, settle_seconds: float = 0.0, lease_seconds: float = 30.0
) -> AbstractAsyncContextManager[Stage]:
    """An agent that waits for a sign, and a bot that asks again soon where GitHub does not answer."""
    return stage(
        folder,
        HELD,
        unreachable_seconds=0.02,
        answer_seconds=1.0,
        settle_seconds=settle_seconds,
        lease_seconds=lease_seconds,
    )


async def test_a_sweep_that_fails_is_repeated(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        with unanswered(story, "GET /app/installations"):
            async with story.log.hears(journal.SWEEP_FAILED.name):
                await story.restart_bot()
        story.sign("go")
        await story.closed(story.hand_off())


async def test_an_objective_that_cannot_be_looked_at_yet_is_looked_at_later(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        story.sign("go")
        await story.closed(story.hand_off())
        await story.at_rest()
        with unanswered(story, "POST /graphql"):
            async with story.log.hears(journal.ASKED_TO_WAIT.name):
                objective = story.hand_off("Another")
        await story.closed(objective)


async def test_a_hint_that_cannot_be_followed_is_made_good_by_a_sweep(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        with unanswered(story, "POST /graphql"):
            async with story.log.hears(journal.HINTS_LOST.name):
                await story.push(".github/crewline.yml", "merge:\n  method: rebase\n")
        story.sign("go")
        await story.closed(objective)


async def test_a_write_that_github_refuses_is_tried_again(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.hub.settings.max_body = 10
        async with story.log.hears(journal.ACTION_REFUSED.name):
            story.sign("go")
        story.hub.settings.max_body = 65_536
        await story.closed(objective)


async def test_a_branch_that_a_rule_closes_is_told_and_asked_about(tmp_path: Path) -> None:
    sent_back = playbook(task("one"), one__worker=[first(WRITE), waits_for("go")], one__reviewer=[refuses("No.")])
    async with stage(tmp_path, sent_back, config="limits:\n  attempts: 1\n") as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.2")
        story.shop.protect(f"crewline/{objective.number}/*", required_reviews=1)
        async with story.log.hears(journal.PUSH_REFUSED.name):
            story.sign("go")
        await story.bot_says(objective, "waits for you", "protected branch hook declined")


async def test_a_read_that_is_older_than_the_last_one_is_not_believed(tmp_path: Path) -> None:
    async with hurried(tmp_path, settle_seconds=5.0) as story:
        story.hub.faults.read_lag = 0.001  # from now on it is known what there was before
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.hub.faults.read_lag = 60.0
        async with story.log.hears(journal.OLDER_READ.name):
            command = story.say("/status", on=objective)
        story.hub.faults.read_lag = 0.0
        await story.carried_out(command)
        await story.bot_says(objective, "0 of 1 tasks done")
        story.sign("go")
        await story.closed(objective)


async def test_more_hints_than_are_remembered_cost_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "MOST_OF_ONE", 3)
    async with hurried(tmp_path) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        bodies = [payload(story, number, action="labeled", label={"name": f"a{number}"}) for number in range(100, 200)]
        async with story.log.hears(journal.TOO_MANY_HINTS.name):
            await deliver(story, "issues", bodies)
        story.sign("go")
        await story.closed(objective)


async def test_more_hints_than_looks_are_allowed_are_held_back(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        held_back = asyncio.create_task(story.log.says(journal.HINTS_HELD_BACK.name))
        for number in count():  # the slower a machine, the more of them are followed together
            if held_back.done():
                break
            labelled = {"action": "labeled", "label": {"name": f"a{number}"}}
            await deliver(story, "issues", [payload(story, objective.number, **labelled)])
        await held_back
        story.sign("go")
        await story.closed(objective)


async def test_leases_are_renewed_and_looked_at_when_github_is_back(tmp_path: Path) -> None:
    async with hurried(tmp_path, lease_seconds=4.0) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with second(story) as other:
            await other.stands_by()
            async with (
                github_down(story, "502"),
                story.log.hears(journal.LEASE_NOT_RENEWED.name, journal.LEASE_NOT_SEEN.name),
            ):
                pass
        story.sign("go")
        await story.closed(objective)


async def test_who_stands_by_and_cannot_go_on_yet_goes_on_later(tmp_path: Path) -> None:
    async with hurried(tmp_path, lease_seconds=8.0) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with second(story) as other:
            other.takes_webhooks()
            await other.stands_by()
            await story.stop_bot()
            with unanswered(story, "POST /graphql"):
                async with story.log.hears(journal.NOT_TAKEN_UP.name):
                    pass
            story.sign("go")
            await story.closed(objective)
            await story.at_rest()


async def test_what_an_earlier_server_left_and_nobody_can_read_starts_again(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.stop_bot()
        (story.folder / "data-0" / "left").write_text("somebody put a file where a folder should be")
        async with story.log.hears(journal.LEFT_UNKNOWN.name):
            await story.start_bot(same_disk=True)
        story.sign("go")
        await story.closed(objective)
        assert len(story.log.found) == 2, "the place that could not be cleared, and what was left there"
        story.log.found.clear()


async def test_what_was_handed_off_just_before_the_start_is_found_by_a_sweep(tmp_path: Path) -> None:
    async with hurried(tmp_path, settle_seconds=0.5) as story:
        opened = asyncio.create_task(story.log.says("opened a repository"))
        await story.restart_bot()
        await opened
        with unanswered(story, "POST /graphql"):
            async with story.log.hears(journal.HANDED_OFF_UNKNOWN.name):
                pass
        story.sign("go")
        await story.closed(story.hand_off())


async def test_a_repository_that_the_app_does_not_reach_is_left_to_itself(tmp_path: Path) -> None:
    async with hurried(tmp_path) as story:
        body = payload(story, 1).replace(b"alice/shop", b"alice/elsewhere")
        async with story.log.hears(journal.NOT_INSTALLED.name):
            await deliver(story, "issues", [body])
