"""``app.yml`` asks for the least that works, and for exactly the events that are handled."""

from bot.github.webhook import ALWAYS_SENT, EVENTS
from tests.github.conftest import manifest

NEEDED = {
    "checks": "write",  # the verdict is a check run; the checks of others are waited for
    "contents": "write",  # branches and the ledger are pushed, pull requests are merged
    "issues": "write",  # sub-issues, comments, labels, dependencies
    "metadata": "read",  # every App has it
    "pull_requests": "write",  # opened, reviewed, merged
    "statuses": "read",  # a rollup that holds a commit status is refused whole without it
}


def test_the_app_subscribes_to_the_events_that_are_handled() -> None:
    assert manifest().default_events == tuple(sorted(EVENTS))


def test_events_that_every_app_gets_are_not_subscribed_to() -> None:
    assert not ALWAYS_SENT & set(manifest().default_events)


def test_the_app_asks_for_the_least_permissions() -> None:
    assert manifest().default_permissions == NEEDED
