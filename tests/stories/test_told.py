"""What goes wrong is told in the log with the ids of what it belongs to, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from bot import journal
from bot.journal import EVENTS, Event
from bot.localhub.model.settings import BadGateway
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import Stage, stage
from tests.stories.test_floods import deliver

Line = dict[str, object]


class Lines:
    """What the bot told while the block ran."""

    def __init__(self) -> None:
        self.all: list[Line] = []

    def of(self, event: Event) -> list[Line]:
        return [line for line in self.all if line["event"] == event.name]


@contextmanager
def told() -> Iterator[Lines]:
    lines = Lines()

    def keep(logger: object, method: str, event: structlog.typing.EventDict) -> str:
        lines.all.append(dict(event))
        return ""

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        yield lines
    finally:
        structlog.configure(processors=before)


def bad_gateway(story: Stage) -> None:
    story.hub.faults.bad_gateways.append(BadGateway("POST /repos/.*/pulls$"))


def expired_token(story: Stage) -> None:
    story.hub.faults.expired_tokens = 1


TROUBLES: dict[str, tuple[Callable[[Stage], None], Event, set[str]]] = {
    "502": (bad_gateway, journal.REQUEST_REFUSED, {"repository", "objective", "delivery", "kind", "request_id"}),
    "a look": (bad_gateway, journal.LOOK_FAILED, {"repository", "objective", "error", "pause", "request_id"}),
    "a token": (expired_token, journal.TOKEN_RENEWED, {"kind", "request_id"}),
}
"""What goes wrong, the line that tells it, and what that line says at least."""


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_with_github_is_told_with_its_ids_and_counted(tmp_path: Path, trouble: str) -> None:
    cause, event, fields = TROUBLES[trouble]
    before = EVENTS.counts[event.name]
    async with stage(tmp_path, playbook(task("one")), settle_seconds=0.1) as story:
        with told() as lines:
            cause(story)
            await story.closed(story.hand_off())
    found = lines.of(event)
    assert found
    assert EVENTS.counts[event.name] == before + len(found)
    assert all(fields - {"delivery"} <= line.keys() for line in found)


async def test_a_webhook_can_be_followed_to_what_it_led_to(tmp_path: Path) -> None:
    """From GitHub's delivery log, by the GUID, to the request that was refused because of it."""
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        with told() as lines:
            story.hub.faults.bad_gateways.append(BadGateway("POST /repos/.*/reactions"))
            await story.carried_out(story.say("/status", on=objective))
        [guid] = [
            one.guid
            for one in story.hub.deliveries
            if one.event == "issue_comment" and b'"body":"/status"' in one.payload
        ]
        story.sign("go")
        await story.closed(objective)
        await story.bot_says(objective)
    refused = lines.of(journal.REQUEST_REFUSED)
    assert [line["delivery"] for line in refused] == [guid]
    assert (refused[0]["objective"], refused[0]["repository"]) == (objective.number, "alice/shop")


async def test_a_look_that_fails_is_told_with_its_webhook_and_its_request(tmp_path: Path) -> None:
    held = playbook(task("one"), one__worker=[waits_for("go")])
    async with stage(tmp_path, held, settle_seconds=0.1) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.at_rest()
        with told() as lines:
            story.hub.faults.bad_gateways.append(BadGateway("POST /repos/.*/comments$"))
            command = story.say("/status", on=objective)
            await story.carried_out(command)
            await story.bot_says(objective)
        [guid] = [
            one.guid
            for one in story.hub.deliveries
            if one.event == "issue_comment" and b'"body":"/status"' in one.payload
        ]
        story.sign("go")
        await story.closed(objective)
    refused, failed = lines.of(journal.REQUEST_REFUSED), lines.of(journal.LOOK_FAILED)
    assert len(refused) == len(failed) == 1
    assert [line["delivery"] for line in (*refused, *failed)] == [guid, guid]
    assert failed[0]["request_id"] == refused[0]["request_id"]


async def test_a_limit_is_told_with_the_objective_that_waits(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.carried_out(story.say("/status", on=objective))  # and all that came before it is said
        await story.bot_says(objective)
        with told() as lines:
            story.hub.faults.secondary_limit_retry_after = 1
            story.hub.faults.secondary_limit_hits = 1
            await story.carried_out(story.say("/status", on=objective))
        story.sign("go")
        await story.closed(objective)
        await story.bot_says(objective)
    [line] = lines.of(journal.LIMIT_REACHED)
    assert (line["repository"], line["objective"]) == ("alice/shop", objective.number)
    assert {"delivery", "until", "resource", "kind", "request_id"} <= line.keys()


async def test_a_webhook_that_nobody_signed_is_told_with_its_guid(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        with told() as lines:
            assert await deliver(story, "issues", [b"{}"], secret="guessed") == {401}
            assert await deliver(story, "issues", [b"{"]) == {400}
    refused = lines.of(journal.WEBHOOK_REFUSED)
    assert [(line["status"], line["delivery"]) for line in refused] == [(401, "a-guid"), (400, "a-guid")]


async def test_bad_settings_are_told_with_the_repository(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        with told() as lines:
            await story.push(".github/crewline.yml", "verify:\n  comand: make\n")
            objective = story.hand_off()
            await story.closed(objective)
    [line] = lines.of(journal.BAD_CONFIGURATION)
    assert line["repository"] == "alice/shop"
    assert "comand" in str(line["problem"])
