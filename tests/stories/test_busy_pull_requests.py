"""A pull request on which others say more than one look shows: what the bot said there is said once all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from bot.github import conversation
from bot.localhub.model.check import CheckChange, create_check_run
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.review import create_review
from tests.installed import private_key
from tests.stories.plays import APPROVE, WRITE, first, playbook, task, waits_for
from tests.stories.stage import Stage, stage

REVIEWS, CHECKS = 125, 120


async def many_checks(story: Stage, pull: PullRequest, last: Literal["success", "failure"]) -> None:
    """They end in green, but for the last, which ends as it is said."""
    app = story.hub.add_app("ci", permissions={"checks": "write"}, private_key_pem=private_key())
    ci = story.hub.install(app, story.alice).acting()
    for number in range(1, CHECKS + 1):
        done = CheckChange(name=f"job {number}", status="completed", conclusion=last if number == CHECKS else "success")
        await create_check_run(story.shop, ci, pull.head_sha, done)


async def test_what_the_bot_said_among_many_others_is_said_once(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__reviewer=[waits_for("go", APPROVE)])) as story:
        story.shop.protect("main", required_reviews=1)
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        pull = await story.opened(objective, "one")
        await many_checks(story, pull, "success")
        story.sign("go")
        await story.status_says(objective, "At least 1 approving review is required")
        for number in range(REVIEWS):
            await create_review(pull, story.bob, "COMMENT", f"Remark {number}.")
        await story.restart_bot()
        await story.carried_out(story.say("/status", on=objective))
        await story.bot_says(objective, "0 of 1 tasks done")
        await create_review(pull, story.bob, "APPROVE")
        await story.closed(objective)
        assert [run.name for run in story.shop.check_runs].count("crewline/review") == 1
        assert [review.user for review in pull.reviews].count(story.crewline) == 1


async def test_a_check_that_fails_behind_a_hundred_others_is_mended(tmp_path: Path) -> None:
    parts = playbook(
        task("one"), one__worker=[first(WRITE), waits_for("mend")], one__reviewer=[waits_for("go", APPROVE)]
    )
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        await many_checks(story, await story.opened(objective, "one"), "failure")
        await story.at_rest()
        story.sign("go")
        await story.waits(f"{objective.number}.one.worker.2")
        assert f"job {CHECKS}" in story.prompt(f"{objective.number}.one.worker.2")
        story.sign("mend")
        await story.closed(objective)


async def test_what_lies_in_the_middle_of_a_very_long_conversation_is_told_as_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "MOST", 160)
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        for number in range(170):
            objective.comment(story.bob, f"Remark {number}.")
        await story.carried_out(story.say("/status", on=objective))
        await story.bot_says(objective, "0 of 1 tasks done")
        story.sign("go")
        await story.closed(objective)
