"""A task needs what its plan does not give it: the planner amends the plan, and the work goes on."""

from __future__ import annotations

from pathlib import Path

from bot.localhub.model.issue import Issue
from tests.stories.plays import (
    APPROVE,
    REFUSE,
    WRITE,
    Part,
    amendment,
    first,
    playbook,
    refuses,
    runs,
    task,
    told,
    waits_for,
)
from tests.stories.stage import QUICK, Stage, stage

STRAYS: Part = {"write": {"one.txt": "1", "prices.txt": "2"}}
BOTH: Part = {"write": {"{task}.txt": "by {session}\n", "prices.txt": "by {session}\n"}}
WIDER = amendment(widen=[{"task": "one", "paths": ["prices.txt"]}], hint="Keep the old prices.")
FIRST_PRICES = amendment(add=[task("prices")], order=[{"task": "one", "depends_on": ["prices"]}])


async def test_the_planner_widens_the_scope_and_the_task_goes_on(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__worker=[first(STRAYS), told("Keep the old prices.", BOTH)], amender=[WIDER])
    async with stage(tmp_path, parts, config="limits:\n  backoff_seconds: 0\n  attempts: 1\n") as story:
        objective = story.hand_off()
        await story.closed(objective)
        asked = story.prompt(f"{objective.number}.planner.2")
        assert "`prices.txt`: the path is outside of the task's scope" in asked
        body = story.task(objective, "one").body or ""
        assert "**May change** `one.txt`, `prices.txt`\n\n**The plan was amended** Prices are shared." in body
        assert await story.file("prices.txt") == f"by {objective.number}.one.worker.2\n"


async def test_an_agent_that_asks_in_its_summary_gets_a_task_that_goes_first(tmp_path: Path) -> None:
    asks: Part = {"summary": "Prices are missing.", "status": "partial", "out_of_scope_changes_needed": ["prices.txt"]}
    builds = runs("grep -q prices prices.txt", part=WRITE)
    parts = playbook(task("one"), one__worker=[first(asks), builds], prices__worker=[waits_for("go")])
    async with stage(tmp_path, {**parts, "amender": [FIRST_PRICES]}) as story:
        objective = story.hand_off()
        await story.planned(objective, "one", "prices")
        one, prices = story.task(objective, "one"), story.task(objective, "prices")
        await story.until(lambda: one.blocked_by == (prices,))
        await story.status_says(objective, f"waits for #{prices.number}", "t1 --> t0", "0 of 2 tasks done")
        await story.carried_out(story.say("/status", on=one))
        await story.bot_says(one, f"waits for #{prices.number}")
        story.sign("go")
        await story.closed(objective)
        assert await story.merged_titles() == ["Do prices", "Do one"]


async def test_while_the_planner_decides_the_task_says_what_it_waits_for(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__worker=[first(STRAYS), BOTH], amender=[waits_for("go", WIDER)])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.planner.2")
        one = story.task(objective, "one")
        await story.carried_out(story.say("/status", on=one))
        await story.bot_says(one, "waits for an amended plan, since it needs `prices.txt`; the planner is at work")
        story.sign("go")
        await story.closed(objective)


async def test_an_amendment_that_does_not_fit_the_plan_is_mended_in_the_repair_turn(tmp_path: Path) -> None:
    circle = amendment(order=[{"task": "one", "depends_on": ["two"]}])
    parts = playbook(
        task("one"),
        task("two", "one"),
        one__worker=[first(STRAYS), BOTH],
        amender=[told("the dependencies form a cycle", WIDER), circle],
    )
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert len((await story.ledger(objective)).sessions_of(None)) == 2


async def test_a_task_whose_need_the_planner_refuses_does_without(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__worker=[first(STRAYS), told("Do without.", WRITE)], amender=[REFUSE])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("prices.txt") is None


async def test_the_planner_asks_people_before_it_amends(tmp_path: Path) -> None:
    asks: Part = {"answer": {"kind": "questions", "questions": ["May prices change?"]}}
    parts = playbook(task("one"), one__worker=[first(STRAYS), BOTH], amender=[told("Of course.", WIDER), asks])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "1. May prices change?")
        story.say("Of course.", on=objective, by=story.bob)
        await story.closed(objective)


async def test_an_own_template_of_the_repository_is_used(tmp_path: Path) -> None:
    files = {
        ".github/crewline/amend.md": "Be generous: {{ briefing.need.task }}; one task cannot be done as it was planned"
    }
    parts = playbook(task("one"), one__worker=[first(STRAYS), BOTH], amender=[told("Be generous: one", WIDER)])
    async with stage(tmp_path, parts, files=files) as story:
        await story.closed(story.hand_off())


def has_prices(story: Stage, objective: Issue) -> bool:
    return "prices" in story.tasks_of(objective)


async def test_killed_when_the_new_task_has_its_issue_it_makes_no_second_one(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__worker=[first(STRAYS), WRITE], amender=[FIRST_PRICES])
    async with stage(tmp_path, parts, killable=True) as story:
        objective = story.hand_off()
        story.kill_when(lambda: has_prices(story, objective))
        await story.until(lambda: story.killed)
        await story.restart_bot()
        await story.closed(objective)
        assert len(objective.sub_issues) == 2
        assert await story.merged_titles() == ["Do prices", "Do one"]


async def test_killed_while_the_planner_amends_it_is_asked_again(tmp_path: Path) -> None:
    slow = waits_for("go", WIDER)
    parts = playbook(task("one"), one__worker=[first(STRAYS), BOTH], amender=[slow])
    async with stage(tmp_path, parts, config=QUICK, killable=True) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.planner.2")
        await story.restart_bot()
        await story.waits(f"{objective.number}.planner.3")
        story.sign("go")
        await story.closed(objective)
        assert (await story.ledger(objective)).record("one").widened == ("prices.txt",)


async def test_where_the_reviewer_says_that_it_is_wrong_without_other_paths_the_plan_is_amended(tmp_path: Path) -> None:
    claims: Part = {**WRITE, "out_of_scope_changes_needed": ["prices.txt"]}
    stops: Part = {"status": "partial", "summary": "Prices.", "out_of_scope_changes_needed": ["prices.txt"]}
    parts = playbook(
        task("one"),
        one__worker=[told("## What the planner decided", BOTH), told("Prices are wrong.", stops), claims],
        one__reviewer=[first(told("prices.txt", refuses("Prices are wrong."))), APPROVE],
        amender=[WIDER],
    )
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("prices.txt") == f"by {objective.number}.one.worker.3\n"


async def test_what_remains_to_be_done_stands_in_the_pull_request_and_the_last_status(tmp_path: Path) -> None:
    rests: Part = {**WRITE, "follow_up_notes": "Rename it.", "out_of_scope_changes_needed": ["docs/x.md"]}
    async with stage(tmp_path, playbook(task("one"), one__worker=[rests])) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert "**To follow up** Rename it. It says that `docs/x.md` must change too." in (
            story.pull(objective, "one").issue.body or ""
        )
        assert "Do one: Rename it. It says that `docs/x.md` must change too." in story.status(objective)
