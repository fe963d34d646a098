"""An agent that asked people something goes on with its conversation, with the answer as its next turn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from bot.agents.prices import list_price
from bot.journal import CONVERSATION_LOST
from bot.model.assignment import Assignment, Setback, WorkerBriefing
from bot.model.hooks import Hooks
from bot.model.identity import SessionId
from bot.model.session import Blocked, FailureKind, Published, SessionReport
from bot.model.worktree import Shape
from bot.sessions import kept
from bot.sessions.heard import heard_spend
from bot.sessions.run import SessionRunner
from bot.sessions.transcripts import transcript_path
from tests.sessions.conftest import PRELUDE, SHOP, TASK, World
from tests.sessions.test_kept import runner_of
from tests.sessions.test_runner import numbered

HINT = "You asked: Which currency?\n\n@alice answered: Euro."
REMEMBERS = """
memory = pathlib.Path(os.environ["HOME"]) / "memory.json"
resumes = "resume" in sys.argv or "--resume" in sys.argv
if resumes and not memory.exists():
    sys.exit("No conversation found with session ID: the-conversation")
said = [*(json.loads(memory.read_text()) if resumes else []), prompt]
memory.write_text(json.dumps(said))
write(os.path.join(os.environ["HOME"], "private", "note"), "mine")
def line(**values):
    print(json.dumps(values), flush=True)
def ended(status, **more):
    return "\\n".join(["---SESSION_SUMMARY---", f"status: {status}", f"summary: after {len(said)}",
        *(f"{key}: {json.dumps(value)}" for key, value in more.items()), "---END_SESSION_SUMMARY---"])
"""
CLAUDE = """
def done(status="completed", cost=0.5, **more):
    line(type="assistant", message={"content": [{"type": "text", "text": f"I remember {said}."}]})
    line(type="result", subtype="success", result=ended(status, **more), total_cost_usd=cost,
        usage={"input_tokens": 10, "output_tokens": 1})
line(type="system", subtype="init", session_id="the-conversation")
"""
CODEX = """
def done(status="completed", **more):
    line(type="item.completed", item={"type": "agent_message", "text": ended(status, **more)})
    book = pathlib.Path(os.environ["CODEX_HOME"], "sessions/2026/11/29/rollout-1.jsonl")
    book.parent.mkdir(parents=True, exist_ok=True)
    used = {"thread_id": "the-conversation", "usage": {"input_tokens": 100, "output_tokens": 10}}
    with book.open("a") as file:
        print(json.dumps({"ordinal": 2 * len(said), "type": "turn_context", "payload": {"model": "gpt-5"}}), file=file)
        print(json.dumps({"ordinal": 2 * len(said) + 1, "type": "token_usage_record", "payload": used}), file=file)
    line(type="turn.completed", usage={"input_tokens": 100 * len(said), "output_tokens": 10 * len(said)})
line(type="thread.started", thread_id="the-conversation")
"""
ASKS = 'write("src/half.py", "x = 1"); commit(); write("src/loose.py", "y")\ndone("blocked", follow_up_notes="Which currency?")\n'  # noqa: E501
WORKS = 'write("src/whole.py", f"{sorted(os.listdir(\'src\'))}"); commit(); done()\n'
TURNS = f"if len(said) == 1:\n    {ASKS.replace(chr(10), chr(10) + '    ')}\nelse:\n    {WORKS}"

Change = Callable[[Assignment], Assignment]


class Programs:
    """`claude` and `codex` as far as a session sees them, which remember in their home what they were told."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self.does(TURNS)

    def does(self, program: str) -> None:
        for name, speaks in (("claude", CLAUDE), ("codex", CODEX)):
            file = self._folder / name
            file.write_text(f"#!{sys.executable} -I\n{PRELUDE}{REMEMBERS}{speaks}{program}")
            file.chmod(0o755)

    def asking(self, agent: str = "claude", **changes: int | float) -> Assignment:
        return self._world.worker(agent=agent, **changes)


@pytest.fixture
def programs(world: World, programs_folder: Path) -> Programs:
    return Programs(world, programs_folder)


def briefed(assignment: Assignment, **changes: object) -> Assignment:
    assert isinstance(assignment.briefing, WorkerBriefing)
    return assignment.model_copy(update={"briefing": assignment.briefing.model_copy(update=changes)})


def answering(former: Assignment, report: SessionReport) -> Assignment:
    """What `bot.decide` makes of it once people have answered."""
    assert isinstance(report.outcome, Blocked), report.outcome
    number = int(former.id.rsplit(".", 1)[1]) + 1
    left = report.outcome.salvage.head if report.outcome.salvage else former.continues
    again = numbered(former, number).model_copy(update={"continues": left})
    return briefed(again, hint=HINT, answers=former.id, attempt=number)


def prompts(world: World, assignment: Assignment) -> list[str]:
    return [line["text"] for line in world.transcript(assignment) if line["kind"] == "prompt"]


def notes(world: World, assignment: Assignment) -> list[str]:
    return [line["text"] for line in world.transcript(assignment) if line["kind"] == "conversation"]


async def asked_and_answered(world: World, runner: SessionRunner, asks: Assignment, change: Change) -> Assignment:
    """The second session, which has ended well."""
    again = change(answering(asks, await runner.run(asks)))
    report = await runner.run(again)
    assert isinstance(report.outcome, Published), report.outcome
    assert "half.py" in (await world.show(report.outcome.head, "src/whole.py") or ""), "its commits are there"
    return again


async def test_the_answer_is_the_next_turn_of_the_same_conversation_at_the_same_place(
    world: World, programs: Programs
) -> None:
    async with runner_of(world) as runner:
        asks = programs.asking()
        first = await runner.run(asks)
        [folder] = world.data.glob("work/*/*/*")
        assert sorted(path.name for path in folder.iterdir()) == ["home", "index", "tree"]
        again = answering(asks, first)
        report = await runner.run(again)
        assert isinstance(report.outcome, Published), report.outcome
        assert report.outcome.summary is not None
        assert report.outcome.summary.summary == "after 2", "it knew both"
        assert await world.show(report.outcome.head, "src/whole.py") == "['half.py', 'shop.py']", "what it committed"
        [told] = prompts(world, again)
        assert HINT in told
        assert "Add parse_line." not in told
        assert await world.mirror.missing_from(report.outcome.head, [again.continues or report.outcome.head]) == ()
        assert report.prompt == sha256(told.encode()).hexdigest()
        assert notes(world, again) == [f"it goes on with that of session {asks.id}"]
        assert not folder.exists(), "nothing is kept of one that has published"


async def test_who_asks_twice_is_answered_twice(world: World, programs: Programs) -> None:
    async with runner_of(world) as runner:
        programs.does(
            'done("blocked", follow_up_notes="Why?") if len(said) < 3 else exec(WORK)'.replace("WORK", repr(WORKS))
        )
        asks = programs.asking()
        second = answering(asks, await runner.run(asks))
        third = answering(second, await runner.run(second))
        report = await runner.run(third)
        assert isinstance(report.outcome, Published), report.outcome
        assert report.outcome.summary is not None
        assert report.outcome.summary.summary == "after 3"
        assert notes(world, third) == [f"it goes on with that of session {second.id}"]


async def test_the_newest_base_is_in_its_tree(world: World, programs: Programs) -> None:
    def moves(again: Assignment) -> Assignment:
        world.remote.commit({"src/others.py": "z = 1\n"})
        return again

    async with runner_of(world) as runner:
        again = await asked_and_answered(world, runner, programs.asking(), moves)
        assert notes(world, again) == ["it goes on with that of session 12.parser.worker.1"]


def rules(again: Assignment, world: World) -> Assignment:
    world.remote.commit({".github/crewline/system.md": "Write British English."})
    return again


def conflict(again: Assignment, world: World) -> Assignment:
    world.remote.commit({"src/half.py": "x = 2\n"})
    return again


def pushed(again: Assignment, world: World) -> Assignment:
    """Somebody pushed to the branch: what was left behind is not continued."""
    head = world.remote.commit({"src/half.py": "x = 3\n"})
    return again.model_copy(update={"continues": None, "starts_from": head})


def wider(again: Assignment, world: World) -> Assignment:
    return again.model_copy(update={"scope": (*again.scope, "docs/**")})


def criteria(again: Assignment, world: World) -> Assignment:
    return briefed(again, task=TASK.model_copy(update={"criteria": ("It parses euros.",)}))


def link(again: Assignment, world: World) -> Assignment:
    [folder] = world.data.glob("work/*/*/*")
    (folder / "home").rename(world.folder / "elsewhere")
    (folder / "home").symlink_to(world.folder / "elsewhere")
    return again


CHANGED: dict[str, Callable[[Assignment, World], Assignment]] = {
    "no answer": lambda again, world: briefed(again, hint=None, answers=None),
    "an answer to another": lambda again, world: briefed(again, answers=SessionId("12.parser.worker.9")),
    "another model": lambda again, world: again.model_copy(update={"model": "opus"}),
    "another agent": lambda again, world: again.model_copy(update={"agent": "codex"}),
    "wider paths": wider,
    "other criteria": criteria,
    "other protected paths": lambda again, world: again.model_copy(update={"protected": ("src/secret.py",)}),
    "a setback": lambda again, world: briefed(again, setback=Setback(reason=FailureKind.CHECKS, detail="lint")),
    "other rules": rules,
    "a conflict": conflict,
    "a push": pushed,
    "a link for a home": link,
}


@pytest.mark.parametrize("change", CHANGED)
async def test_what_would_be_told_anew_is_told_anew_and_the_home_is_a_new_one(
    world: World, programs: Programs, change: str
) -> None:
    asks = programs.asking()
    async with runner_of(world) as runner:
        again = CHANGED[change](answering(asks, await runner.run(asks)), world)
        programs.does('assert not resumes\nwrite("src/half.py", "x = 4"); commit(); done()')
        report = await runner.run(again)
        assert isinstance(report.outcome, Published), report.outcome
        assert report.outcome.summary is not None
        assert report.outcome.summary.summary == "after 1", "it knew of nothing"
        [told] = prompts(world, again)
        assert "Add parse_line." in told
        assert ("Euro." in told) == (change != "no answer")
        assert [note for note in notes(world, again) if note.startswith("a new one begins")] or change == "no answer"


UNKEPT: dict[str, Change] = {
    "a hook that cleans up": lambda asks: asks.model_copy(update={"hooks": Hooks(before_remove="true")}),
    "large files": lambda asks: asks.model_copy(update={"worktree": Shape(lfs=True)}),
    "submodules": lambda asks: asks.model_copy(update={"worktree": Shape(submodules=True)}),
    "no trees": lambda asks: asks,
}


@pytest.mark.parametrize("how", UNKEPT)
async def test_where_no_tree_is_kept_nothing_goes_on(world: World, programs: Programs, how: str) -> None:
    programs.does('assert not resumes\ndone("blocked", follow_up_notes="Which currency?")')
    async with runner_of(world, 0 if how == "no trees" else 2) as runner:
        asks = UNKEPT[how](programs.asking())
        again = answering(asks, await runner.run(asks))
        assert not list(world.data.glob("work/*/*/*"))
        assert isinstance((await runner.run(again)).outcome, Blocked)
        assert HINT in prompts(world, again)[0]


LEFT = {
    "what the gate refuses": 'write("README.md", "mine"); commit()\n',
    "commits that come to nothing": 'write("src/a.py", "a"); commit(); git("revert", "--no-edit", "HEAD")\n',
}


@pytest.mark.parametrize("left", LEFT)
async def test_a_tree_whose_commits_cannot_be_had_again_is_not_gone_on_in(
    world: World, programs: Programs, left: str
) -> None:
    programs.does(LEFT[left] + 'done("blocked", follow_up_notes="Which currency?")')
    async with runner_of(world) as runner:
        assert isinstance((await runner.run(programs.asking())).outcome, Blocked)
        assert not list(world.data.glob("work/*/*/*"))


async def test_a_restart_begins_anew(world: World, programs: Programs) -> None:
    async with runner_of(world) as runner:
        asks = programs.asking()
        again = answering(asks, await runner.run(asks))
    async with SessionRunner(world.data, world._mirror, world.roster, ready_trees=2) as runner:
        programs.does("assert not resumes\n" + WORKS)
        assert isinstance((await runner.run(again)).outcome, Published)
        [note] = notes(world, again)
        assert "that of session 12.parser.worker.1 was not kept" in note


@pytest.mark.parametrize("ends", [None, "The disk is full."])
async def test_it_is_kept_for_so_long_and_not_on_a_disk_in_trouble(
    world: World, programs: Programs, monkeypatch: pytest.MonkeyPatch, ends: str | None
) -> None:
    async with runner_of(world) as runner:
        looked: list[bool] = []

        async def trouble() -> str | None:
            looked.append(tree.folder.exists())
            return ends if len(looked) == 3 else None

        asks = programs.asking()
        again = answering(asks, await runner.run(asks))
        [(key, tree)] = runner.kept._kept.items()
        tree.going.cancel()
        monkeypatch.setattr(kept, "IDLE", 0.01)
        monkeypatch.setattr(runner.kept, "_trouble", trouble)
        await runner.kept._let_go(key, 60 if ends else 0.025)
        assert looked == [True, True, True], "longer than one whose agent waits for nobody"
        assert not tree.folder.exists()
        programs.does("assert not resumes\n" + WORKS)
        assert isinstance((await runner.run(again)).outcome, Published)


async def test_a_program_that_cannot_go_on_leaves_no_home(world: World) -> None:
    world.agent('summary(status="blocked", summary="Why?")')
    async with runner_of(world) as runner:
        await runner.run(world.worker())
        assert not list(world.data.glob("work/*/*/*"))


@pytest.mark.parametrize("agent", ["claude", "codex"])
async def test_a_program_that_has_forgotten_is_told_all_of_it_in_the_same_session(
    world: World, programs: Programs, agent: str
) -> None:
    async with runner_of(world) as runner:
        programs.does(ASKS + "memory.unlink()\n")
        asks = programs.asking(agent, follow_ups=1)
        again = answering(asks, await runner.run(asks))
        programs.does('write("src/whole.py", "x"); commit() if resumes else None; done()\n')
        with structlog.testing.capture_logs() as lines:
            report = await runner.run(again)
        assert isinstance(report.outcome, Published), report.outcome
        assert report.outcome.summary is not None
        assert report.outcome.summary.summary == "after 2", "a follow-up turn goes on with the new one"
        short, whole, follow_up = prompts(world, again)
        assert HINT in short
        assert HINT in whole
        assert "Add parse_line." in whole
        assert "Commit what belongs" in follow_up or "Do what is missing" in follow_up
        [line] = [line for line in lines if line["event"] == CONVERSATION_LOST.name]
        assert "No conversation found" in line["reason"]
        assert line["session"] == again.id
        tokens = {"claude": (20, 2), "codex": (200, 20)}[agent]
        assert (report.spend.input_tokens, report.spend.output_tokens) == tokens


async def test_one_that_has_failed_after_it_had_gone_on_is_not_told_twice(world: World, programs: Programs) -> None:
    async with runner_of(world) as runner:
        asks = programs.asking()
        again = answering(asks, await runner.run(asks))
        programs.does('line(type="assistant", message={"content": [{"type": "text", "text": "Hm."}]}); sys.exit(3)')
        outcome = (await runner.run(again)).outcome
        assert outcome.kind == "failed"
        assert len(prompts(world, again)) == 1


async def test_what_the_conversation_had_cost_before_is_counted_once(world: World, programs: Programs) -> None:
    async with runner_of(world) as runner:
        programs.does(
            'if len(said) < 3: done("blocked", follow_up_notes="Why?")\n'
            'else: write("src/whole.py", "x") if len(said) == 3 else commit(); done()\n'
        )
        asks = programs.asking("codex", follow_ups=1, tokens=250)
        first = await runner.run(asks)
        second = answering(asks, first)
        between = await runner.run(second)
        third = answering(second, between)
        last = await runner.run(third)
        assert isinstance(last.outcome, Published), last.outcome
        spends = [(report.spend.input_tokens, report.spend.output_tokens) for report in (first, between, last)]
        assert spends == [(100, 10), (100, 10), (200, 20)]
        answer = list_price("gpt-5", 100, 0, 10, datetime.now(UTC))
        assert answer is not None
        assert [report.spend.reckoned_usd for report in (first, between, last)] == [answer, answer, 2 * answer]
        heard = heard_spend(transcript_path(world.data, SHOP, third.id), 1)
        assert (heard.input_tokens, heard.output_tokens, heard.turns) == (200, 20, 2)
        assert heard.reckoned_usd == 2 * answer


async def test_caps_are_those_of_the_session_alone(world: World, programs: Programs) -> None:
    async with runner_of(world) as runner:
        programs.does('assert sys.argv[sys.argv.index("--max-turns") + 1] == "3"\n' + TURNS)
        asks = programs.asking(usd=0.6, turns=3)
        again = await asked_and_answered(world, runner, asks, lambda again: again)
        assert "You have for this: $0.60, 3 turns" in prompts(world, again)[0]


async def test_a_repository_words_it_in_its_own_way(world: World, programs: Programs) -> None:
    world.remote.commit({".github/crewline/answer.md": "{{ briefing.hint }} Go on at {{ head }}."})
    async with runner_of(world) as runner:
        again = await asked_and_answered(world, runner, programs.asking(), lambda again: again)
        assert prompts(world, again) == [f"{HINT} Go on at {again.continues}."]
