"""Things go wrong: the next attempt is told, and at the bound a person is asked, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.plays import APPROVE, WRITE, Part, first, playbook, refuses, runs, task, told
from tests.stories.stage import QUICK, stage

VERIFY = QUICK + "verify:\n  command: echo the answer is $((40 + 2)); grep -q right one.txt\n"
TWO_ATTEMPTS = "limits:\n  backoff_seconds: 0\n  attempts: 2\n"
WRONG: Part = {"write": {"one.txt": "wrong {session}\n"}}
RIGHT: Part = {"write": {"one.txt": "right\n"}}


async def test_a_failed_verify_command_is_told_to_the_next_attempt_with_the_end_of_its_output(tmp_path: Path) -> None:
    learning = playbook(task("one"), one__worker=[told("the answer is 42", RIGHT), WRONG])
    async with stage(tmp_path, learning, config=VERIFY) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("one.txt") == "right\n"
        assert "2 attempts" in story.status(objective)


async def test_after_the_last_attempt_a_person_is_asked_once_and_a_hint_continues(tmp_path: Path) -> None:
    config = VERIFY.replace("backoff_seconds: 0", "backoff_seconds: 0\n  attempts: 2")
    stubborn = playbook(task("one"), one__worker=[told("write right", RIGHT), WRONG])
    async with stage(tmp_path, stubborn, config=config) as story:
        objective = story.hand_off()
        said = await story.bot_says(objective, "@alice", "it failed 2 times, the last time: verify failed")
        assert "the answer is 42" in said
        assert "`/retry [hint]`" in said
        await story.until(lambda: objective.has_label("crewline:needs-human"))
        await story.carried_out(story.say("/retry please write right", on=story.task(objective, "one"), by=story.bob))
        await story.closed(objective)
        assert not objective.has_label("crewline:needs-human")
        assert await story.file("one.txt") == "right\n"


ESCAPES = {
    "outside": ({"write": {"one.txt": "1", "two.txt": "2"}}, "two.txt", "outside of the task's scope"),
    "workflow": ({"write": {".github/workflows/ci.yml": "on: push"}}, ".github/workflows/ci.yml", "protected"),
    "settings": ({"write": {".github/crewline.yml": ""}}, ".github/crewline.yml", "protected"),
    "symlink": (runs("ln -s ../../etc/passwd one.txt"), "one.txt", "leaves the repository"),
    "size": (runs("head -c 1500000 /dev/zero > one.txt"), "one.txt", "more than 1000000"),
}


@pytest.mark.parametrize("escape", ESCAPES)
async def test_what_may_not_leave_the_machine_does_not_and_the_next_attempt_is_told(
    tmp_path: Path, escape: str
) -> None:
    part, path, reason = ESCAPES[escape]
    scope = "**" if escape in ("workflow", "settings") else "one.txt"
    once = playbook(task("one", scope=scope), one__worker=[first(part), told(path, told(reason, WRITE))])
    async with stage(tmp_path, once) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert reason in story.prompt(f"{objective.number}.one.worker.2")
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.2\n"
        assert all("two.txt" not in commit.message for commit in await story.shop.git.commits("--all"))
        pushed = await story.shop.git.text("log", "--all", "--name-only", "--format=")
        allowed = {"one.txt", "README.md", ".github/crewline.yml", "ledger.json", "lease.json", ""}
        assert set(pushed.splitlines()) <= allowed


async def test_a_branch_that_was_never_allowed_out_does_not_exist_on_github(tmp_path: Path) -> None:
    lawless = playbook(task("one"), one__worker=[{"write": {"two.txt": "{session}"}}])
    async with stage(tmp_path, lawless, config=TWO_ATTEMPTS) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "refused at the gate", "`two.txt`")
        assert await story.shop.git.branch(f"crewline/{objective.number}/one") is None
        assert not story.pull_requests()


FAILURES: dict[str, tuple[Part, str]] = {
    "nothing committed": ({"summary": "Did nothing."}, "no commits"),
    "uncommitted": ({"write": {"one.txt": "x"}, "commit": None}, "no commits"),
    "crash": ({"exit_code": 3, "print": "Segmentation fault"}, "agent failed"),
    "partial": ({**WRITE, "status": "partial", "follow_up_notes": "half"}, "left unfinished"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_agent_that_achieves_nothing_is_tried_again_until_a_person_is_asked(
    tmp_path: Path, failure: str
) -> None:
    part, reason = FAILURES[failure]
    async with stage(tmp_path, playbook(task("one"), one__worker=[part]), config=TWO_ATTEMPTS) as story:
        objective = story.hand_off()
        await story.bot_says(objective, f"it failed 2 times, the last time: {reason}")
        await story.at_rest()
        assert len((await story.ledger(objective)).sessions_of("one")) == 2


async def test_an_agent_that_is_blocked_asks_a_person_and_gets_the_answer_as_a_hint(tmp_path: Path) -> None:
    blocked: Part = {"status": "blocked", "summary": "Cannot go on.", "follow_up_notes": "Which colour?"}
    async with stage(tmp_path, playbook(task("one"), one__worker=[told("Take red", WRITE), blocked])) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "the agent is blocked and asks:", "Which colour?")
        await story.carried_out(story.say("/retry Take red.", on=objective))
        await story.closed(objective)


async def test_only_so_many_review_rounds(tmp_path: Path) -> None:
    picky = playbook(
        task("one"),
        one__worker=[{"write": {"one.txt": "by {session}\n"}}],
        one__reviewer=[first(refuses("Too short.")), refuses("Too long.")],
    )
    config = "limits:\n  backoff_seconds: 0\n  review_rounds: 2\n"
    async with stage(tmp_path, picky, config=config) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "the reviewer asked for changes 2 times")


async def test_one_task_that_waits_for_a_person_does_not_hold_up_the_others(tmp_path: Path) -> None:
    parts = playbook(task("one"), task("two"), one__worker=[told("try harder", WRITE), {"summary": "No."}])
    async with stage(tmp_path, parts, config=TWO_ATTEMPTS) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "no commits")
        await story.status_says(objective, f"1 of 2 tasks done; #{story.task(objective, 'one').number} waits for you.")
        await story.carried_out(story.say("/retry try harder", on=objective))
        await story.closed(objective)


async def test_the_reviewer_that_prints_rubbish_is_asked_again_and_then_tried_again(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__reviewer=[first({"raw_answer": "LGTM!"}), APPROVE])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert "2 reviewer" in story.status(objective)
