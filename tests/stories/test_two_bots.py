"""Two bots on one repository by mistake: one works, the other stands by and goes on where the first one ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter

from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from bot.model.lease import Lease
from bot.model.view import StandbyView
from tests.stories.bots import Bot, BotInProcess, BotProcess
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import WITHIN, Stage, stage
from tests.stories.test_restart import CHAIN, CONFIG, POINTS, UNDISTURBED, end_of

SOON = 4.0
"""Seconds of a lease that somebody has to wait out. Nothing else depends on it."""
ROWS: TypeAdapter[tuple[StandbyView, ...]] = TypeAdapter(tuple[StandbyView, ...])


@dataclass
class Second:
    """Another bot beside the one of the story, on a disk of its own."""

    story: Stage
    bot: Bot
    address: str

    async def stands_by(self) -> StandbyView:
        return await stands_by(self.address)

    async def left_alone(self) -> int:
        """How many repositories it leaves to another now."""
        async with httpx.AsyncClient(base_url=self.address, trust_env=False) as client:
            return len(await standing_by(client))

    def takes_webhooks(self) -> None:
        self.story.app.webhook_url = f"{self.address}/webhook"


async def stands_by(address: str) -> StandbyView:
    """Until the bot at `address` says whose repository it leaves alone."""
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client, asyncio.timeout(WITHIN):
        while not (rows := await standing_by(client)):
            pass
        return rows[0]


async def standing_by(client: httpx.AsyncClient) -> tuple[StandbyView, ...]:
    return ROWS.validate_json((await client.get("/api/standing-by")).content)


@asynccontextmanager
async def second(story: Stage, **overrides: str | float) -> AsyncIterator[Second]:
    settings = story.settings().model_copy(update=overrides)
    (settings.data / "instances").unlink(missing_ok=True)  # it knows nothing of the other one
    bot = BotInProcess(settings, story.log)
    try:
        yield Second(story, bot, await bot.start())
        bot.check()
    finally:
        await bot.end()


async def lease_of(story: Stage) -> Lease:
    text = await story.file("lease.json", "refs/crewline/lease")
    assert text is not None
    return Lease.model_validate_json(text)


async def holders(story: Stage, objective: Issue) -> list[str]:
    """Who ran the sessions, each once, in order."""
    return list(dict.fromkeys(session.holder for session in (await story.ledger(objective)).sessions))


async def test_a_rolling_deploy_hands_the_work_over(tmp_path: Path) -> None:
    """The new server comes while the old one works, and goes on when that one ends in order."""
    parts = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, parts, name="old", lease_seconds=24.0) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with second(story, name="new") as new:
            new.takes_webhooks()
            row = await new.stands_by()
            assert row.repository == "alice/shop"
            assert row.held_by is not None
            assert row.held_by.startswith("old (")
            await story.stop_bot()
            story.sign("go")
            await story.closed(objective)
            assert len(await holders(story, objective)) == 2
            assert (await lease_of(story)).epoch == 2
            await story.at_rest()


async def test_the_lease_costs_no_push_of_its_own_on_the_way(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG) as story:
        objective = story.hand_off()
        await story.closed(objective)
        ledger = f"refs/crewline/objectives/{objective.number}"
        recorded = int(await story.shop.git.git("rev-list", "--count", ledger))
        assert story.hub.usage.git["push"] == recorded
        assert (await lease_of(story)).epoch == 1


async def test_who_stands_by_goes_on_when_the_first_dies(tmp_path: Path) -> None:
    """kill -9: nobody says anything, so the lease is waited out."""
    parts = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, parts, killable=True, lease_seconds=SOON, settle_seconds=0.2) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with second(story) as other:
            other.takes_webhooks()
            await other.stands_by()
            await story.stop_bot()
            story.sign("go")
            await story.closed(objective)
            assert await story.file("one.txt") != f"by {objective.number}.one.worker.1\n"
            await story.at_rest()


async def test_who_heard_of_no_objective_goes_on_too(tmp_path: Path) -> None:
    """Both start while nothing is open, and all webhooks go to the first. When it dies, nobody tells the second."""
    parts = playbook(task("one"), one__worker=[waits_for("go")])
    async with (
        stage(tmp_path, parts, killable=True, lease_seconds=6 * SOON, settle_seconds=0.2) as story,
        AsyncExitStack() as life,
    ):
        async with story.log.hears("opened a repository"):
            other = await life.enter_async_context(second(story, settle_seconds=0.0))  # it looks no second time
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await other.stands_by()
        await story.stop_bot()
        story.sign("go")
        await story.closed(objective)
        assert len(await holders(story, objective)) == 2
        other.takes_webhooks()
        await story.at_rest()


INTERRUPTED = ("between two sub-issues", "between push and pull request", "between review and merge")


@pytest.mark.parametrize("point", INTERRUPTED)
async def test_a_write_of_a_bot_that_lost_its_lease_is_refused_by_itself(tmp_path: Path, point: str) -> None:
    """The first is frozen with more writes in its hand, the second does it all, the first comes back."""
    async with stage(
        tmp_path, playbook(*CHAIN), config=CONFIG, killable=True, lease_seconds=SOON, settle_seconds=0.2
    ) as story:
        first, address = story.bot, (story.app.webhook_url or "").removesuffix("/webhook")
        assert isinstance(first, BotProcess)
        objective = story.hand_off()
        frozen = frozen_when(story, first, partial(POINTS[point], story, objective))
        await story.until(frozen.is_set)
        async with second(story) as other:  # only now, since it would take the lease where it were the quicker one
            other.takes_webhooks()
            await story.closed(objective)
            assert await end_of(story, objective) == UNDISTURBED
            await story.at_rest()
            before = writes(story)
            first.thaw()
            assert (await stands_by(address)).repository == "alice/shop"
            assert writes(story) == before


def frozen_when(story: Stage, bot: BotProcess, condition: Callable[[], bool]) -> asyncio.Event:
    """The bot stops in the moment in which the hub is so, before it gets an answer; the event says that it has."""
    frozen = asyncio.Event()

    def freeze(_: Event) -> None:
        if not frozen.is_set() and condition():
            bot.freeze()
            frozen.set()

    story.hub.events.listen(freeze)
    return frozen


def writes(story: Stage) -> tuple[int, int]:
    """How much the App wrote on the hub: what came of it, and its requests."""
    mine = [e for e in story.hub.events.log if e.actor is not None and e.actor.account is story.crewline]
    return len(mine), story.hub.usage.rest_writes


@pytest.mark.parametrize("attempt", range(4))
async def test_of_two_that_start_at_the_same_instant_one_works(tmp_path: Path, attempt: int) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG) as story:
        await story.stop_bot()
        objective = story.hand_off()
        async with second(story) as one, second(story) as other:
            await story.closed(objective)
            assert sorted([await one.left_alone(), await other.left_alone()]) == [0, 1]
            assert len(await holders(story, objective)) == 1
            assert await end_of(story, objective) == UNDISTURBED
