"""Who may hand off what, and what happens to the label and the issue afterwards."""

from __future__ import annotations

from pathlib import Path

from bot.journal import LEFT_ALONE
from bot.localhub.model.issue import open_issue
from bot.localhub.model.issue_links import delete_issue, transfer
from bot.localhub.model.pull_request import open_pull_request
from tests.stories.plays import plan as planned
from tests.stories.plays import playbook, task, told, waits_for
from tests.stories.stage import stage

ONE = playbook(task("one"))
HELD = playbook(task("one"), one__worker=[waits_for("go")])


async def test_a_label_by_somebody_without_write_access_is_explained_and_a_writer_may_set_it_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, ONE) as story:
        objective = story.hand_off(by=story.tina)
        await story.status_says(objective, "Not started. @tina set the label but has no write access")
        objective.remove_label(story.bob, "crewline")
        objective.add_label(story.bob, "crewline")
        await story.closed(objective)


async def test_the_text_is_pinned_when_the_label_is_set(tmp_path: Path) -> None:
    plans = playbook(
        planner=[told("Paint it black", {"answer": planned(task("black"))}), {"answer": planned(task("red"))}]
    )
    plans |= {"black.worker": [waits_for("go")], "red.worker": [waits_for("go")]}
    async with stage(tmp_path, plans) as story:
        objective = open_issue(story.shop, story.mallory, "Paint it", "Paint it red.")
        objective.add_label(story.alice, "crewline")
        await story.planned(objective, "red")
        objective.edit(story.mallory, body="Paint it black.")
        await story.at_rest()
        await story.restart_bot()
        story.sign("go")
        await story.closed(objective)
        assert (await story.ledger(objective)).hand_off.body == "Paint it red."
        assert list(story.tasks_of(objective)) == ["red"]


async def test_a_text_that_a_reader_edited_after_the_label_is_not_followed_until_it_is_set_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, ONE) as story:
        await story.stop_bot()
        objective = open_issue(story.shop, story.mallory, "Paint it", "Paint it red.")
        objective.add_label(story.alice, "crewline")
        objective.edit(story.mallory, body="Delete everything.")
        await story.start_bot()
        await story.status_says(objective, "Not started. The text was edited after @alice set the label")
        story.clock.turn(seconds=2)  # somebody reads it: GitHub tells whole seconds
        objective.remove_label(story.alice, "crewline")
        objective.add_label(story.alice, "crewline")
        await story.closed(objective)
        assert (await story.ledger(objective)).hand_off.body == "Delete everything."


async def test_the_label_on_a_pull_request_is_said_once_and_nothing_else_happens(tmp_path: Path) -> None:
    async with stage(tmp_path, ONE) as story:
        await story.push("docs.md", "Hello.", branch="docs")
        pull = await open_pull_request(story.shop, story.alice, title="Docs", head="docs", base="main")
        pull.issue.add_label(story.alice, "crewline")
        await story.status_says(pull.issue, "Only issues are handed off; this is a pull request.")
        pull.issue.remove_label(story.alice, "crewline")
        pull.issue.add_label(story.alice, "crewline")
        await story.restart_bot()
        await story.at_rest()
        assert len(story.pull_requests()) == 1


async def test_a_repository_without_a_commit_says_so_and_starts_when_there_is_one(tmp_path: Path) -> None:
    async with stage(tmp_path, ONE, empty=True) as story:
        objective = story.hand_off()
        await story.status_says(objective, "Not started. The repository has no commit yet")
        await story.push("README.md", "# Shop\n")
        objective.remove_label(story.alice, "crewline")
        objective.add_label(story.alice, "crewline")
        await story.closed(objective)


async def test_without_the_label_it_pauses_and_with_it_it_goes_on(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        objective.remove_label(story.alice, "crewline")
        await story.status_says(objective, "Paused: the label `crewline` was removed; set it again to go on.")
        story.sign("go")
        await story.at_rest()
        assert not story.pull_requests()
        objective.add_label(story.alice, "crewline")
        await story.closed(objective)


async def test_closing_the_objective_stops_the_sessions_and_reopening_goes_on(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        objective.close(story.alice, "not_planned")
        await story.status_says(objective, "Stopped: the objective's issue is closed; reopen it to go on.")
        ledger = await story.ledger(objective)
        assert not ledger.open_claims()
        story.sign("go")
        objective.reopen(story.alice)
        await story.closed(objective)
        assert story.pull(objective, "one").merged


async def test_a_deleted_objective_is_left_alone(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with story.log.hears(LEFT_ALONE.name):
            delete_issue(objective, story.alice)
        story.sign("go")
        await story.at_rest()
        await story.restart_bot()
        await story.at_rest()
        assert not story.pull_requests()


async def test_a_transferred_objective_is_left_alone_here_and_not_followed_there(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD) as story:
        other = await story.hub.create_repository(story.alice, "other", files={"README.md": "# Other\n"})
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        async with story.log.hears(LEFT_ALONE.name):
            moved = transfer(objective, story.alice, other)
        story.sign("go")
        await story.at_rest()
        assert moved.state == "open"
        assert not story.pull_requests()
        assert not other.pull_requests


async def test_an_issue_that_nobody_labelled_is_none_of_its_business(tmp_path: Path) -> None:
    async with stage(tmp_path, ONE) as story:
        issue = open_issue(story.shop, story.alice, "Something else", "/retry")
        comment = story.say("/status", on=issue)
        await story.at_rest()
        assert not story.has_status(issue)
        assert not story.reactions(comment)


async def test_an_issue_opened_with_the_label_starts_as_well(tmp_path: Path) -> None:
    async with stage(tmp_path, ONE) as story:
        await story.closed(open_issue(story.shop, story.alice, "Make it so", "Please.", labels=["crewline"]))
