"""The main job: label an issue and watch it merged."""

from __future__ import annotations

from pathlib import Path

from tests.stories.stage import playbook, stage, task


async def test_a_chain_of_two_is_built_reviewed_merged_and_closed(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), task("two", "one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        one, two = story.pull_requests()
        assert one.merged
        assert two.merged
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.1\n"
        assert await story.file("two.txt") == f"by {objective.number}.two.worker.1\n"
        assert "Done: 2 of 2 tasks merged" in story.status(objective)
