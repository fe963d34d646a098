"""The repository gets another name, or the App is taken away and comes back, while sessions run."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import WRITE, first, playbook, task, waits_for
from tests.stories.stage import Stage, stage

HELD = playbook(task("one"), task("two", "one"), one__worker=[first(waits_for("never")), WRITE])


async def test_a_repository_that_is_renamed_while_an_agent_works_is_served_under_its_new_name(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.shop.rename(story.alice, "emporium")
        await story.closed(objective)
        assert "Done: 2 of 2 tasks merged" in story.status(objective)
        assert await sessions_of(story, "one.worker") == ["void", "published"]


async def test_an_app_that_is_taken_away_and_installed_again_goes_on_without_a_restart(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        (installation,) = story.hub.installations.values()
        story.hub.uninstall(installation, story.alice)
        story.hub.install(installation.target_app, story.alice)
        await story.closed(objective)
        assert await sessions_of(story, "one.worker") == ["void", "published"]


async def sessions_of(story: Stage, what: str) -> list[str]:
    """How the sessions of a task in a role ended, oldest first."""
    ledger = await story.ledger(next(iter(story.shop.issues.values())))
    ended = [(session.id, session.outcome) for session in ledger.sessions if session.outcome is not None]
    return [outcome.kind for name, outcome in ended if f".{what}." in name]
