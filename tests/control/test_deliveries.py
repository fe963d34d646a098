"""Which of the webhooks that failed are delivered again, and that it comes to an end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.control.deliveries import MOST_AT_ONCE, MOST_TIMES, Asked, Fate, Redeliveries, fate
from bot.github.deliveries import Delivery, DeliveryLog, Listed
from bot.github.errors import GitHubError, NotThere, Refused, Unavailable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def delivery(
    number: int = 1, guid: str = "one", code: int = 502, event: str = "issues", again: bool = False
) -> Delivery:
    status = "OK" if code == 200 else "failed to connect to host"
    return Delivery(
        id=number,
        guid=guid,
        event=event,
        delivered_at=NOON + timedelta(seconds=number),
        redelivery=again,
        status=status,
        status_code=code,
    )


@pytest.mark.parametrize("code", [0, 401, 404, 408, 413, 500, 502])
def test_what_failed_is_tried_again(code: int) -> None:
    assert fate([delivery(code=code)], arrived=False, asked=None) is Fate.MISSED


def test_what_arrived_in_the_end_is_not() -> None:
    assert fate([delivery()], arrived=True, asked=None) is Fate.ARRIVED


def test_neither_is_an_event_that_nobody_handles() -> None:
    assert fate([delivery(event="watch")], arrived=False, asked=None) is Fate.OF_NO_USE
    assert fate([delivery(event="installation")], arrived=False, asked=None) is Fate.MISSED


def test_an_attempt_that_was_answered_is_waited_for() -> None:
    assert fate([delivery(7)], arrived=False, asked=Asked(1, attempt=7)) is Fate.UNDER_WAY
    assert fate([delivery(8, again=True), delivery(7)], arrived=False, asked=Asked(1, attempt=7)) is Fate.MISSED


@pytest.mark.parametrize("code", [400, 401, 413])
def test_what_our_own_endpoint_refuses_is_tried_once_by_each_process(code: int) -> None:
    refused = [delivery(8, code=code, again=True), delivery(7, code=code)]
    assert fate(refused, arrived=False, asked=None) is Fate.MISSED
    assert fate(refused, arrived=False, asked=Asked(1, attempt=7)) is Fate.GIVEN_UP


def test_a_new_process_counts_the_redeliveries_of_the_ones_before_it() -> None:
    attempts = [delivery(number, again=number > 1) for number in range(MOST_TIMES + 1, 0, -1)]
    assert fate(attempts[1:], arrived=False, asked=None) is Fate.MISSED
    assert fate(attempts, arrived=False, asked=None) is Fate.GIVEN_UP


@dataclass
class Log(DeliveryLog):
    """A GitHub that delivers as `codes` says, event by event; each new attempt shows in the next round."""

    codes: dict[str, list[int]]
    entries: list[Delivery] = field(default_factory=list)
    coming: list[Delivery] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    error: GitHubError | None = None

    def happen(self, event: str, again: bool = False) -> None:
        codes = self.codes[event]
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        number = len(self.entries) + len(self.coming) + 1
        self.coming.append(delivery(number, event, code, again=again))

    async def listed(self, outcome: Literal["success", "failure"], since: datetime | None) -> Listed:
        if self.error is not None:
            raise self.error
        if outcome == "failure":
            self.entries, self.coming = [*self.entries, *self.coming], []
        wanted = [one for one in reversed(self.entries) if one.succeeded == (outcome == "success")]
        return Listed(tuple(one for one in wanted if since is None or one.delivered_at >= since))

    async def redeliver(self, delivery: int) -> bool:
        guid = next(one.guid for one in self.entries if one.id == delivery)
        self.asked.append(guid)
        self.happen(guid, again=True)
        return True


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.lists(st.sampled_from([200, 401, 500]), min_size=1)))
@settings(max_examples=150, deadline=None)
async def test_every_event_arrives_or_is_given_up_after_a_few_times(codes: dict[str, list[int]]) -> None:
    will_arrive = {guid: 200 in its[: 1 + MOST_TIMES] and its.index(200) for guid, its in codes.items()}
    log = Log({guid: list(its) for guid, its in codes.items()})
    redeliveries = Redeliveries(log, 1, lambda: None)
    for guid in codes:
        log.happen(guid)
    for _ in range(MOST_TIMES + 2):
        await redeliveries.look()
    asked = len(log.asked)
    await redeliveries.look()
    assert len(log.asked) == asked == redeliveries.redelivered, "it came to rest"
    for guid, its in codes.items():
        times = log.asked.count(guid)
        assert times <= MOST_TIMES
        arrived = any(one.guid == guid and one.succeeded for one in log.entries)
        if arrived:
            assert times == will_arrive[guid], "no more than were needed"
        elif 401 not in its:
            assert times == MOST_TIMES
    lost = {one.guid for one in log.entries} - {one.guid for one in log.entries if one.succeeded}
    assert redeliveries.given_up == len(lost)


async def test_after_a_long_outage_one_sweep_is_asked_for_and_the_rounds_go_on() -> None:
    events = [f"event {number}" for number in range(2 * MOST_AT_ONCE + 10)]
    log = Log({event: [502, 200] for event in events})
    sweeps: list[str] = []
    redeliveries = Redeliveries(log, 1, lambda: sweeps.append("sweep"))
    for event in events:
        log.happen(event)
    await redeliveries.look()
    assert (log.asked, sweeps) == (events[:MOST_AT_ONCE], ["sweep"])
    await redeliveries.look()
    await redeliveries.look()
    await redeliveries.look()
    assert (log.asked, sweeps) == (events, ["sweep"])


@pytest.mark.parametrize("error", [NotThere(404, "log"), Refused(403, "no"), Unavailable("down", NOON)], ids=repr)
async def test_a_github_without_a_log_harms_nobody(error: GitHubError) -> None:
    log = Log({"one": [502, 200]}, error=error)
    redeliveries = Redeliveries(log, 1, lambda: None)
    log.happen("one")
    await redeliveries.look()
    await redeliveries.look()
    log.error = None
    await redeliveries.look()
    assert log.asked == ["one"]
