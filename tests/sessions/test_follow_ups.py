"""Turns in the same conversation: an agent is told what is wrong before its attempt counts as failed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import structlog

from bot.journal import TOLD_AGAIN
from bot.model.assignment import Assignment
from bot.model.session import Failed, FailureKind, Planned, Published, Trouble, Void
from tests.sessions.conftest import PRELUDE, World
from tests.sessions.test_salvage import head_of

SPEAKS = """
turn = int(prompt_file.split("-")[-1][0])
assert ("--resume" in sys.argv) == (turn > 1)
def line(**values):
    print(json.dumps(values), flush=True)
def say(text):
    line(type="assistant", message={"content": [{"type": "text", "text": text}]})
def done(status="completed", cost=0.5, **more):
    text = "\\n".join(["---SESSION_SUMMARY---", f"status: {status}", f"summary: turn {turn}",
        *(f"{key}: {json.dumps(value)}" for key, value in more.items()), "---END_SESSION_SUMMARY---"])
    finish(text, cost)
def finish(text="bye", cost=0.5):
    used = {"input_tokens": 10, "output_tokens": 1}
    line(type="result", subtype="success", result=text, total_cost_usd=cost, usage=used)
line(type="system", subtype="init", session_id="the-conversation")
say("I work.")
"""


class Claude:
    """A program that speaks as Claude Code does, and does what a test writes."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._file = folder / "claude"

    def does(self, program: str) -> None:
        self._file.write_text(f"#!{sys.executable} -I\n{PRELUDE}{SPEAKS}{program}")
        self._file.chmod(0o755)

    def worker(self, **changes: object) -> Assignment:
        return self._world.worker(agent="claude", follow_ups=2, **changes)

    def prompts(self, assignment: Assignment) -> list[str]:
        return [event["text"] for event in self._world.transcript(assignment) if event["kind"] == "prompt"]


@pytest.fixture
def claude(world: World, programs_folder: Path) -> Claude:
    return Claude(world, programs_folder)


async def test_changes_that_were_not_committed_are_committed_when_told(world: World, claude: Claude) -> None:
    claude.does('write("src/a.py", "a") if turn == 1 else commit()\ndone()')
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert outcome.summary.summary == "turn 2"
    first, second = claude.prompts(claude.worker())
    assert "not committed: src/a.py" in second
    assert "Add parse_line." in first
    assert "Add parse_line." not in second


async def test_a_verify_command_that_fails_is_mended(world: World, claude: Claude) -> None:
    claude.does('write(f"src/{turn}.py", "a"); commit(); done()')
    outcome = await world.run(claude.worker(verify_command="ls src; touch left; test -f src/2.py"))
    assert isinstance(outcome, Published)
    assert outcome.evidence is not None
    assert outcome.evidence.passed
    assert "left" not in outcome.evidence.tail
    assert "ended with exit code 1" in claude.prompts(claude.worker())[1]


async def test_what_the_gate_refuses_is_taken_back(world: World, claude: Claude) -> None:
    claude.does(
        'if turn == 1: write("src/a.py", "a"); write("other.txt", "b")\n'
        'else: git("rm", "-q", "other.txt")\ncommit(); done()'
    )
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Published)
    assert "other.txt" in claude.prompts(claude.worker())[1]


async def test_a_missing_summary_is_asked_for_and_good_work_stays_good_without_it(world: World, claude: Claude) -> None:
    claude.does('write(f"src/a.py", "a"); commit() if turn == 1 else None; done() if turn == 3 else finish()')
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert "summary block at the end was missing" in claude.prompts(claude.worker())[1]
    claude.does('write(f"src/a.py", "a"); commit() if turn == 1 else sys.exit(3); finish()')
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is None


async def test_of_a_later_turn_that_is_cut_off_the_commits_are_kept_and_its_end_is_told(
    world: World, claude: Claude
) -> None:
    claude.does('write("src/a.py", f"{turn}")\nif turn == 1: done()\nelse: commit(); time.sleep(60)')
    outcome = await world.run(claude.worker(seconds=3))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.TIMEOUT
    assert "was ended at the limit" in outcome.detail
    assert "The turn before it: no commits." in outcome.detail
    assert await world.show(head_of(outcome), "src/a.py") == "2"
    claude.does(
        'if turn == 1: write("src/a.py", "a"); write("other.txt", "b"); commit(); done()\n'
        'else: git("rm", "-q", "other.txt"); commit(); sys.exit(3)'
    )
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    assert "A later turn, which was to mend this, was cut off: agent failed." in outcome.detail
    assert await world.show(head_of(outcome), "src/a.py") == "a"


async def test_where_the_model_is_not_to_be_had_in_a_later_turn_nobody_has_failed(world: World, claude: Claude) -> None:
    claude.does(
        'write("src/a.py", f"{turn}"); commit()\nif turn == 1: done(); sys.exit()\n'
        'line(type="result", subtype="success", is_error=True, result="API Error: 429 rate limit reached")\n'
        "sys.exit(1)"
    )
    outcome = await world.run(claude.worker(verify_command="false"))
    assert isinstance(outcome, Void)
    assert outcome.trouble is Trouble.RATE_LIMITED
    assert "The turn before it: verify failed. `false` ended with exit code 1" in outcome.reason
    assert await world.show(head_of(outcome), "src/a.py") == "2"


async def test_an_unfinished_agent_goes_on_but_not_without_the_paths_that_it_needs(
    world: World, claude: Claude
) -> None:
    claude.does('write(f"src/{turn}.py", "a"); commit(); done("partial" if turn == 1 else "completed")')
    assert isinstance(await world.run(claude.worker()), Published)
    claude.does('write("src/a.py", "a"); commit(); done("partial", out_of_scope_changes_needed=["docs/x.md"])')
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Failed)
    assert outcome.outside == ("docs/x.md",)
    assert len(claude.prompts(claude.worker())) == 1


async def test_follow_ups_are_bounded_in_number_and_by_the_budget(world: World, claude: Claude) -> None:
    claude.does("done()")
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.NO_COMMITS
    assert len(claude.prompts(claude.worker())) == 3
    await world.run(claude.worker(usd=1.0))
    first, second = claude.prompts(claude.worker())
    assert "you may spend $1, 0.5 minutes; then you are ended" in first
    assert "You have left: $0.50" in second


async def test_an_agent_that_cannot_go_on_with_a_conversation_is_told_nothing(world: World) -> None:
    world.agent("")
    await world.run(world.worker(follow_ups=2))
    assert [event["kind"] for event in world.transcript(world.worker())].count("prompt") == 1


async def test_the_cost_of_the_turns_adds_up(world: World, claude: Claude) -> None:
    claude.does('write("src/a.py", "a") if turn == 1 else commit()\ndone(cost=0.25 * turn)')
    report = await world.runner.run(claude.worker())
    assert (report.spend.usd, report.spend.input_tokens, report.spend.turns, report.spend.commits) == (0.75, 20, 2, 1)


async def test_an_answer_is_repaired_in_the_same_conversation(world: World, claude: Claude) -> None:
    claude.does('answer({"kind": "answer"} if turn == 1 else {"kind": "answer", "answer": "42"}); finish()')
    outcome = await world.run(world.planner(agent="claude"))
    assert isinstance(outcome, Planned)
    first, second = claude.prompts(world.planner())
    assert "We want a shop." in first
    assert "We want a shop." not in second
    assert "answer-2" in second


async def test_each_further_turn_is_told_with_its_session_and_its_reason(world: World, claude: Claude) -> None:
    with structlog.testing.capture_logs() as lines:
        claude.does("done()")
        await world.run(claude.worker())
        claude.does('write("src/a.py", "a") if turn == 1 else commit()\ndone()')
        await world.run(claude.worker())
        claude.does('answer("no json" if turn == 1 else {"kind": "answer", "answer": "42"}); finish()')
        await world.run(world.planner(agent="claude"))
    told = [line for line in lines if line["event"] == TOLD_AGAIN.name]
    assert [(line["session"], line["turn"]) for line in told] == [
        ("12.parser.worker.1", 2),
        ("12.parser.worker.1", 3),
        ("12.parser.worker.1", 2),
        ("12.planner.1", 2),
    ]
    assert {line["reason"] for line in told[:3]} == {"no commits"}
    assert "not JSON" in told[3]["reason"]


async def test_a_repository_words_it_in_its_own_way_and_tells_every_agent_what_it_knows(
    world: World, claude: Claude
) -> None:
    world.remote.commit(
        {
            ".github/crewline/follow_up.md": "Once more: {{ reason }}",
            ".github/crewline/memory.md": "Prices are in cents.",
        }
    )
    claude.does('write("src/a.py", "a") if turn == 1 else commit()\ndone()')
    await world.run(claude.worker())
    first, second = claude.prompts(claude.worker())
    assert "Prices are in cents." in first
    assert second == "Once more: no commits"
