"""``.github/crewline.yml``: a bad one is told once, and the last good one stays in force."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import WRITE, Part, playbook, task, waits_for
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


async def test_a_repaired_file_is_in_force_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, CHAIN, config=BAD) as story:
        objective = story.hand_off()
        await story.status_says(objective, ".github/crewline.yml:3:3")
        await story.waits(f"{objective.number}.one.worker.1")
        await story.push(".github/crewline.yml", QUICK + "verify:\n  command: echo verified\n")
        await story.until(lambda: "not in force" not in story.status(objective))
        story.sign("go")
        await story.closed(objective)
        assert story.checks(story.pull(objective, "two"))["crewline/verify"] == "success"


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
