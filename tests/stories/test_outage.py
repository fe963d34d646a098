"""GitHub is down, its tokens run out, and its clock is not ours: all goes on without a person, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.localhub.model.issue import Issue
from bot.localhub.model.settings import Outage, WebhookFaults
from tests.stories.plays import APPROVE, WRITE, Json, plan, playbook, task, waits_for
from tests.stories.stage import QUICK, Stage, stage

CHAIN = (task("one"), task("two", "one"))
OUTAGES = ["502", "silence", "refused"]
HELD = {
    "planner": playbook(planner=[waits_for("go", {"answer": plan(*CHAIN)})]),
    "one.worker": playbook(*CHAIN, one__worker=[waits_for("go", WRITE)]),
    "one.reviewer": playbook(*CHAIN, one__reviewer=[waits_for("go", APPROVE)]),
}
"""Somebody waits while GitHub goes down, and ends before it is back."""
WAITS = ("GitHub asks to wait", "a look failed and is repeated")
"""What the bot logs when it could not go on."""


def impatient(
    folder: Path, sessions: Mapping[str, Json], lease_seconds: float = 30
) -> AbstractAsyncContextManager[Stage]:
    """A story in which an hour without GitHub passes in a second."""
    return stage(
        folder,
        sessions,
        deliveries_seconds=0,
        answer_seconds=0.5,
        unreachable_seconds=0.3,
        lease_seconds=lease_seconds,
    )


@asynccontextmanager
async def github_down(story: Stage, how: str) -> AsyncIterator[None]:
    """No request is answered, and no webhook sent."""
    door = story.address.door
    assert door is not None
    story.hub.faults.webhooks = WebhookFaults(lose=1.0)
    if how == "refused":
        await door.shut()
    else:
        story.hub.faults.outage = Outage.BAD_GATEWAY if how == "502" else Outage.SILENCE
    yield
    story.hub.faults.outage = None
    if how == "refused":
        await door.open()
    story.hub.faults.webhooks = WebhookFaults()


async def nothing_was_lost(story: Stage, objective: Issue) -> None:
    """Every session that was started has done its work, and none was needed twice."""
    assert await story.merged_titles() == ["Do one", "Do two"]
    sessions = (await story.ledger(objective)).sessions
    outcomes = {session.id: session.outcome.kind for session in sessions if session.outcome is not None}
    number = objective.number
    assert outcomes == {
        f"{number}.planner.1": "planned",
        f"{number}.one.worker.1": "published",
        f"{number}.one.reviewer.1": "judged",
        f"{number}.two.worker.1": "published",
        f"{number}.two.reviewer.1": "judged",
    }


@pytest.mark.parametrize(
    ("who", "how"),
    [("planner", "502"), ("one.worker", "silence"), ("one.worker", "refused"), ("one.reviewer", "502")],
)
async def test_what_ends_while_github_is_down_counts_when_it_is_back(tmp_path: Path, who: str, how: str) -> None:
    async with impatient(tmp_path, HELD[who]) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.{who}.1")
        async with github_down(story, how):
            story.sign("go")
            await story.log.says(*WAITS)
        await story.closed(objective)
        await nothing_was_lost(story, objective)


async def test_an_outage_that_outlasts_the_lease_loses_nothing(tmp_path: Path) -> None:
    async with impatient(tmp_path, HELD["one.worker"], lease_seconds=1) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with github_down(story, "502"):
            story.sign("go")
            for _ in range(8):
                await story.log.says(*WAITS)
        await story.closed(objective)
        await nothing_was_lost(story, objective)


async def test_what_people_do_meanwhile_is_found_when_github_is_back(tmp_path: Path) -> None:
    """No webhook tells of it, and the next sweep is an hour away."""
    async with impatient(tmp_path, HELD["one.reviewer"]) as story:
        first = story.hand_off()
        await story.waits(f"{first.number}.one.reviewer.1")
        async with github_down(story, "502"):
            second = story.hand_off()
            story.sign("go")
            await story.log.says(*WAITS)
        await story.closed(first, second)


@pytest.mark.parametrize("how", OUTAGES)
async def test_a_server_that_starts_meanwhile_waits_and_says_so(tmp_path: Path, how: str) -> None:
    async with impatient(tmp_path, HELD["one.worker"]) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.stop_bot()
        async with github_down(story, how):
            await story.start_bot()
            url = (story.app.webhook_url or "").removesuffix("/webhook")
            async with httpx.AsyncClient(trust_env=False) as browser:
                health, page = await browser.get(f"{url}/healthz"), await browser.get(url)
            assert health.text.startswith("ok\nGitHub has not answered since ")
            assert "GitHub has not answered since" in page.text
        story.sign("go")
        await story.closed(objective)
        assert await story.merged_titles() == ["Do one", "Do two"]


async def test_a_token_that_expires_in_mid_push_is_renewed_and_the_push_repeated(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD["one.reviewer"], config=QUICK) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        story.hub.faults.tokens_expired_for_git = 1
        story.sign("go")
        await story.closed(objective)
        assert story.hub.faults.tokens_expired_for_git == 0
        await nothing_was_lost(story, objective)


async def test_tokens_that_expire_again_and_again_cost_tries_and_nothing_else(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=QUICK) as story:
        objective = story.hand_off()
        await story.planned(objective, "one", "two")
        story.hub.faults.tokens_expired_for_git = 3
        await story.closed(objective)
        assert await story.merged_titles() == ["Do one", "Do two"]


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_that_is_ten_minutes_off_changes_nothing(tmp_path: Path, minutes: int) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=QUICK, settle_seconds=0.3) as story:
        story.clock.turn(seconds=60 * minutes)
        await story.restart_bot()
        objective = story.hand_off()
        await story.closed(objective)
        await nothing_was_lost(story, objective)
