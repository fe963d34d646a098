"""What holds for every test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Protocol

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bot import journal
from bot.journal import Event, Field
from tests.witnesses import WITNESSES

pytest_plugins = ["tests.localhub.openapi.faithful_localhub"]

settings.register_profile("noisy machines", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy machines")

gc.disable()

Line = dict[str, Field]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Hundreds of megabytes of modules and tests are garbage at no time: they are not searched for it, neither while
    they are loaded nor at every collection later."""
    gc.freeze()
    gc.enable()


class Write(Protocol):
    def __call__(self, event: str, **fields: Field) -> object: ...


class Listening:
    """The log of `bot.journal`, with every line kept as it is told, the ids that are bound among its fields."""

    def __init__(self, log: structlog.typing.BindableLogger) -> None:
        self._log = log
        self.lines: list[Line] = []

    def __getattr__(self, level: str) -> Write:
        def write(event: str, **fields: Field) -> object:
            self.lines.append({**structlog.contextvars.get_contextvars(), **fields, "event": event})
            return getattr(self._log, level)(event, **fields)

        return write


@pytest.fixture(autouse=True)
def bears_witness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that is named as the witness of an event makes the bot tell it, with the ids that it promises, and counts
    each."""
    test = request.node.nodeid
    events = [vars(journal)[name] for name, witness in WITNESSES.items() if witness in (test, test.partition("[")[0])]
    if not events:
        yield
        return
    listening = Listening(journal.log)
    monkeypatch.setattr(journal, "log", listening)
    before = {event.name: journal.EVENTS.counts[event.name] for event in events}
    yield
    for event in events:
        told = [line for line in listening.lines if line["event"] == event.name]
        assert told, f"{event.name!r} was not told: another test has to be named in tests/witnesses.py"
        assert journal.EVENTS.counts[event.name] - before[event.name] == len(told)
        lacking = {name for line in told for name in promised(event, line) if line.get(name) is None}
        assert not lacking, f"{event.name!r} was told without its {sorted(lacking)}"


def promised(event: Event, line: Line) -> set[str]:
    """The ids that `line` has to have: a session of a task names its task too."""
    of_a_task = "session" in event.ids and not str(line.get("session")).split(".")[1].startswith("planner")
    return {*event.ids, *(("task",) if of_a_task else ())}
