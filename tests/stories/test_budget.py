"""What people let Crewline spend, in commits: these every agent can be counted by."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import playbook, task
from tests.stories.stage import QUICK, stage

TWO = playbook(task("one"), task("two", "one"))


def budget(level: str, commits: int) -> str:
    return f"{QUICK}budget:\n  {level}:\n    commits: {commits}\n"


async def test_a_person_is_asked_when_the_budget_is_spent_and_grants_more(tmp_path: Path) -> None:
    async with stage(tmp_path, TWO, config=budget("objective", 1)) as story:
        objective = story.hand_off()
        question = await story.bot_says(objective, "its budget of 1 commit is spent (1 commit)")
        assert f"`/budget 2 commits` on #{objective.number} continues it" in question
        await story.until(lambda: objective.has_label("crewline:needs-human"))
        await story.at_rest()
        await story.restart_bot()
        await story.at_rest()
        assert not any(pull.merged for pull in story.pull_requests())
        await story.carried_out(story.say("/budget 9 commits", on=objective))
        await story.closed(objective)
        assert not objective.has_label("crewline:needs-human")
        assert "2 commits of 9 commits" in story.status(objective)


async def test_what_the_day_has_spent_is_known_after_a_restart_and_for_every_objective(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), config=budget("day", 1)) as story:
        spent = "aits until midnight UTC: the day's budget of 1 commit is spent (1 commit)"
        first = story.hand_off("First")
        await story.status_says(first, spent)
        await story.restart_bot()
        second = story.hand_off("Second")
        await story.status_says(second, spent)
        await story.push(".github/crewline.yml", QUICK)
        await story.closed(first, second)
