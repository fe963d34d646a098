"""The whole main job with the real Claude Code and the real Codex, against a scripted model.

The model knows one command, which does what the session's role asks for; everything else is theirs.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.model.offer import AgentOffer
from bot.model.session import Blocked, Published, Role
from tests.agents.conftest import installed
from tests.agents.model.script import SUMMARY, Ask, Refuse, Reply, Run, Say, Script
from tests.agents.model.server import ScriptedModel, serve
from tests.stories.plays import task
from tests.stories.stage import Stage, stage

__all__ = ["installed"]

Installed = Callable[[str], Path]
KEY = "sk-scripted-0123456789"
PLAN = json.dumps({"kind": "plan", "summary": "Two files.", "tasks": [task("one"), task("two", "one")]})
VERDICT = json.dumps({"decision": "approve", "summary": "As it should be."})
JOB = f"""case "$CREWLINE_SESSION" in
*.planner.*) printf '%s' '{PLAN}' > "$CREWLINE_ANSWER_FILE" ;;
*.worker.*) T=$(echo "$CREWLINE_SESSION" | cut -d. -f2); echo hi > "$T.txt"; git add -A; git commit -qm "Write $T" ;;
*.reviewer.*) printf '%s' '{VERDICT}' > "$CREWLINE_ANSWER_FILE" ;;
esac
env | grep -c '{KEY}'"""


def roles(worker: str, others: str) -> str:
    """`codex` is told an old model: it then offers its shell in the way in which the scripted model calls it."""
    names = {"planner": others, "worker": worker, "reviewer": others}
    lines = "".join(f"  {role}:\n    agent: {agent}\n" for role, agent in names.items()).replace("codex", "codex:gpt-5")
    return f"roles:\n{lines}limits:\n  backoff_seconds: 0\n"


def job(ask: Ask) -> Reply:
    return Say(SUMMARY.format(text=f"Done by {ask.protocol}.")) if ask.results else Run(JOB)


def offers(url: str) -> dict[str, AgentOffer]:
    return {"claude": AgentOffer(base_url=url), "codex": AgentOffer(base_url=f"{url}/v1")}


@pytest.fixture
def programs(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [str(installed(name)) for name in ("claude", "codex")]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def transcripts(story: Stage) -> str:
    files = story.folder.glob("data-*/transcripts/**/*.jsonl.gz")
    return "".join(gzip.decompress(path.read_bytes()).decode() for path in files)


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_real_agents_plan_work_review_and_merge(tmp_path: Path, worker: str, others: str) -> None:
    async with (
        serve(job) as model,
        stage(tmp_path, {}, config=roles(worker, others), agents=offers(model.url)) as story,
    ):
        objective = story.hand_off()
        await story.closed(objective)
        assert [pull.merged for pull in story.pull_requests()] == [True, True]
        assert await story.file("two.txt") == "hi\n"
        protocol = {"claude": "anthropic", "codex": "responses"}[worker]
        assert f"Done by {protocol}." in story.status(objective)
        assert KEY not in transcripts(story)
        assert {ask.key for ask in model.asked} == {KEY}


@pytest.mark.usefixtures("programs")
async def test_codex_takes_over_while_claude_is_out_of_credit(tmp_path: Path) -> None:
    script: Script = lambda ask: (  # noqa: E731
        Refuse(400, "Your credit balance is too low", "invalid_request_error")
        if ask.protocol == "anthropic"
        else job(ask)
    )
    config = roles("[claude, codex]", "codex")
    async with serve(script) as model, stage(tmp_path, {}, config=config, agents=offers(model.url)) as story:
        objective = story.hand_off()
        await story.closed(objective)
        sessions = (await story.ledger(objective)).sessions
        workers = [session.agent for session in sessions if session.role == "worker"]
        assert workers[:2] == ["claude", "codex:gpt-5"]
        assert "2 of 2 tasks merged" in story.status(objective)


COMMITS = "git add -A; git commit -qm Work"


def told(command: str, later: str) -> Script:
    """Plans and reviews as in `job`; a worker runs `command`, and `later` when it is told what is wrong."""

    def script(ask: Ask) -> Reply:
        again = "cannot be taken as it is" in ask.text
        if len(ask.results) > again:
            return Say(SUMMARY.format(text=f"Done by {ask.protocol}."))
        return Run(later if again else command)

    return script


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_an_agent_that_forgot_to_commit_is_told_and_commits_in_the_same_attempt(
    tmp_path: Path, worker: str, others: str
) -> None:
    forgets = JOB.replace('git add -A; git commit -qm "Write $T"', ":")
    async with (
        serve(told(forgets, COMMITS)) as model,
        stage(tmp_path, {}, config=roles(worker, others), agents=offers(model.url)) as story,
    ):
        objective = story.hand_off()
        await story.closed(objective)
        ledger = await story.ledger(objective)
        assert [session.role for session in ledger.sessions].count(Role.WORKER) == 2
        assert await story.file("two.txt") == "hi\n"
        assert '"kind": "follow-up"' in transcripts(story)
        turns = {session.spend.turns for session in ledger.sessions if session.role is Role.WORKER}
        assert turns == {4}


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_an_agent_whose_work_does_not_verify_is_told_and_mends_it_in_the_same_attempt(
    tmp_path: Path, worker: str, others: str
) -> None:
    verify = "verify:\n  command: test ! -e broken\n"
    breaks = JOB.replace("git add -A;", "touch broken; git add -A;")
    scope = PLAN.replace('"scope": [', '"scope": ["broken", ')
    async with (
        serve(told(breaks.replace(PLAN, scope), f"git rm -q broken; {COMMITS}")) as model,
        stage(tmp_path, {}, config=roles(worker, others) + verify, agents=offers(model.url)) as story,
    ):
        objective = story.hand_off()
        await story.closed(objective)
        sessions = (await story.ledger(objective)).sessions
        workers = [session for session in sessions if session.role is Role.WORKER]
        assert [type(session.outcome) for session in workers] == [Published, Published]
        assert "2 of 2 tasks merged" in story.status(objective)
        tokens = {(session.spend.input_tokens, session.spend.output_tokens) for session in workers}
        assert tokens == {(400, 80)} if worker == "codex" else len(tokens) == 1


LOOKS = "echo The greeting lies in README."
QUESTION = "May the greeting be short?"
ANSWER = "As short as a haiku."
BLOCKED = f"""I looked around.

---SESSION_SUMMARY---
status: blocked
summary: Cannot go on.
follow_up_notes: {QUESTION}
---END_SESSION_SUMMARY---
"""
ALONE = json.dumps({"kind": "plan", "summary": "One file.", "tasks": [task("one")]})
WORKER = "You do one task in the repository"


def asks_first(ask: Ask) -> Reply:
    """One task, whose worker looks around, asks, and does it once it was answered."""
    if WORKER not in ask.text:
        return Say(SUMMARY.format(text="Done.")) if ask.results else Run(JOB.replace(PLAN, ALONE))
    if ANSWER not in ask.text:
        return Say(BLOCKED) if ask.results else Run(LOOKS)
    done = any("was committed" in result for result in ask.results)
    return Say(SUMMARY.format(text="Done as answered.")) if done else Run(f"{JOB}\necho was committed")


async def answer_is_the_next_turn(story: Stage, model: ScriptedModel) -> None:
    """The person's side, and what the model was asked then."""
    objective = story.hand_off()
    await story.bot_says(objective, "the agent is blocked and asks:", QUESTION)
    story.say(ANSWER, on=objective)
    await story.closed(objective)
    assert await story.file("one.txt") == "hi\n"
    ledger = await story.ledger(objective)
    workers = [session for session in ledger.sessions if session.role is Role.WORKER]
    assert [type(session.outcome) for session in workers] == [Blocked, Published]
    spends = [(spend.input_tokens, spend.output_tokens, spend.turns) for spend in (each.spend for each in workers)]
    assert spends == [(200, 40, 2), (200, 40, 2)], "each counts what it has cost itself"
    later = [ask for ask in model.asked if ANSWER in ask.text]
    assert len(later) == 2
    for ask in later:
        assert ask.text.count(WORKER) == 1, "the whole prompt stands there once: that of the first session"
        assert "I looked around." in ask.text
        assert "The greeting lies in README." in ask.results[0]
        assert f"You asked: {QUESTION}" in ask.text
    assert "it goes on with that of session" in transcripts(story)
    assert KEY not in transcripts(story)


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_a_person_s_answer_is_the_next_turn_of_the_agent_that_asked(
    tmp_path: Path, worker: str, others: str
) -> None:
    async with (
        serve(asks_first) as model,
        stage(tmp_path, {}, config=roles(worker, others), agents=offers(model.url)) as story,
    ):
        await answer_is_the_next_turn(story, model)
