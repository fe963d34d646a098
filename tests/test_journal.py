"""Every refusal, retry and give-up has one name, one line and one counter."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
import structlog

from bot import journal
from bot.demo.serving import configure_log
from bot.journal import EVENTS, SESSION_BROKE, Event, about, as_prometheus, tell
from tests.web.deliveries import Desk
from tests.witnesses import WITNESSES

BOT = Path(journal.__file__).parent
NOT_THE_BOT = ("localhub", "scripted", "demo")
SOURCES = {
    path.relative_to(BOT).as_posix(): path.read_text()
    for path in sorted(BOT.rglob("*.py"))
    if path.relative_to(BOT).parts[0] not in NOT_THE_BOT and path.name != "journal.py"
}
CONSTANTS = {name: value for name, value in vars(journal).items() if isinstance(value, Event)}


def test_nothing_warns_past_the_journal() -> None:
    past = [
        f"{name}: {line.strip()}"
        for name, text in SOURCES.items()
        for line in text.splitlines()
        if re.search(r"\blog(ger)?\.(warning|error|exception|critical)\(", line)
    ]
    assert past == [], "give it a name in bot/journal.py and tell it"


@pytest.mark.parametrize("constant", sorted(CONSTANTS))
def test_every_event_is_told_somewhere(constant: str) -> None:
    assert any(re.search(rf"\b(tell|announce)\(\s*{constant}\b", text) for text in SOURCES.values())


def test_every_event_is_told_by_a_test() -> None:
    assert WITNESSES.keys() == CONSTANTS.keys(), "name in tests/witnesses.py a test that makes the bot tell it"


@pytest.mark.parametrize("event", CONSTANTS.values(), ids=sorted(CONSTANTS))
def test_the_line_of_each_has_the_ids_that_are_bound_and_its_counter_moves(event: Event) -> None:
    ids = {"delivery": "72d3162e", "repository": "octo/shop", "objective": 12, "task": "one", "session": "12.one.1"}
    before = EVENTS.counts[event.name]
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        with about(
            delivery="72d3162e", repository="octo/shop", objective=12, task="one", session="12.one.1", request_id=None
        ):
            tell(event, error="x" * 10_000, request_id="ABCD:1")
        tell(event)
    [line, bare] = lines
    assert {name: line[name] for name in ids} == ids
    assert (line["event"], line["log_level"], line["request_id"]) == (event.name, event.level, "ABCD:1")
    assert len(line["error"]) < 600
    assert set(bare) == {"event", "log_level"}
    assert EVENTS.counts[event.name] == before + 2
    assert f'event="{event.label}",sort="{event.sort.value}"}} {before + 2}\n' in as_prometheus()


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "words"])
def test_a_traceback_in_the_log_says_where_and_tells_no_value(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(token: str) -> None:
        raise ValueError(f"a token of {len(token)} characters")

    token = "ghs_" + "0123456789" * 3
    usual = structlog.get_config()
    configure_log("info", as_json=as_json)
    try:
        try:
            fails("ghs_" + "0123456789" * 3)
        except ValueError:
            tell(SESSION_BROKE, traceback=True, session="12.one.1")
    finally:
        structlog.configure(**usual)
    said = capsys.readouterr().err
    assert SESSION_BROKE.name in said
    assert "in fails" in said
    assert "a token of 34 characters" in said
    assert token[:20] not in said


def test_no_two_counters_share_a_name() -> None:
    labels = [event.label for event in EVENTS.all.values()]
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch("[a-z0-9_]+", label) for label in labels)


async def test_the_counters_are_shown_on_this_machine_only() -> None:
    async with Desk().client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'crewline_events_total{event="webhook_refused",sort="refusal"} ' in answer.text
    assert "crewline_open_objectives 0\n" in answer.text
    async with Desk().client(peer="203.0.113.5") as client:
        assert (await client.get("/metrics")).status_code == httpx.codes.FORBIDDEN
