"""From an issue to a plan: bad answers, questions, plain answers, bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.plays import Part, plan, playbook, task, told
from tests.stories.stage import stage

TWO_ATTEMPTS = "limits:\n  backoff_seconds: 0\n  attempts: 2\n"
GOOD: Part = {"answer": plan(task("one"))}
BAD_PLANS: dict[str, tuple[Part, str]] = {
    "rubbish": ({"raw_answer": "I would rather write a poem."}, "JSON"),
    "silence": ({"summary": "Done!"}, "answer file"),
    "cycle": ({"answer": plan(task("one", "two"), task("two", "one"))}, "cycle"),
    "empty": ({"answer": plan()}, "at least 1 item"),
    "unknown dependency": ({"answer": plan(task("one", "zero"))}, "depends on 'zero'"),
    "same key twice": ({"answer": plan(task("one"), task("one"))}, "two tasks share the key"),
    "too many tasks": ({"answer": plan(*(task(f"t{n}") for n in range(21)))}, "at most 20 are allowed"),
    "escaping scope": ({"answer": plan(task("one", scope="../other/**"))}, "leaves the repository"),
    "unknown key": ({"answer": {**plan(task("one")), "priority": "high"}}, "priority"),
}


@pytest.mark.parametrize("bad", BAD_PLANS)
async def test_a_bad_plan_is_mended_in_the_repair_turn(tmp_path: Path, bad: str) -> None:
    part, reason = BAD_PLANS[bad]
    async with stage(tmp_path, playbook(planner=[told(reason, GOOD), part])) as story:
        objective = story.hand_off()
        await story.planned(objective, "one")
        assert list(story.tasks_of(objective)) == ["one"]
        assert [session.id for session in (await story.ledger(objective)).sessions_of(None)] == [
            f"{objective.number}.planner.1"
        ]


@pytest.mark.parametrize("bad", ["rubbish", "cycle"])
async def test_a_planner_that_never_answers_well_asks_a_person_and_a_retry_plans_again(
    tmp_path: Path, bad: str
) -> None:
    part, reason = BAD_PLANS[bad]
    hopeless = playbook(planner=[told("In one task", GOOD), part])
    async with stage(tmp_path, hopeless, config=TWO_ATTEMPTS) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "**Planning** waits for you", "planning failed 2 times", reason)
        assert not objective.sub_issues
        await story.carried_out(story.say("/retry In one task, please.", on=objective))
        await story.closed(objective)


async def test_a_planner_asks_a_writer_answers_and_the_plan_follows(tmp_path: Path) -> None:
    asking: Part = {"answer": {"kind": "questions", "questions": ["Which colour?", "How many?"]}}
    async with stage(tmp_path, playbook(planner=[told("Red, and two.", GOOD), asking])) as story:
        objective = story.hand_off()
        asked = await story.bot_says(objective, "1. Which colour?\n2. How many?")
        assert "@alice" in asked
        story.say("Blue, and nine!", on=objective, by=story.mallory)
        await story.at_rest()
        assert "The planner has questions" in story.status(objective)
        story.say("Red, and two.", on=objective, by=story.bob)
        await story.closed(objective)
        assert "nine" not in story.prompt(f"{objective.number}.planner.2")


async def test_a_planner_that_only_asks_is_bounded(tmp_path: Path) -> None:
    config = "limits:\n  backoff_seconds: 0\n  questions: 2\n"
    asking: Part = {"answer": {"kind": "questions", "questions": ["Why?"]}}
    async with stage(tmp_path, playbook(planner=[asking]), config=config) as story:
        objective = story.hand_off()
        for answer in ("Because.", "Because I say so."):
            await story.bot_says(objective, "1. Why?")
            story.say(answer, on=objective)
        await story.bot_says(objective, "the planner has asked questions 2 times and still has no plan")


async def test_an_issue_that_needs_no_code_is_answered_and_closed(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(planner=[{"answer": {"kind": "answer", "answer": "It is 42."}}])) as story:
        objective = story.hand_off("What is the answer?")
        await story.closed(objective)
        assert "Answered; no change of code is needed.\n\nIt is 42." in story.status(objective)
        assert objective.state_reason == "completed"
        assert not objective.sub_issues
