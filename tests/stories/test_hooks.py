"""Commands of a repository around its sessions: in order, bounded, without credentials, harmless where they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.plays import WRITE, Part, playbook, runs, task
from tests.stories.stage import QUICK, Stage, stage

ONE = playbook(task("one"))


def hooks(story: Stage, session: str) -> list[str]:
    """What the transcript of a session says about hooks."""
    return [str(entry["text"]) for entry in story.transcript(session) if entry["kind"] == "hook"]


def config(*lines: str) -> str:
    return QUICK + "hooks:\n" + "".join(f"  {line}\n" for line in lines)


async def test_hooks_run_around_the_agent_in_its_tree(tmp_path: Path) -> None:
    settings = config(
        "after_create: mkdir .cache && echo made > .cache/deps",
        'before_run: echo "$CREWLINE_HOOK of $CREWLINE_ROLE for $CREWLINE_TASK" && cat .cache/deps README.md',
        "after_run: ls one.txt",
        "before_remove: ls .cache",
    )
    parts = playbook(task("one"), one__worker=[runs("cat .cache/deps", part={**WRITE, "commit": "Write it"})])
    async with stage(tmp_path, parts, config=settings, files={".gitignore": ".cache\n"}) as story:
        objective = story.hand_off()
        await story.closed(objective)
        said = hooks(story, f"{objective.number}.one.worker.1")
        assert [text.split("`")[1] for text in said] == ["after_create", "before_run", "after_run", "before_remove"]
        assert "before_run of worker for one\nmade\n# Shop" in said[1]
        assert said[2].endswith("\none.txt")
        assert said[3].endswith("\ndeps")
        reviewer = hooks(story, f"{objective.number}.one.reviewer.1")
        assert "before_run of reviewer for one" in reviewer[1]


@pytest.mark.parametrize("moment", ["after_create", "before_run"])
async def test_a_hook_that_must_succeed_fails_the_attempt(tmp_path: Path, moment: str) -> None:
    fails = "test $CREWLINE_ROLE != worker || { echo no such mirror; exit 3; }"
    async with stage(tmp_path, ONE, config=config(f"{moment}: '{fails}'", "after_run: echo ran")) as story:
        objective = story.hand_off()
        await story.bot_says(objective, f"The hook `{moment}`", "no such mirror")
        ledger = await story.ledger(objective)
        assert [session.id.split(".")[2] for session in ledger.sessions_of("one")] == ["worker"] * 3
        said = hooks(story, f"{objective.number}.one.worker.1")
        assert "ended with exit code 3" in said[-1], "no agent ran, so nothing is done after it"


async def test_a_hook_that_may_fail_changes_nothing(tmp_path: Path) -> None:
    settings = config("after_run: echo broken; exit 1", "before_remove: kill -9 $$")
    async with stage(tmp_path, ONE, config=settings) as story:
        objective = story.hand_off()
        await story.closed(objective)
        said = hooks(story, f"{objective.number}.one.worker.1")
        assert "ended with exit code 1" in said[0]
        assert "ended with exit code 137" in said[1]


async def test_hooks_are_given_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "sk-very-secret")
    settings = config("before_run: env; git config --get-regexp . || true")
    async with stage(tmp_path, ONE, config=settings, agent_variables="MODEL_KEY") as story:
        objective = story.hand_off()
        await story.closed(objective)
        [said] = hooks(story, f"{objective.number}.one.worker.1")
        assert "CREWLINE_SESSION=" in said
        assert "MODEL_KEY" not in said
        assert "CREWLINE_WEBHOOK_SECRET" not in said


async def test_an_agent_cannot_give_itself_hooks(tmp_path: Path) -> None:
    planted: Part = {"write": {".github/crewline.yml": config("before_run: echo planted")}, "commit": "Plant it"}
    parts = playbook(task("one", scope="**"), one__worker=[{**planted, "when": {"ordinals": [1]}}, WRITE])
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        for number in (1, 2):
            assert hooks(story, f"{objective.number}.one.worker.{number}") == []
