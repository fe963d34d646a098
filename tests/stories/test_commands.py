"""What people type, where they type it, and who may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.plays import WRITE, Part, playbook, task, told, waits_for
from tests.stories.stage import stage

ONE_ATTEMPT = "limits:\n  backoff_seconds: 0\n  attempts: 1\n"
LAZY: Part = {"summary": "Did nothing."}
HINTED = playbook(task("one"), one__worker=[told("the hint", WRITE), LAZY])


@pytest.mark.parametrize("text", ["/retry the hint", "/crewline retry the hint", "Hm.\n\n/Retry the hint\nThanks!"])
@pytest.mark.parametrize("where", ["objective", "task"])
async def test_retry_continues_with_the_hint_in_the_prompt(tmp_path: Path, text: str, where: str) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        thread = objective if where == "objective" else story.task(objective, "one")
        await story.carried_out(story.say(text, on=thread))
        await story.closed(objective)


async def test_escalate_on_the_pull_request_ends_the_running_session_until_a_retry(tmp_path: Path) -> None:
    review: Part = {"answer": {"decision": "approve", "summary": "Good."}}
    held = playbook(task("one"), one__reviewer=[waits_for("go", review)])
    async with stage(tmp_path, held) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        await story.carried_out(story.say("/escalate I want to look first", on=pull, by=story.bob))
        await story.status_says(objective, "waits for a person: I want to look first")
        await story.until(lambda: objective.has_label("crewline:needs-human"))
        story.sign("go")
        await story.at_rest()
        assert not pull.merged
        await story.carried_out(story.say("/retry", on=pull, by=story.bob))
        await story.closed(objective)
        assert pull.merged


async def test_escalate_on_the_objective_holds_everything(tmp_path: Path) -> None:
    held = playbook(task("one"), task("two"), **{"*__worker": [waits_for("go")]})
    async with stage(tmp_path, held) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.waits(f"{objective.number}.two.worker.1")
        await story.carried_out(story.say("/escalate wait for the lawyers", on=objective))
        await story.status_says(objective, "wait for the lawyers")
        story.sign("go")
        await story.at_rest()
        assert not story.pull_requests()
        await story.carried_out(story.say("/retry", on=objective))
        await story.closed(objective)


async def test_status_says_why_each_task_waits(tmp_path: Path) -> None:
    held = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, held) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        one, two = story.tasks_of(objective).values()
        await story.carried_out(story.say("/status", on=objective))
        said = await story.bot_says(objective, "@alice 0 of 2 tasks done.")
        assert f"* #{one.number} Do one: an agent works on it (attempt 1)" in said
        assert f"* #{two.number} Do two: waits for #{one.number}" in said
        await story.carried_out(story.say("/status", on=two))
        await story.bot_says(two, f"#{two.number}: waits for #{one.number}")
        story.sign("go")
        await story.closed(objective)


async def test_help_lists_the_commands_and_a_misspelt_one_gets_the_nearest(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        await story.carried_out(story.say("/help", on=objective))
        await story.bot_says(objective, "| `/retry [hint]` |", "| `/escalate [reason]` |")
        await story.refused(story.say("/retyr the hint", on=objective))
        await story.bot_says(objective, "`/retyr` is no command. Did you mean `/retry`?")
        await story.at_rest()
        assert len((await story.ledger(objective)).sessions_of("one")) == 1


async def test_a_reader_is_refused_with_one_line_once(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        for text in ("/retry the hint", "/escalate", "/status"):
            await story.refused(story.say(text, on=objective, by=story.mallory))
        await story.bot_says(objective, "@mallory only people with write access")
        await story.refused(story.say("/retry the hint", on=story.task(objective, "one"), by=story.tina))
        await story.bot_says(story.task(objective, "one"), "@tina only people with write access")
        await story.at_rest()
        assert objective.state == "open"


NO_COMMANDS = (
    "> /retry the hint",
    "```\n/retry the hint\n```",
    "    /retry the hint",
    "Please /retry the hint",
    "<!--\n/retry the hint\n-->",
    "/shrug",
    "/etc/passwd is a file",
)


async def test_what_only_looks_like_a_command_is_none(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        comments = [story.say(text, on=objective) for text in NO_COMMANDS]
        await story.at_rest()
        assert [story.reactions(comment) for comment in comments] == [set()] * len(comments)
        assert objective.state == "open"


async def test_a_command_that_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one")
        one = story.task(objective, "one")
        await story.refused(story.say("/retry", on=one))
        await story.bot_says(one, f"a session of #{one.number} is running; `/escalate` stops it.")
        await story.refused(story.say("/retry", on=objective))
        await story.bot_says(objective, "nothing here waits for a retry")
        story.sign("go")
        await story.closed(objective)


async def test_a_command_that_came_while_the_bot_was_down_is_carried_out_once(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        await story.stop_bot()
        comment = story.say("/retry the hint", on=objective)
        await story.start_bot()
        await story.carried_out(comment)
        await story.closed(objective)
        await story.restart_bot()
        await story.at_rest()
        ledger = await story.ledger(objective)
        assert [command.comment for command in ledger.commands] == [comment.id]
        assert len(ledger.sessions_of("one")) == 3


async def test_a_command_that_was_talked_over_while_the_bot_was_down_is_found(tmp_path: Path) -> None:
    """People talk on: forty comments on a task, ninety on the objective."""
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        await story.stop_bot()
        on_objective = story.say("/status", on=objective)
        on_task = story.say("/retry the hint", on=story.task(objective, "one"))
        for _ in range(40):
            story.say("Is this done?", on=story.task(objective, "one"))
        for _ in range(90):
            story.say("Is this done?", on=objective)
        await story.start_bot()
        await story.carried_out(on_task)
        await story.carried_out(on_objective)
        await story.closed(objective)
        await story.bot_says(objective, "@alice")


async def test_several_commands_at_once_are_carried_out_in_their_order(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        first, second = story.say("/escalate", on=objective), story.say("/retry the hint", on=objective)
        await story.carried_out(first)
        await story.carried_out(second)
        await story.closed(objective)


async def test_a_finished_objective_still_answers(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        await story.carried_out(story.say("/status", on=objective))
        await story.bot_says(objective, "1 of 1 tasks done")
        one = story.task(objective, "one")
        await story.refused(story.say("/retry", on=one))
        await story.bot_says(one, "is done already")


async def test_a_command_edited_into_a_comment_counts_once(tmp_path: Path) -> None:
    async with stage(tmp_path, HINTED, config=ONE_ATTEMPT) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "it failed once")
        comment = story.say("I wonder.", on=objective)
        await story.at_rest()
        comment.edit(story.alice, "/retry the hint")
        await story.carried_out(comment)
        await story.closed(objective)
