"""A key of the server's in what an agent says, answers or writes as a message: masked before it leaves the session."""

from __future__ import annotations

import json

from bot.model.plan import PlainAnswer, Plan
from bot.model.session import Blocked, Failed, Judged, Outcome, Planned, Published, salvage_of
from bot.sessions.mask import Mask
from tests.git.conftest import Remote
from tests.sessions.conftest import World

KEY = "sk-ant-secret"
WORK = 'write("src/a.py", "a"); commit()\n'


def assert_kept(outcome: Outcome) -> None:
    assert KEY not in outcome.model_dump_json()
    assert "***" in outcome.model_dump_json()


async def test_in_a_summary(world: World) -> None:
    world.agent(f'{WORK}summary(status="completed", summary="Uses {KEY}.", follow_up_notes="{KEY}")')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert outcome.summary.summary == "Uses ***."
    assert_kept(outcome)


async def test_in_a_summary_that_writes_it_in_another_way(world: World) -> None:
    world.agent(
        f"{WORK}print('---SESSION_SUMMARY---', 'status: completed', 'summary: \"sk\\\\x2dant-secret\"',"
        " '---END_SESSION_SUMMARY---', sep='\\n')"
    )
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert outcome.summary.summary == "***"


async def test_in_a_question_and_in_paths_that_are_asked_for(world: World) -> None:
    world.agent(f'{WORK}summary(status="blocked", summary="May I use {KEY}?")')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Blocked)
    assert_kept(outcome)
    world.agent(f'{WORK}summary(status="partial", summary="", out_of_scope_changes_needed=["docs/{KEY}.md"])')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.outside == ("docs/***.md",)
    assert_kept(outcome)


async def test_in_the_name_of_a_file_that_the_gate_refuses(world: World) -> None:
    world.agent(f'write("docs/{KEY}.md", "a"); commit()')
    assert_kept(await world.run(world.worker()))


async def test_in_a_plan_and_in_an_answer_however_it_is_escaped(world: World) -> None:
    for text in (f'{{"kind": "answer", "answer": "{KEY}"}}', r'{"kind": "answer", "answer": "sk\u002dant-secret"}'):
        world.agent(f"answer({text!r})")
        outcome = await world.run(world.planner())
        assert isinstance(outcome, Planned)
        assert outcome.answer == PlainAnswer(answer="***")
    task = {"key": "a", "title": KEY, "description": KEY, "scope": ["src/**"], "criteria": [f"{KEY} works"]}
    world.agent(f"answer({json.dumps({'kind': 'plan', 'summary': KEY, 'tasks': [task]})!r})")
    outcome = await world.run(world.planner())
    assert isinstance(outcome, Planned)
    assert isinstance(outcome.answer, Plan)
    assert outcome.answer.tasks[0].criteria == ("*** works",)
    assert_kept(outcome)


async def test_in_a_verdict(world: World, remote: Remote) -> None:
    finding = {"message": f"{KEY} is in the code", "path": "src/shop.py", "line": 1}
    verdict = {"decision": "request_changes", "summary": KEY, "findings": [finding]}
    world.agent(f"answer({json.dumps(verdict)!r})")
    head = remote.head("refs/heads/main")
    assert head is not None
    outcome = await world.run(world.reviewer(head))
    assert isinstance(outcome, Judged)
    assert outcome.verdict.findings[0].message == "*** is in the code"
    assert_kept(outcome)


async def test_in_the_message_of_a_commit_that_is_published_or_salvaged(world: World) -> None:
    work = f'write("src/a.py", "a"); commit("Use {KEY}\\n\\nKey: {KEY}")\n'
    for end in ("", "sys.exit(3)"):
        world.agent(work + end)
        outcome = await world.run(world.worker())
        left = salvage_of(outcome)
        head = outcome.head if isinstance(outcome, Published) else left.head if left else None
        message = (await world.mirror.git("log", "-1", "--format=%B", str(head))).stdout.decode()
        assert message.startswith("Use ***\n\nKey: ***\nCrewline-Session: ")


async def test_in_the_evidence(world: World) -> None:
    world.agent(WORK)
    for end in ("true", "false"):
        outcome = await world.run(world.worker(verify_command=f"echo {KEY[:4]}''{KEY[4:]}; {end}"))
        assert_kept(outcome)


def test_a_secret_that_holds_quotes_is_found_as_json_has_it() -> None:
    mask = Mask(['a "quoted" secret', "a long secret of its own", "a long secret"])
    assert mask('say a "quoted" secret') == "say ***"
    assert mask(json.dumps({"is": 'a "quoted" secret'})) == '{"is": "***"}'
    assert mask("a long secret of its own") == "***"
