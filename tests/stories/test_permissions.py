"""A permission that the App does not have any more: what relies on it waits, says why, and goes on when it is back."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import QUICK, Stage, stage

MISSING = "Resource not accessible by integration"


def grant(story: Stage, permission: str, level: str) -> None:
    """From the next token on."""
    [installation] = story.hub.installations.values()
    installation.permissions = {**installation.permissions, permission: level}
    story.hub.faults.expired_tokens = 1


async def test_nothing_is_merged_whose_check_github_refuses(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, parts, config=QUICK + "verify:\n  command: test -e one.txt\n") as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        grant(story, "checks", "read")
        story.sign("go")
        await story.status_says(objective, f"GitHub refuses the check `crewline/verify`: {MISSING}", "tried again")
        await story.log.says("a look failed and is repeated")
        assert not story.pull(objective, "one").merged
        grant(story, "checks", "write")
        await story.closed(objective)
        assert story.checks(story.pull(objective, "one")) == {
            "crewline/verify": "success",
            "crewline/review": "success",
        }
        assert "GitHub refuses" not in story.status(objective)


async def test_a_pull_request_that_github_refuses_is_named_in_the_status(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        grant(story, "pull_requests", "read")
        story.sign("go")
        await story.status_says(objective, f"GitHub refuses the pull request: {MISSING}", "grant it the permission")
        grant(story, "pull_requests", "write")
        await story.closed(objective)


async def test_a_ledger_that_github_does_not_take_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        grant(story, "contents", "read")
        story.sign("go")
        await story.status_says(objective, "GitHub does not take what is to be recorded", "Nothing starts until then")
        grant(story, "contents", "write")
        await story.closed(objective)
        assert [str(session.id) for session in (await story.ledger(objective)).sessions_of("one")] == [
            f"{objective.number}.one.worker.1",
            f"{objective.number}.one.reviewer.1",
        ]
