"""The bot is stopped in order, killed, or loses an agent: what was committed is not lost, and nothing runs on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bot.model.ledger import Ledger
from bot.model.session import Failed, Salvage, SessionRecord, Void, salvage_of
from tests.sessions.conftest import processes_with
from tests.stories.plays import WRITE, Part, first, playbook, runs, task, told, waits_for
from tests.stories.stage import WITHIN, Stage, stage
from tests.stories.test_restart import Watched

COMMITS = "git add -A && git commit -q -m half"
WAITS = "echo {session} waits > {shared}/news; while [ ! -e {shared}/go ]; do sleep 0.02; done"
HALF: Part = runs(COMMITS, WAITS, part=WRITE)
"""Commits, and is not done."""
REST: Part = {"summary": "Nothing was missing."}
"""Finds that all is there."""


async def sessions_of(story: Stage, number: int) -> dict[str, SessionRecord]:
    text = await story.file("ledger.json", f"refs/crewline/objectives/{number}")
    assert text is not None
    return {session.id: session for session in Ledger.model_validate_json(text).sessions}


async def salvage_in(story: Stage, number: int, session: str) -> Salvage:
    outcome = (await sessions_of(story, number))[session].outcome
    found = salvage_of(outcome)
    assert found is not None, f"nothing was salvaged: {outcome}"
    return found


def left_of(story: Stage) -> list[int]:
    """Processes that sessions of the story started and that still run."""
    return processes_with(f"{story.folder}/playbook.json")


async def test_told_to_stop_it_takes_nothing_new_and_lets_sessions_end(tmp_path: Path) -> None:
    plays = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, plays, killable=True, drain_seconds=600) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        story.terminate_bot()
        await story.draining()
        comment = story.say("/help", on=objective)
        await story.bot_says(objective, "@alice", "/retry")
        await story.carried_out(comment)
        story.sign("go")
        assert await story.bot_ended() == 0
        assert story.pull(objective, "one").title == "Do one"
        sessions = await sessions_of(story, objective.number)
        assert [session.outcome.kind for session in sessions.values() if session.outcome] == ["planned", "published"]
        assert len(sessions) == 2, "nothing was claimed any more"
        assert "waits until the server runs again" in story.status(objective)
        assert '"released": true' in (await story.file("lease.json", "refs/crewline/lease") or "")
        assert left_of(story) == []
        await story.start_bot()
        await story.closed(objective)


async def test_what_does_not_end_in_time_is_handed_over_with_its_commits(tmp_path: Path) -> None:
    plays = playbook(task("one"), one__worker=[first(HALF), told("What an earlier session left", REST)])
    async with stage(tmp_path, plays, killable=True, drain_seconds=0.1) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        story.terminate_bot()
        assert await story.bot_ended() == 0
        assert left_of(story) == []
        session = (await sessions_of(story, 1))["1.one.worker.1"]
        assert isinstance(session.outcome, Void)
        assert session.outcome.reason == "it was handed over: the server was stopped"
        assert session.spend.seconds > 0
        branch = "crewline/salvage/1/one/1.one.worker.1"
        assert await story.file("one.txt", branch) == "by 1.one.worker.1\n"
        assert f"[`{branch}`](../tree/{branch})" in story.status(objective)
        await story.start_bot()
        await story.closed(objective)
        assert await story.file("one.txt") == "by 1.one.worker.1\n"
        assert branch not in story.status(objective)


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    plays = playbook(task("one"), one__worker=[first(HALF), REST])
    async with stage(tmp_path, plays, killable=True, drain_seconds=600) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        story.terminate_bot()
        await story.draining()
        story.terminate_bot()
        assert await story.bot_ended() == 130
        assert left_of(story) == []
        await story.start_bot(same_disk=True)
        await story.closed(objective)
        assert await story.file("one.txt") == "by 1.one.worker.1\n"


async def test_killed_with_its_disk_kept_it_goes_on_from_the_commits(tmp_path: Path) -> None:
    plays = playbook(task("one"), one__worker=[first(HALF), told("What an earlier session left", REST)])
    async with stage(tmp_path, plays, killable=True) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        await story.stop_bot()
        await story.start_bot(same_disk=True)
        await story.closed(objective)
        assert await story.file("one.txt") == "by 1.one.worker.1\n"
        found = await salvage_in(story, 1, "1.one.worker.1")
        assert found.head is not None
        assert (await sessions_of(story, 1))["1.one.worker.2"].continues == found.head
        assert await story.file("one.txt", "crewline/salvage/1/one/1.one.worker.1") == "by 1.one.worker.1\n"


async def test_what_the_gate_refuses_is_not_salvaged_and_this_is_said(tmp_path: Path) -> None:
    config = "limits:\n  backoff_seconds: 0\n  attempts: 1\n"
    outside: Part = runs("echo x > other.txt", COMMITS, WAITS, part=WRITE)
    fails: Part = {"exit_code": 3, "commit": None}
    plays = playbook(task("one"), one__worker=[first(outside), fails])
    async with stage(tmp_path, plays, config=config, killable=True) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        await story.stop_bot()
        await story.start_bot(same_disk=True)
        said = await story.bot_says(objective, "it failed once, the last time: agent failed")
        assert "What `1.one.worker.1` had committed was refused at the gate" in said
        assert "other.txt" in said
        assert await story.file("one.txt", "crewline/salvage/1/one/1.one.worker.1") is None


async def test_commits_of_a_session_that_failed_are_linked_where_a_person_is_asked(tmp_path: Path) -> None:
    config = "limits:\n  backoff_seconds: 0\n  attempts: 1\n"
    plays = playbook(task("one"), one__worker=[{**WRITE, "exit_code": 3}])
    async with stage(tmp_path, plays, config=config) as story:
        objective = story.hand_off()
        said = await story.bot_says(objective, "@alice", "it failed once")
        branch = "crewline/salvage/1/one/1.one.worker.1"
        assert f"What `1.one.worker.1` had committed is on [`{branch}`](../tree/{branch})." in said
        assert await story.file("one.txt", branch) == "by 1.one.worker.1\n"
        outcome = (await sessions_of(story, 1))["1.one.worker.1"].outcome
        assert isinstance(outcome, Failed)
        assert outcome.salvage is not None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="leftovers are found in /proc")
async def test_what_outlived_bot_and_guard_is_ended_at_the_next_start_and_nothing_else_is(tmp_path: Path) -> None:
    daemon = "setsid sh -c 'echo $$ > {shared}/daemon.tmp; mv {shared}/daemon.tmp {shared}/daemon; exec sleep 7654'"
    tells = "while [ ! -e {shared}/daemon ]; do sleep 0.02; done; cut -d' ' -f4 /proc/$PPID/stat > {shared}/guard"
    plays = playbook(task("one"), one__worker=[first(runs(f"{daemon} &", tells, WAITS, part=WRITE)), WRITE])
    async with stage(tmp_path, plays, killable=True) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        daemon_id, guard = (int((story.shared / name).read_text()) for name in ("daemon", "guard"))
        decoy = await asyncio.create_subprocess_exec("sleep", "7654", start_new_session=True)
        try:
            os.kill(guard, signal.SIGKILL)
            await story.stop_bot()
            with Watched(daemon_id) as ended:
                assert not ended.is_set()
                await story.start_bot(same_disk=True)
                async with asyncio.timeout(WITHIN):
                    await ended.wait()
            await story.closed(objective)
            assert decoy.returncode is None
        finally:
            decoy.kill()
            await decoy.wait()
