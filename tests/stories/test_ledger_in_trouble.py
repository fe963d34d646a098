"""Somebody moves or deletes the ref where an objective's ledger lies."""

from __future__ import annotations

from pathlib import Path

from bot.localhub.git.bare import ZERO, RefUpdate
from bot.localhub.model.issue import Issue
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import Stage, stage

PARTS = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])


def ref_of(objective: Issue) -> str:
    return f"refs/crewline/objectives/{objective.number}"


async def moved(story: Stage, objective: Issue, to: str) -> str:
    """Somebody puts the ref elsewhere; what it was at before."""
    await story.at_rest()
    git = story.shop.git
    before, after = await git.ref(ref_of(objective)), (await git.text("rev-parse", to)).strip()
    assert before is not None
    await git.update_refs([RefUpdate(ref_of(objective), after, before)])
    return before


async def deleted(story: Stage, objective: Issue) -> None:
    await story.at_rest()
    await story.shop.git.update_refs([RefUpdate(ref_of(objective), ZERO)])


async def test_a_ledger_that_cannot_be_read_is_told_once_with_what_puts_it_right(tmp_path: Path) -> None:
    async with stage(tmp_path, PARTS) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        good = await moved(story, objective, "main")
        story.sign("go")
        said = await story.bot_says(objective, "cannot be read: it has no ledger.json", "@alice")
        assert f"gh api --method PATCH repos/alice/shop/git/{ref_of(objective)} -f sha={good} -F force=true" in said
        story.say("/status", on=objective)
        await moved(story, objective, good)
        story.say("/status", on=objective)
        await story.closed(objective)
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.1\n"
        await story.bot_says(objective, "@alice")
        await story.bot_says(objective, "@alice")


async def test_it_is_not_told_again_by_the_next_process(tmp_path: Path) -> None:
    async with stage(tmp_path, PARTS) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await moved(story, objective, "main")
        story.sign("go")
        await story.bot_says(objective, "cannot be read")
        await story.restart_bot()
        await story.log.says("ledger left out")
        await deleted(story, objective)
        story.say("/status", on=objective)
        await story.closed(objective)
        await story.bot_says(objective, "@alice")


async def test_a_ledger_that_was_deleted_is_begun_anew_and_the_end_is_the_same(tmp_path: Path) -> None:
    async with stage(tmp_path, PARTS) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await deleted(story, objective)
        story.sign("go")
        await story.closed(objective)
        assert sorted(story.tasks_of(objective)) == ["one", "two"]
        assert await story.merged_titles() == ["Do one", "Do two"]


async def test_a_ledger_that_was_set_back_repeats_nothing_that_shows(tmp_path: Path) -> None:
    async with stage(tmp_path, PARTS) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await moved(story, objective, f"{ref_of(objective)}~1")
        story.sign("go")
        await story.closed(objective)
        assert sorted(story.tasks_of(objective)) == ["one", "two"]
        assert await story.merged_titles() == ["Do one", "Do two"]
