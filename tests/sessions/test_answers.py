"""Planner and reviewer: data in a file, one repair turn, nothing believed that was not checked."""

from __future__ import annotations

from bot.model.plan import PlainAnswer, Plan, Questions
from bot.model.session import Failed, FailureKind, Judged, Planned
from tests.sessions.conftest import World

TASKS = '[{"key": f"t{n}", "title": "T", "description": "D", "scope": ["src/**"]} for n in range(%d)]'


async def test_a_planner_answers_in_three_ways(world: World) -> None:
    world.agent(f'answer({{"kind": "plan", "summary": "S", "tasks": {TASKS % 2}}})')
    plan = await world.run(world.planner())
    assert isinstance(plan, Planned)
    assert isinstance(plan.answer, Plan)
    assert [task.key for task in plan.answer.tasks] == ["t0", "t1"]
    world.agent('answer({"kind": "questions", "questions": ["Which?"]})')
    assert await world.run(world.planner()) == Planned(answer=Questions(questions=("Which?",)))
    world.agent('answer({"kind": "answer", "answer": "It is so."})')
    assert await world.run(world.planner()) == Planned(answer=PlainAnswer(answer="It is so."))


async def test_a_bad_answer_is_repaired_once(world: World) -> None:
    world.agent(
        f'bad = {{"kind": "plan", "summary": "S", "tasks": {TASKS % 4}}}\n'
        'second = "could not be used" in prompt\n'
        'assert not second or "at most 3 are allowed" in prompt\n'
        'assert answer_file in prompt and ("answer-1" in prompt) == (not second)\n'
        'answer({**bad, "tasks": bad["tasks"][:3]} if second else bad)'
    )
    outcome = await world.run(world.planner())
    assert isinstance(outcome, Planned)
    assert isinstance(outcome.answer, Plan)
    assert len(outcome.answer.tasks) == 3
    assert [event["kind"] for event in world.transcript(world.planner())].count("prompt") == 2


async def test_rubbish_twice_is_a_failure_with_the_reason(world: World) -> None:
    for rubbish, said in (
        ("answer('no json')", "not JSON"),
        ("pass", "There is no answer file"),
        ('os.symlink("/etc/hostname", answer_file)', "is a link"),
        ("os.mkfifo(answer_file)", "not a plain file"),
        ('answer("x" * 2_000_000)', "more than 1000000 bytes"),
        ('answer("[" * 100_000)', "nested too deeply"),
        ('answer({"kind": "plan", "summary": "S", "tasks": []})', "plan.tasks"),
    ):
        world.agent(rubbish)
        outcome = await world.run(world.planner())
        assert isinstance(outcome, Failed), rubbish
        assert outcome.reason is FailureKind.BAD_ANSWER
        assert said in outcome.detail


async def test_a_planner_may_ruin_its_own_tree(world: World) -> None:
    world.agent(
        'import shutil; shutil.rmtree(".git" if os.path.isdir(".git") else "src"); os.unlink(".git")\n'
        'answer({"kind": "answer", "answer": "Done."})'
    )
    assert isinstance(await world.run(world.planner()), Planned)
    assert await world.mirror.branch("main") == world.remote.head("refs/heads/main")


APPROVE = 'answer({"decision": "approve", "summary": "Good."})'


async def test_a_reviewer_judges_the_commit_it_was_given(world: World) -> None:
    head = world.remote.commit({"src/parser.py": "x = 1\n"}, branch="crewline/12/parser")
    world.remote.person("checkout", "-q", "main")
    world.remote.commit({"src/other.py": ""}, branch="main")
    await world.mirror.fetch()
    world.agent(
        'assert "other.py" not in os.listdir("src") and git("rev-parse", "HEAD") in prompt\n'
        'command = next(line for line in prompt.splitlines() if "git diff" in line).split()[1:]\n'
        'assert "+x = 1" in git(*command)\n' + APPROVE
    )
    outcome = await world.run(world.reviewer(head, verify_command="echo checked; test -f src/parser.py"))
    assert isinstance(outcome, Judged)
    assert (outcome.head, outcome.verdict.decision) == (head, "approve")
    assert outcome.evidence is not None
    assert (outcome.evidence.head, outcome.evidence.tail) == (head, "checked\n")


async def test_a_head_that_does_not_verify_is_not_reviewed(world: World) -> None:
    head = world.remote.commit({"src/parser.py": "x = 1\n"}, branch="crewline/12/parser")
    await world.mirror.fetch()
    world.agent(APPROVE)
    outcome = await world.run(world.reviewer(head, verify_command="exit 3"))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.VERIFY
    assert outcome.evidence is not None
    assert outcome.evidence.exit_code == 3
    assert world.progress[-1].text == "verifying: exit 3"


async def test_a_refusal_without_a_blocking_finding_is_sent_back(world: World) -> None:
    head = world.remote.commit({"src/parser.py": "x = 1\n"}, branch="crewline/12/parser")
    world.agent(
        'finding = {"path": "src/parser.py", "line": 1, "message": "No.", "severity": "blocking"}\n'
        'second = "needs at least one finding" in prompt\n'
        'answer({"decision": "request_changes", "summary": "Bad.", "findings": [finding] if second else []})'
    )
    outcome = await world.run(world.reviewer(head))
    assert isinstance(outcome, Judged)
    assert outcome.verdict.findings[0].line == 1
