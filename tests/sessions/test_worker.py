"""A worker's session, as the rest of the bot sees it: an assignment in, a report out."""

from __future__ import annotations

from bot.model.session import Blocked, Evidence, Failed, FailureKind, Published, Void
from tests.sessions.conftest import World, conflict

PARSER = 'write("src/parser.py", "def parse_line(): ...\\n")\n'


async def test_commits_come_back_verified_and_in_the_form_of_the_bot(world: World) -> None:
    world.agent(
        PARSER + 'commit("Add the parser\\n\\nCrewline-Session: forged")\nsummary(status="completed", summary="Done.")'
    )
    assignment = world.worker(verify_command="test -f src/parser.py && echo fine")
    outcome = await world.run(assignment)
    assert isinstance(outcome, Published)
    assert outcome.base == world.remote.head("refs/heads/main")
    assert outcome.summary is not None
    assert outcome.summary.summary == "Done."
    assert isinstance(outcome.evidence, Evidence)
    assert (outcome.evidence.exit_code, outcome.evidence.head, outcome.evidence.tail) == (0, outcome.head, "fine\n")
    assert await world.show(outcome.head, "src/parser.py") == "def parse_line(): ...\n"
    log = await world.mirror.git("log", "-1", "--format=%an|%ae|%cn|%P|%B", outcome.head)
    assert log.stdout.decode().strip() == (
        f"crewline[bot] (scripted)|crewline@example.com|crewline[bot]|{outcome.base}|"
        "Add the parser\n\nCrewline-Session: 12.parser.worker.1"
    )


async def test_the_prompt_holds_the_task_and_the_transcript_holds_the_prompt(world: World) -> None:
    world.agent(PARSER + "commit()\nprint('read', 'Add parse_line.' in prompt, '`src/**`' in prompt)")
    await world.run(world.worker())
    events = world.transcript(world.worker())
    assert [event["text"] for event in events if event["kind"] == "message"] == ["read True True"]
    assert "We want a shop." in next(event["text"] for event in events if event["kind"] == "prompt")
    assert [event["kind"] for event in events][-1] == "outcome"
    assert [progress.text for progress in world.progress] == ["read True True"]


async def test_a_missing_or_broken_summary_does_not_spoil_good_commits(world: World) -> None:
    for words in ("", 'print("---SESSION_SUMMARY---\\nstatus: [\\n---END_SESSION_SUMMARY---")'):
        world.agent(PARSER + "commit()\n" + words)
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Published)
        assert outcome.summary is None


async def test_work_that_was_not_committed_is_named(world: World) -> None:
    world.agent(PARSER + 'write("src/shop.py", "price = 2")\nsummary(status="completed", summary="All done!")')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.NO_COMMITS
    assert "not committed: src/parser.py, src/shop.py" in outcome.detail
    assert "All done!" in outcome.detail


async def test_commits_that_change_nothing_are_no_work(world: World) -> None:
    world.agent('write("src/x.py", "1"); commit(); git("rm", "-q", "src/x.py"); commit()')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.NO_COMMITS


async def test_a_question_for_people_blocks(world: World) -> None:
    world.agent('summary(status="blocked", summary="Unclear.", follow_up_notes="Which currency?")')
    assert await world.run(world.worker()) == Blocked(question="Which currency?")


async def test_partial_work_is_a_failure_with_its_notes(world: World) -> None:
    world.agent(PARSER + 'commit()\nsummary(status="partial", summary="Half.", follow_up_notes="The tests.")')
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.PARTIAL
    assert "The tests." in outcome.detail


async def test_what_fails_to_verify_is_not_published(world: World) -> None:
    world.agent(PARSER + "commit()\nwrite('src/forgotten.py', '')")
    outcome = await world.run(world.worker(verify_command="echo looking; test -f src/forgotten.py"))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.VERIFY
    assert outcome.evidence is not None
    assert outcome.evidence.exit_code == 1
    assert "looking" in outcome.detail


async def test_a_verify_command_that_hangs_ends_at_its_limit(world: World) -> None:
    world.agent(PARSER + "commit()")
    outcome = await world.run(world.worker(verify_command="echo on it; sleep 600", verify_seconds=1))
    assert isinstance(outcome, Failed)
    assert outcome.evidence is not None
    assert outcome.evidence.exit_code == 124
    assert "limit of 1 s" in outcome.detail


async def test_an_agent_that_fails_or_hangs_or_is_missing_is_told_apart(world: World) -> None:
    world.agent("print('cannot log in', file=sys.stderr); sys.exit(7)")
    failed = await world.run(world.worker())
    world.agent("print('thinking', flush=True); time.sleep(600)")
    hung = await world.run(world.worker(seconds=1))
    missing = await world.run(world.worker(agent="nobody"))
    assert isinstance(failed, Failed)
    assert (failed.reason, "cannot log in" in failed.detail) == (FailureKind.AGENT, True)
    assert isinstance(hung, Failed)
    assert (hung.reason, "thinking" in hung.detail) == (FailureKind.TIMEOUT, True)
    assert isinstance(missing, Failed)
    assert "there is no agent 'nobody'; this server offers claude" in missing.detail


async def test_a_second_attempt_continues_with_the_base_merged_in(world: World) -> None:
    world.agent(PARSER + "commit()")
    first = await world.run(world.worker())
    assert isinstance(first, Published)
    merged = world.remote.commit({"src/cart.py": "cart = []\n"})
    world.agent('write("src/more.py", pathlib.Path("src/cart.py").read_text()); commit()')
    second = await world.run(world.worker(starts_from=first.head, must_contain=(merged,)))
    assert isinstance(second, Published)
    assert second.base == merged
    assert await world.mirror.missing_from(second.head, [first.head, merged]) == ()
    assert await world.show(second.head, "src/more.py") == "cart = []\n"


async def test_a_conflict_is_left_for_the_agent_to_solve(world: World) -> None:
    world.agent('write("src/shop.py", "price = 2\\n"); commit()')
    first = await world.run(world.worker())
    assert isinstance(first, Published)
    theirs = world.remote.commit({"src/shop.py": "price = 3\n"})
    world.agent(
        "assert '- `src/shop.py`' in prompt\nassert '<<<<<<<' in pathlib.Path('src/shop.py').read_text()\n"
        'write("src/shop.py", "price = 5\\n"); git("add", "-A"); git("commit", "-q", "--no-edit")'
    )
    solved = await world.run(world.worker(starts_from=first.head, setback=conflict()))
    assert isinstance(solved, Published)
    assert await world.show(solved.head, "src/shop.py") == "price = 5\n"
    assert await world.mirror.missing_from(solved.head, [first.head, theirs]) == ()
    world.agent('git("commit", "-q", "-a", "-m", "as it is")')
    careless = await world.run(world.worker(starts_from=first.head, setback=conflict()))
    assert isinstance(careless, Failed)
    assert (careless.reason, "conflict marks" in careless.detail) == (FailureKind.GATE, True)


async def test_a_conflict_that_a_merge_of_ours_solves_needs_no_commit_of_the_agent(world: World) -> None:
    world.agent(PARSER + "commit()")
    first = await world.run(world.worker())
    assert isinstance(first, Published)
    world.remote.commit({"src/cart.py": "cart = []\n"})
    world.agent("assert 'without a conflict' in prompt")
    outcome = await world.run(world.worker(starts_from=first.head, setback=conflict()))
    assert isinstance(outcome, Published)
    assert await world.mirror.missing_from(outcome.head, [first.head, outcome.base]) == ()
    idle = await world.run(world.worker(starts_from=first.head))
    assert isinstance(idle, Failed)
    assert idle.reason is FailureKind.NO_COMMITS


async def test_a_base_that_lacks_what_the_task_builds_on_starts_nothing(world: World) -> None:
    elsewhere = world.remote.commit({"src/a.py": ""}, branch="topic")
    world.agent("sys.exit('must not run')")
    outcome = await world.run(world.worker(must_contain=(elsewhere,)))
    assert isinstance(outcome, Void)
    assert "does not contain" in outcome.reason
    gone = await world.run(world.worker(base_branch="develop"))
    assert gone == Void(reason="the branch 'develop' does not exist")


async def test_a_repository_brings_its_own_prompt(world: World) -> None:
    world.remote.commit({".github/crewline/worker.md": "Just do {{ briefing.task.title }}.\n"})
    world.agent(PARSER + "commit(prompt)")
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Published)
    log = await world.mirror.git("log", "-1", "--format=%s", outcome.head)
    assert log.stdout == b"Just do Parse order lines.\n"
    world.remote.commit({".github/crewline/worker.md": "Line one\n{{ briefing.nonsense }}\n"})
    broken = await world.run(world.worker())
    assert isinstance(broken, Failed)
    assert ".github/crewline/worker.md" in broken.detail
    assert "nonsense" in broken.detail


async def test_a_message_on_which_github_would_act_is_only_a_message(world: World) -> None:
    world.agent(
        'write("src/a.py", "a")\n'
        'commit("Fix it [skip ci]\\n\\nFixes #1, cc @octocat\\n\\n\\nskip-checks: true\\nCrewline-Task: #9")'
    )
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Published)
    message = (await world.mirror.git("log", "-1", "--format=%B", outcome.head)).stdout.decode()
    sign = "\N{ZERO WIDTH NON-JOINER}"
    assert message.replace(sign, "").startswith("Fix it [skip ci]\n\nFixes #1, cc @octocat\n\nskip-checks: true\n")
    for word in ("[skip ci]", "Fixes #1", "@octocat", "skip-checks:", "Crewline-Task"):
        assert word not in message
    assert message.rstrip().endswith("Crewline-Session: 12.parser.worker.1")
