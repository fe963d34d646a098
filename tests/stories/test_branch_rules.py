"""What a repository asks for before anything is merged: checks, approvals, a merge queue; and one that is archived."""

from __future__ import annotations

from pathlib import Path

from bot.localhub.model.check import create_status
from bot.localhub.model.review import create_review
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import stage


async def test_a_required_check_is_waited_for_and_the_status_names_it(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        story.shop.protect("main", required_checks=("ci",))
        objective = story.hand_off()
        await story.status_says(objective, "GitHub has not merged", 'Required status check "ci" is expected.')
        pull = story.pull(objective, "one")
        await create_status(story.shop, story.bob, pull.head_sha, "success", context="ci")
        await story.closed(objective)
        assert pull.merged


async def test_a_required_approval_is_waited_for_and_given_by_a_person(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        story.shop.protect("main", required_reviews=1)
        objective = story.hand_off()
        await story.status_says(objective, "At least 1 approving review is required")
        pull = story.pull(objective, "one")
        await create_review(pull, story.bob, "APPROVE")
        await story.closed(objective)
        assert pull.merged


async def test_a_merge_queue_is_used_where_the_branch_asks_for_one(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), task("two", "one"))) as story:
        story.shop.protect("main", merge_queue=True)
        objective = story.hand_off()
        await story.closed(objective)
        assert sum(event.name == "pull_request.enqueued" for event in story.hub.events.log) == 2


async def test_an_archived_repository_pauses_and_goes_on_when_it_is_none(tmp_path: Path) -> None:
    parts = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.shop.set_archived(story.alice, True)
        story.sign("go")
        await story.log.says("recorded", "a look failed and is repeated")
        assert story.pull_requests() == []
        story.shop.set_archived(story.alice, False)
        await story.closed(objective)
