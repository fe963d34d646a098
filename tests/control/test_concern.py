"""Which objectives a hint leads to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from bot.control.concern import concern
from bot.control.room import Room
from bot.github.lease import RepositoryLease
from bot.github.ledger import LedgerStore
from bot.github.repository import GitHubRepository
from bot.github.webhook import Hint
from bot.model.identity import CommitSha, Login, RepositoryName
from bot.model.ledger import HandOff, Ledger
from bot.model.observed import Issue, Observation

SHOP = RepositoryName("alice", "shop")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def room() -> Room:
    """Just opened: objective 12 is open and has a ledger, and nobody has looked at it yet."""
    opened = Room(SHOP, cast(GitHubRepository, None), cast(LedgerStore, None), cast(RepositoryLease, None))
    ledger = Ledger(objective=12, hand_off=HandOff(title="Title", body="", by=Login("alice"), at=NOON))
    opened.recall({12: (ledger, CommitSha("a" * 40))}, [12], NOON)
    return opened


def comment(number: int) -> Hint:
    return Hint(SHOP, 1, Login("alice"), False, "issue_comment", "created", frozenset({number}))


def test_before_an_objective_was_looked_at_any_number_may_be_one_of_its_own() -> None:
    opened = room()
    assert concern(comment(15), opened).now == {12}


def test_afterwards_only_those_that_it_has() -> None:
    opened = room()
    issue = Issue(12, 12, "I_12", "Title", "", True, False, frozenset(), Login("alice"), False, "url")
    opened.memory(12).observed = Observation(issue, (), (), "main")
    opened.memory(12).numbers = frozenset({14})
    assert concern(comment(15), opened).now == frozenset()
    assert concern(comment(14), opened).now == {12}
    assert concern(comment(12), opened).now == {12}


def test_what_a_look_is_just_making_is_not_missed() -> None:
    """GitHub tells of a pull request, and people comment on it, before the bot has the answer that names it."""
    opened = room()
    issue = Issue(12, 12, "I_12", "Title", "", True, False, frozenset(), Login("alice"), False, "url")
    opened.memory(12).observed = Observation(issue, (), (), "main")
    opened.memory(12).looked_at = True
    assert concern(comment(15), opened).now == {12}
