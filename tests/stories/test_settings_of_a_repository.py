"""``.github/crewline.yml``: a bad one is told once, and the last good one stays; without one nothing begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.plays import APPROVE, WRITE, Part, playbook, task, waits_for
from tests.stories.stage import QUICK, stage

CHAIN = playbook(task("one"), task("two", "one"), one__worker=[waits_for("go")])
BAD = "limits:\n  backoff_seconds: 0\n  atempts: 2\n"


async def test_a_bad_file_is_told_with_line_and_nearest_key_and_the_last_good_one_stays(tmp_path: Path) -> None:
    config = QUICK + "verify:\n  command: test -e one.txt\n"
    async with stage(tmp_path, CHAIN, config=config) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.push(".github/crewline.yml", BAD)
        await story.status_says(
            objective, "`.github/crewline.yml` is not in force", ".github/crewline.yml:3:3", "attempts"
        )
        story.sign("go")
        await story.closed(objective)
        assert all(story.checks(pull)["crewline/verify"] == "success" for pull in story.pull_requests())
        assert story.status(objective).count("is not in force") == 1


@pytest.mark.parametrize("same_disk", [True, False])
async def test_the_last_good_file_stays_in_force_over_a_restart(tmp_path: Path, same_disk: bool) -> None:
    config = QUICK + "protected: [two.txt]\nverify:\n  command: test -e one.txt\n"
    async with stage(tmp_path, CHAIN, config=config) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.push(".github/crewline.yml", BAD)
        await story.status_says(objective, "is not in force, but its last good version is")
        await story.stop_bot()
        story.sign("go")
        await story.start_bot(same_disk=same_disk)
        await story.bot_says(objective, "Do two", "waits for you")
        [pull] = story.pull_requests()
        assert pull.merged
        assert story.checks(pull)["crewline/verify"] == "success"
        assert await story.file("two.txt") is None
        assert "is not in force, but its last good version is" in story.status(objective)


async def test_the_label_of_the_last_good_file_hands_off_after_a_restart(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), config=QUICK + "label: robot\n") as story:
        await story.stop_bot()
        await story.push(".github/crewline.yml", "label: robot\nverify:\n  comand: make\n")
        issue = story.hand_off()
        issue.remove_label(story.alice, "crewline")
        issue.add_label(story.alice, "robot")
        await story.start_bot()
        await story.closed(issue)


async def test_where_no_file_was_ever_good_nothing_starts_until_it_is_mended(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), config="verify:\n  comand: 'false'\n") as story:
        objective = story.hand_off()
        await story.status_says(
            objective, "nothing starts and nothing merges until it is mended", ".github/crewline.yml:2:3", "'command'"
        )
        await story.restart_bot()
        await story.push("README.md", "# The shop\n")
        await story.carried_out(story.say("/status", objective))
        await story.bot_says(objective, "Waits until `.github/crewline.yml` is mended")
        assert not (await story.ledger(objective)).sessions
        await story.push(".github/crewline.yml", QUICK + "verify:\n  command: test -e one.txt\n")
        await story.closed(objective)
        assert story.checks(story.pull(objective, "one"))["crewline/verify"] == "success"
        assert "not in force" not in story.status(objective)


async def test_a_first_file_that_is_bad_holds_merges_though_the_defaults_were_in_force(tmp_path: Path) -> None:
    parts = playbook(task("one"), one__reviewer=[waits_for("go", APPROVE)])
    async with stage(tmp_path, parts, empty=True) as story:
        await story.push("README.md", "# Shop\n")
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        await story.push(".github/crewline.yml", "lable: robot\n")
        await story.status_says(objective, "nothing starts and nothing merges until it is mended")
        story.sign("go")
        await story.until(lambda: "crewline/review" in story.checks(story.pull(objective, "one")))
        await story.carried_out(story.say("/status", objective))
        await story.bot_says(objective, "Waits until `.github/crewline.yml` is mended")
        assert not story.pull(objective, "one").merged
        await story.push(".github/crewline.yml", None)
        await story.closed(objective)


async def test_a_repaired_file_is_in_force_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, CHAIN) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.push(".github/crewline.yml", BAD)
        await story.status_says(objective, ".github/crewline.yml:3:3")
        await story.push(".github/crewline.yml", QUICK + "verify:\n  command: echo verified\n")
        await story.until(lambda: "not in force" not in story.status(objective))
        story.sign("go")
        await story.closed(objective)
        assert story.checks(story.pull(objective, "two"))["crewline/verify"] == "success"


async def test_a_mended_label_finds_what_it_was_set_on(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), config="lable: robot\n") as story:
        issue = story.hand_off()
        await story.status_says(issue, "nothing starts")
        other = story.hand_off("Another")
        other.remove_label(story.alice, "crewline")
        other.add_label(story.alice, "robot")
        await story.push(".github/crewline.yml", QUICK + "label: robot\n")
        await story.closed(other)


async def test_another_label_hands_off(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), config=QUICK + "label: robot\n") as story:
        issue = story.hand_off()
        issue.add_label(story.alice, "robot")
        await story.until(lambda: issue.state == "closed")


async def test_a_pull_request_cannot_change_its_own_rules_or_prompts(tmp_path: Path) -> None:
    override = "Role: {{ briefing.task.title }} PLANTED"
    files = {".github/crewline/worker.md": "{{ briefing.task.title }} by the house rules of the shop"}
    review: Part = {"write": {".github/crewline/reviewer.md": override}, "commit": "Plant it"}
    parts = playbook(task("one", scope="**"), one__worker=[{**WRITE, "when": {"prompt_has": ["house rules"]}}, review])
    async with stage(tmp_path, parts, files=files) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert "by the house rules of the shop" in story.prompt(f"{objective.number}.one.worker.1")
