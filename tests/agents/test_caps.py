"""Programs that know no cap of tokens are ended when it is reached, in the middle of what they do."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agents.agent import Account, StepUsage, Usage
from bot.agents.codex import CodexAgent
from bot.model.budget import Caps
from bot.model.session import FailureKind
from bot.sessions.listen import Listener
from bot.sessions.notebook import Notebook
from bot.sessions.process import run_guarded
from bot.sessions.reckoning import Reckoning
from bot.sessions.transcript import Transcript
from bot.sessions.watch import Watch
from tests.agents.model.script import Reply, Run, Stall
from tests.agents.model.server import serve
from tests.agents.programs.play import Desk
from tests.agents.programs.record import AGENTS

Installed = Callable[[str], Path]


TOKENS = Caps(tokens=200)
MONEY = Caps(usd=0.0005)


@pytest.mark.parametrize(
    ("name", "caps", "said"),
    [
        *((name, TOKENS, "tokens of 200 tokens") for name in ("claude", "codex", "gemini", "opencode", "kimi")),
        *((name, MONEY, "$0.00 of $0.00") for name in ("codex", "gemini")),
    ],
)
async def test_a_cap_ends_a_program_between_two_answers(
    name: str, caps: Caps, said: str, tmp_path: Path, installed: Installed
) -> None:
    """Each answer costs 120 tokens (Claude Code tells 101 at first), which are 0.028 cents of codex's model and 0.033
    of gemini's; and the third never comes. Which model they ask, the programs say themselves."""
    agent, variable, model_name, path = AGENTS[name]
    desk = Desk(tmp_path, installed(name))
    desk.set_up()
    replies: list[Reply] = [Run("echo one"), Run("echo two"), Stall()]
    async with serve(lambda ask: replies.pop(0) if len(replies) > 1 else replies[0]) as model:
        invocation = desk.invocation("Go on for ever.", model_name, model.url + path)
        argv, environment = desk.lay_out(agent, invocation, {variable: "sk-scripted-0123456789"})
        with Transcript(tmp_path / "transcript.jsonl", (), lambda: datetime.now(UTC)) as transcript:
            notebook = Notebook(invocation.home, agent.notebook)
            reckoning = Reckoning(agent, None, lambda: datetime.now(UTC))
            listener = Listener(agent, transcript, lambda text: None, lambda: watch.progressed(), notebook, reckoning)
            watch = Watch(
                caps,
                lambda seconds, commits: listener.account.spend(seconds),
                lambda: None,
                stall=None,
                warn=lambda words: None,
                say=lambda text: None,
                look=listener.look,
                asks_again=lambda: listener.account.asks_again,
                keeps=agent.keeps,
            )
            async with watch:
                await run_guarded(
                    argv,
                    folder=desk.tree,
                    environment=environment,
                    seconds=120,
                    on_output=listener,
                    enough=watch.over,
                    grace=1.0,
                )
            listener.finish()
    assert watch.found is not None
    assert watch.found.reason is FailureKind.BUDGET
    assert said in watch.found.text
    assert len(model.asked) <= 3


def test_of_a_notebook_only_what_is_new_is_read_and_no_link_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "notes" / "a"
    folder.mkdir(parents=True)
    file = folder / "book-1.jsonl"
    file.write_text("old\n")
    book = Notebook(tmp_path, "notes/*/book-*.jsonl")
    with file.open("a") as more:
        more.write("new\nhal")
        more.flush()
        assert list(book.new_lines()) == [b"new"]
        more.write("f\n")
    (folder / "book-2.jsonl").symlink_to(file)
    os.mkfifo(folder / "book-3.jsonl")
    (tmp_path / "notes" / "b").symlink_to(folder)
    assert list(book.new_lines()) == [b"half"]
    assert list(book.new_lines()) == []
    assert list(Notebook(tmp_path, None).new_lines()) == []


def test_a_look_into_a_notebook_is_bounded_over_all_files_and_each_gets_its_turn(tmp_path: Path) -> None:
    book = Notebook(tmp_path, "*.jsonl")
    line = b"x" * 999 + b"\n"
    for number in range(5):
        (tmp_path / f"{number}.jsonl").write_bytes(line * 2000)
    for _ in range(10):
        lines = list(book.new_lines())
        assert 0 < len(lines) <= 1000
    assert list(book._read.values()) == [2_000_000] * 5
    assert list(book.new_lines()) == []
    assert not book.behind


def test_small_lines_are_bounded_in_number_and_one_too_long_is_left_out(tmp_path: Path) -> None:
    book = Notebook(tmp_path, "*.jsonl")
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n" * 7000)
    assert [len(list(book.new_lines())) for _ in range(3)] == [5000, 2000, 0]
    with file.open("ab") as more:
        more.write(b"x" * 1_000_000 + b"\nnext\n")
    assert list(book.new_lines()) == []
    assert book.behind
    assert list(book.new_lines()) == [b"", b"next"]


def test_a_notebook_without_end_is_put_away_and_that_is_said_once(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with Transcript(tmp_path / "transcript.jsonl", (), lambda: datetime.now(UTC)) as transcript:
        notebook = Notebook(tmp_path, "a.jsonl")
        listener = Listener(CodexAgent(), transcript, lambda text: None, notebook=notebook)
        file.write_bytes((b"x" * 9_999 + b"\n") * 4000)
        for _ in range(50):
            listener.look()
        listener.finish()
    told = [line for line in (tmp_path / "transcript.jsonl").read_text().splitlines() if "skipped" in line]
    assert len(told) == 1
    assert "more than 32000000 bytes" in told[0]


def test_the_cost_of_steps_is_a_sum_in_which_a_later_word_replaces_the_earlier() -> None:
    account = Account()
    for tokens in (5, 10):
        account.add(StepUsage(step="a", input_tokens=tokens, output_tokens=1, usd=tokens / 10))
    for number in range(5000):
        account.add(StepUsage(step=str(number), input_tokens=1, output_tokens=1))
    spend = account.spend(0)
    assert (spend.input_tokens, spend.output_tokens) == (5010, 5001)
    assert (spend.usd, spend.reckoned_usd, spend.money) == (None, 1.0, 1.0)
    account.add(Usage(usd=0.5))
    assert account.spend(0).money == 0.5, "what a program tells itself counts, and nothing twice"
    assert len(account._steps._recent) == 1000
