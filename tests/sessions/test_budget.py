"""A session within its budget: warned at four fifths, ended at the whole, and ended where it does not get on."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from bot.model.budget import Caps, Metric
from bot.model.session import Failed, FailureKind, Published, Spend
from bot.sessions.watch import Watch
from tests.sessions.conftest import World
from tests.sessions.test_follow_ups import Claude, claude

__all__ = ["claude"]

AT_WORK = """
for number in range(1000):
    line(type="assistant", message={"content": [{"type": "tool_use", "name": "Bash", "input": {}}]})
    line(type="user", message={"content": [{"type": "tool_result", "content": "ok"}]})
    notice = pathlib.Path(os.environ["CREWLINE_NOTICE_FILE"])
    while number >= 4 and not notice.exists():
        pass
    if number == 4:
        write("src/a.py", notice.read_text()); commit()
time.sleep(600)
"""


async def test_an_agent_is_warned_ended_at_its_budget_and_what_it_committed_is_kept(
    world: World, claude: Claude
) -> None:
    claude.does(AT_WORK)
    outcome = await world.run(claude.worker(turns=6))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.BUDGET
    assert "its budget is spent: " in outcome.detail
    assert "of 6 turns" in outcome.detail
    assert outcome.salvage is not None
    assert outcome.salvage.head is not None
    assert "5 turns of 6 turns are used" in (await world.show(outcome.salvage.head, "src/a.py") or "")


async def test_an_agent_that_says_nothing_is_ended_as_stalled(world: World) -> None:
    world.agent('write("src/a.py", "a"); commit()\ntime.sleep(600)')
    outcome = await world.run(world.worker(stall_seconds=1))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.STALLED
    assert "it was silent and it committed nothing" in outcome.detail
    assert outcome.salvage is not None


async def test_bytes_that_say_nothing_are_no_progress(world: World) -> None:
    world.agent("while True:\n    print('.', end='', flush=True); time.sleep(0.01)")
    outcome = await world.run(world.worker(stall_seconds=1))
    assert isinstance(outcome, Failed)
    assert "its output said nothing" in outcome.detail


async def test_who_comes_to_its_end_by_itself_is_not_refused_for_what_that_cost(world: World, claude: Claude) -> None:
    claude.does('write("src/a.py", "a"); commit()\ndone(cost=7)')
    report = await world.runner.run(claude.worker(usd=5))
    assert isinstance(report.outcome, Published)
    assert report.spend.usd == 7


async def test_a_program_that_keeps_its_cap_by_itself_says_so(world: World, claude: Claude) -> None:
    claude.does(
        'assert sys.argv[sys.argv.index("--max-budget-usd") + 1] == "5.0000"\n'
        'line(type="result", subtype="error_max_budget_usd", is_error=True, total_cost_usd=5.1)\nsys.exit(1)'
    )
    outcome = await world.run(claude.worker(usd=5))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.BUDGET


async def test_more_commits_than_allowed_are_refused_and_joined(world: World, claude: Claude) -> None:
    claude.does(
        "if turn == 1:\n    for n in range(5): write(f'src/{n}.py', 'a'); commit()\n"
        "else:\n    git('reset', '-q', '--soft', 'HEAD~5'); commit()\ndone()"
    )
    outcome = await world.run(claude.worker(commits=4))
    assert isinstance(outcome, Published)
    assert "There are 5 commits; at most 4 are allowed." in claude.prompts(claude.worker())[1]


async def test_the_first_prompt_is_known_by_its_hash(world: World) -> None:
    world.agent("")
    report = await world.runner.run(world.worker())
    prompt = next(event["text"] for event in world.transcript(world.worker()) if event["kind"] == "prompt")
    assert report.prompt == sha256(prompt.encode()).hexdigest()


class Told:
    """A watch over an agent of which a test says what it does."""

    def __init__(self, caps: Caps, stall: float | None = None) -> None:
        self.spend = Spend()
        self.warnings: list[str] = []
        self.asks_again = False
        self.watch = Watch(
            caps,
            lambda seconds, commits: self.spend,
            lambda: None,
            stall=stall,
            warn=self.warnings.append,
            say=lambda text: None,
            asks_again=lambda: self.asks_again,
            keeps=(Metric.TURNS,),
        )

    async def until_it_ends(self) -> None:
        async with asyncio.timeout(30), self.watch:
            await self.watch.over


async def test_each_budget_is_warned_of_once_and_ends_the_turn_when_it_is_spent() -> None:
    told = Told(Caps(usd=5, tokens=1000), stall=3600)
    told.spend = Spend(usd=4.0, input_tokens=10)
    told.watch.progressed()
    told.watch.progressed()
    assert told.warnings == ["$4 of $5"]
    assert not told.watch.over.done()
    told.spend = Spend(usd=4.5, input_tokens=1000)
    await told.until_it_ends()
    assert told.watch.found is not None
    assert told.watch.found.text == "was ended, since its budget is spent: 1k tokens of 1k tokens"


async def test_what_is_spent_when_the_model_would_be_asked_again_ends_the_turn_at_once() -> None:
    told = Told(Caps(tokens=1000, turns=2))
    told.spend, told.asks_again = Spend(input_tokens=900, turns=2), True
    told.watch.progressed()
    assert not told.watch.over.done()  # the program keeps the cap of turns by itself
    told.spend, told.asks_again = Spend(input_tokens=1000), False
    told.watch.progressed()
    assert not told.watch.over.done()  # it may have been its last word
    told.asks_again = True
    told.watch.progressed()
    assert told.watch.over.done()


async def test_who_is_ended_has_a_moment_to_commit(world: World) -> None:
    world.agent(
        "def commits(*_):\n    write('src/late.py', 'late'); commit(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, commits)\nwhile True: time.sleep(600)"
    )
    outcome = await world.run(world.worker(stall_seconds=1))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.STALLED
    assert outcome.salvage is not None
    assert outcome.salvage.head is not None
    assert await world.show(outcome.salvage.head, "src/late.py") == "late"
