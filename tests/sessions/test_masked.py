"""A key in what an agent says, answers or writes as a message: masked before it leaves the session, the server's own
and those that it found anywhere."""

from __future__ import annotations

import json

from bot.model.plan import PlainAnswer, Plan
from bot.model.session import Blocked, Failed, Judged, Outcome, Planned, Published, salvage_of
from bot.sessions.mask import Mask
from tests.git.conftest import Remote
from tests.sessions.conftest import World

KEY = "sk-ant-secret"
FOUND = "ghp_" + "a1B2" * 9
"""Somebody else's, which lies in the repository."""
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


async def test_a_key_that_an_agent_found_is_repeated_nowhere(world: World, remote: Remote) -> None:
    world.agent(f'{WORK}print("Look: {FOUND}")\nsummary(status="completed", summary="It uses {FOUND}.")')
    outcome = await world.run(world.worker(verify_command=f"echo {FOUND[:4]}''{FOUND[4:]}"))
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert outcome.summary.summary == "It uses *** (GitHub Token)."
    assert outcome.evidence is not None
    assert "*** (GitHub Token)" in outcome.evidence.tail
    world.agent(f'print("{FOUND}")\nsys.exit(3)')
    report = await world.runner.run(world.worker())
    assert "*** (GitHub Token)" in report.model_dump_json()
    world.agent(f"answer({json.dumps({'decision': 'approve', 'summary': FOUND, 'findings': []})!r})")
    head = remote.head("refs/heads/main")
    assert head is not None
    judged = await world.run(world.reviewer(head))
    assert isinstance(judged, Judged)
    assert judged.verdict.summary == "*** (GitHub Token)"
    assert not [one for one in (outcome, report, judged) if FOUND in one.model_dump_json()]


def test_a_private_key_is_masked_to_its_end_and_what_is_none_stays() -> None:
    body = "\n".join(["MIIEpAIBAAKCAQEA75abcdef" * 2] * 3)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert Mask()(f"before\n{key}\nafter") == "before\n-----*** (Private Key) RSA PRIVATE KEY-----\nafter"
    assert Mask()("sha a1b2a1b2a1b2a1b2 of eyJ.eyJ.x") == "sha a1b2a1b2a1b2a1b2 of eyJ.eyJ.x"
