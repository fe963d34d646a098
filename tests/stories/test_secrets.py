"""Agents hold no credential of ours, and no secret stands in anything that the bot leaves behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.installed import SECRET, private_key
from tests.stories.plays import playbook, runs, task
from tests.stories.stage import Stage, stage

DUMP = (
    "env > one.txt",
    r"for p in self $PPID; do tr '\0' '\n' < /proc/$p/environ; done >> one.txt",
    "git config --list --show-origin >> one.txt 2>&1",
    "cat $HOME/.git-credentials $HOME/.netrc >> one.txt 2>/dev/null",
)


def secrets_of(story: Stage) -> list[str]:
    key = private_key().splitlines()[1]
    return [key, SECRET, *story.hub.installation_tokens]


@pytest.fixture(autouse=True)
def _in_the_environment_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREWLINE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("CREWLINE_PRIVATE_KEY", private_key())
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_of_the_server")


@pytest.mark.parametrize("killable", [False, True], ids=["in process", "as a process"])
async def test_an_agent_that_dumps_all_that_it_sees_finds_no_secret(tmp_path: Path, killable: bool) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[runs(*DUMP)]), killable=killable) as story:
        objective = story.hand_off()
        await story.closed(objective)
        seen = await story.file("one.txt") or ""
        assert "CREWLINE_SESSION=1.one.worker.1" in seen
        assert not [secret for secret in (*secrets_of(story), "ghp_of_the_server") if secret in seen]
        assert "CREWLINE_PRIVATE_KEY" not in seen
        assert "CREWLINE_WEBHOOK_SECRET" not in seen


async def test_nothing_that_the_bot_leaves_behind_holds_a_secret(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), killable=True) as story:
        objective = story.hand_off()
        await story.closed(objective)
        ledger = await story.file("ledger.json", f"refs/crewline/objectives/{objective.number}") or ""
        left = [path for path in story.folder.rglob("*") if path.is_file() and "hub" not in path.parts]
        assert story.folder / "bot.log" in left
        packed = [gzip.decompress(path.read_bytes()) for path in left if path.suffix == ".gz"]
        assert packed
        for secret in secrets_of(story):
            assert secret not in ledger
            assert not [path for path in left if secret.encode() in path.read_bytes()]
            assert not [text for text in packed if secret.encode() in text]
