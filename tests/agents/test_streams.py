"""Recorded streams of the real programs, read without them. `tests/agents/programs/record.py` makes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.agents.agent import AGENT_EVENT, Account, AgentError
from bot.agents.summary import find_summary
from bot.model.session import Summary, Trouble
from tests.agents.programs.record import AGENTS, STREAMS, read

RECORDED = sorted(STREAMS.glob("*.out"))


def name_and_case(path: Path) -> tuple[str, str]:
    name, case, _ = path.name.split(".")
    return name, case


def account_of(path: Path) -> Account:
    account = Account()
    for line in path.with_suffix(".events").read_text().splitlines():
        account.add(AGENT_EVENT.validate_json(line))
    return account


def test_every_program_is_recorded() -> None:
    assert {name_and_case(path) for path in RECORDED} == {
        (name, case) for name in AGENTS for case in ("work", "refused")
    }


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_stream_reads_as_it_did(path: Path) -> None:
    name, _ = name_and_case(path)
    events = path.with_suffix(".events").read_text()
    now = read(AGENTS[name][0], path.read_bytes())
    assert now
    assert events.startswith(now)  # what follows is what the exit and files said, which are not recorded


@pytest.mark.parametrize("name", AGENTS)
def test_recorded_work_ends_with_a_summary(name: str) -> None:
    account = account_of(STREAMS / f"{name}.work.out")
    assert account.error is None
    summary = find_summary(account.text)
    assert isinstance(summary, Summary)
    assert summary.status == "completed"


@pytest.mark.parametrize("name", AGENTS)
def test_a_recorded_refusal_is_the_providers_trouble(name: str) -> None:
    error = account_of(STREAMS / f"{name}.refused.out").error
    assert isinstance(error, AgentError)
    assert error.trouble is Trouble.NOT_LOGGED_IN


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize(
    "line", [b"", b"not json", b"{}", b"[1]", b'{"type": 5}', b'{"type":"new thing"}', b"\xff\xfe", b'{"role":1}']
)
def test_an_unknown_line_is_kept_and_never_fatal(name: str, line: bytes) -> None:
    for event in AGENTS[name][0].events(line):
        assert event.kind == "raw"
