"""People do what they like to branches, pull requests and issues of the bot."""

from __future__ import annotations

from pathlib import Path

from bot.localhub.model.issue_links import add_sub_issue, delete_issue, remove_sub_issue, transfer, unblock
from bot.localhub.model.merge import merge
from bot.localhub.model.refs import delete_ref
from tests.stories.plays import APPROVE, WRITE, first, playbook, task, told, waits_for
from tests.stories.stage import QUICK, stage

HELD_REVIEW = playbook(task("one"), one__reviewer=[first(waits_for("go", APPROVE)), APPROVE])


async def test_what_a_person_pushes_is_verified_and_reviewed_before_it_is_merged(tmp_path: Path) -> None:
    config = QUICK + "verify:\n  command: test -e one.txt\n"
    async with stage(tmp_path, HELD_REVIEW, config=config) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        by_hand = await story.push("one.txt", "by hand\n", branch=pull.head_ref, by=story.bob)
        story.sign("go")
        await story.closed(objective)
        assert await story.file("one.txt") == "by hand\n"
        assert pull.head_sha == by_hand
        assert story.checks(pull) == {"crewline/verify": "success", "crewline/review": "success"}
        assert pull.reviews[-1].commit_id == by_hand


async def test_what_a_person_pushes_and_does_not_verify_is_sent_to_a_worker(tmp_path: Path) -> None:
    config = QUICK + "verify:\n  command: grep -q by one.txt\n"
    async with stage(tmp_path, HELD_REVIEW, config=config) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        await story.push("one.txt", "broken\n", branch=pull.head_ref, by=story.bob)
        story.sign("go")
        await story.closed(objective)
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.2\n"


async def test_a_pull_request_that_a_person_closes_is_asked_about_once_and_retried(tmp_path: Path) -> None:
    again = playbook(
        task("one"), one__worker=[told("Another way", {"write": {"one.txt": "another way\n"}}), WRITE],
        one__reviewer=[first(waits_for("go", APPROVE)), APPROVE],
    )  # fmt: skip
    async with stage(tmp_path, again) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        pull.issue.close(story.bob)
        story.sign("go")
        await story.bot_says(objective, f"its pull request #{pull.number} was closed by", "bob without being merged")
        await story.restart_bot()
        await story.carried_out(story.say("/retry Another way.", on=objective, by=story.bob))
        await story.closed(objective)
        assert await story.file("one.txt") == "another way\n"
        assert not pull.merged


async def test_a_pull_request_that_a_person_merges_is_done(tmp_path: Path) -> None:
    chain = playbook(task("one"), task("two", "one"), one__reviewer=[waits_for("go", APPROVE)])
    async with stage(tmp_path, chain) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        await merge(pull, story.bob)
        await story.closed(objective)
        assert pull.merged_by is story.bob
        assert "Done: 2 of 2 tasks merged" in story.status(objective)


async def test_a_task_that_a_person_closes_as_completed_is_done(tmp_path: Path) -> None:
    chain = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, chain) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        story.task(objective, "one").close(story.bob, "completed")
        await story.closed(objective)
        assert await story.file("one.txt") is None
        assert await story.file("two.txt") is not None


async def test_what_builds_on_a_task_that_a_person_gives_up_asks_a_person(tmp_path: Path) -> None:
    chain = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, chain) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        one, two = story.tasks_of(objective).values()
        one.close(story.bob, "not_planned")
        await story.bot_says(objective, f"it builds on #{one.number}, which was closed without being completed")
        unblock(two, story.bob, one)
        await story.carried_out(story.say("/retry", on=two, by=story.bob))
        await story.closed(objective)
        assert "1 of 2 tasks merged, 1 closed without being completed" in story.status(objective)


async def test_a_dependency_that_a_person_removes_stays_removed(tmp_path: Path) -> None:
    chain = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, chain) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        one, two = story.tasks_of(objective).values()
        await story.until(lambda: one in two.blocked_by)
        unblock(two, story.bob, one)
        await story.until(lambda: two.state == "closed")
        assert one.state == "open"
        story.sign("go")
        await story.closed(objective)


async def test_an_edited_body_of_a_task_is_still_the_task(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one")
        [one] = objective.sub_issues
        one.edit(story.bob, body="I have written this anew.")
        await story.at_rest()
        story.sign("go")
        await story.closed(objective)
        assert objective.sub_issues == (one,)
        assert one.state == "closed"


async def test_a_deleted_task_is_not_created_again_in_a_loop(tmp_path: Path) -> None:
    held = playbook(task("one"), task("two"), one__worker=[waits_for("go")])
    async with stage(tmp_path, held) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        delete_issue(story.task(objective, "one"), story.alice)
        story.sign("go")
        await story.at_rest()
        await story.restart_bot()
        await story.at_rest()
        titles = [issue.title for issue in story.shop.issues.values() if issue.pull_request is None]
        assert titles.count("Do one") == 0


async def test_a_task_that_a_person_takes_out_is_given_up_and_what_builds_on_it_asks(tmp_path: Path) -> None:
    chain = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, chain) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.say("/status", on=objective, by=story.bob)
        await story.bot_says(objective, "of 2 tasks done")
        one = story.task(objective, "one")
        remove_sub_issue(objective, story.bob, one)
        await story.bot_says(objective, f"it builds on #{one.number}, which is no sub-issue of the objective any more")
        await story.status_says(objective, "put it back among the sub-issues to go on")
        story.sign("go")
        add_sub_issue(objective, story.bob, one)
        await story.carried_out(story.say("/retry", on=objective, by=story.bob))
        await story.closed(objective)
        assert "Done: 2 of 2 tasks merged" in story.status(objective)


async def test_a_task_that_is_deleted_leaves_the_rest_to_be_done(tmp_path: Path) -> None:
    held = playbook(task("one"), task("two"), one__worker=[waits_for("never")])
    async with stage(tmp_path, held) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        story.say("/status", on=objective, by=story.bob)
        await story.bot_says(objective, "of 2 tasks done")
        delete_issue(story.task(objective, "one"), story.alice)
        await story.closed(objective)
        assert "Done: 1 of 2 tasks merged" in story.status(objective)


async def test_a_transferred_task_breaks_nothing(tmp_path: Path) -> None:
    held = playbook(task("one"), task("two"), one__worker=[waits_for("go")])
    async with stage(tmp_path, held) as story:
        other = await story.hub.create_repository(story.alice, "other", files={"README.md": "# Other\n"})
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        transfer(story.task(objective, "one"), story.alice, other)
        story.sign("go")
        await story.at_rest()
        await story.restart_bot()
        await story.at_rest()


async def test_a_branch_that_a_person_deletes_starts_the_task_anew(tmp_path: Path) -> None:
    async with stage(tmp_path, HELD_REVIEW) as story:
        objective = story.hand_off()
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        await delete_ref(story.shop, story.bob, f"refs/heads/{pull.head_ref}")
        story.sign("go")
        await story.closed(objective)
        assert pull.state == "closed"
        assert not pull.merged


async def test_a_closed_objective_that_is_reopened_stays_open_in_peace(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        objective.reopen(story.alice)
        await story.at_rest()
        await story.restart_bot()
        await story.at_rest()
        assert objective.state == "open"


async def test_a_deleted_status_comment_is_written_again(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        [status] = [comment for comment in objective.comments if comment.user is story.crewline]
        status.delete(story.alice)
        await story.restart_bot()
        story.sign("go")
        await story.closed(objective)
        assert "Done: 1 of 1" in story.status(objective)


async def test_a_pull_request_into_another_branch_is_not_merged_there(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__reviewer=[waits_for("go", APPROVE)])) as story:
        objective = story.hand_off()
        await story.push("side.txt", "x\n", branch="side")
        pull = await story.opened(objective, "one")
        await story.waits(f"{objective.number}.one.reviewer.1")
        await pull.set_base(story.bob, "side")
        await story.at_rest()
        story.sign("go")
        await story.status_says(objective, f"#{pull.number} goes into `side`, not `main`: change its base branch")
        assert not pull.merged
        await pull.set_base(story.bob, "main")
        await story.closed(objective)
        assert await story.file("one.txt") is not None
