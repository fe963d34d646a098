"""Stories of agents in a sandbox."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.available import bubblewrap
from tests.stories.plays import playbook, task
from tests.stories.stage import QUICK, stage


async def test_the_main_job_in_bubblewrap(tmp_path: Path) -> None:
    bubblewrap()
    config = f"{QUICK}verify:\n  command: test -f one.txt && test ! -e {tmp_path}/playbook.json\n"
    async with stage(tmp_path, playbook(task("one"), task("two", "one")), config=config, sandbox="bubblewrap") as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("two.txt") == f"by {objective.number}.two.worker.1\n"
