"""Settings that are bad, and of which no version was ever good: nobody knows by what rules to work."""

from __future__ import annotations

from dataclasses import replace

from bot.config import RepositoryConfig
from bot.decide.scopes import holdings
from bot.model.action import Merge, StartSession
from bot.model.identity import SessionId
from bot.model.session import Judged
from bot.model.snapshot import BadSettings
from tests.decide.test_life_of_an_objective import APPROVE, planned, published, task
from tests.decide.world import World

PROBLEM = ".github/crewline.yml:2:3: unknown key 'verify.comand'; did you mean 'command'?"
NEVER_GOOD = BadSettings(PROBLEM, never_good=True)


def test_nothing_starts_and_it_goes_on_when_they_are_mended() -> None:
    world = World(config_problem=NEVER_GOOD)
    assert not any(isinstance(action, StartSession) for action in world.settle())
    assert not holdings(world.snapshot(), RepositoryConfig(), world.now).wants
    world.config_problem = None
    assert any(isinstance(action, StartSession) for action in world.settle())


def test_what_ends_is_recorded_and_nothing_merges_until_they_are_mended() -> None:
    world = planned(task("one"))
    outcome = published(world)
    world.end(SessionId("12.one.worker.1"), outcome)
    world.settle()
    world.config_problem = NEVER_GOOD
    world.end(SessionId("12.one.reviewer.1"), Judged(head=outcome.head, verdict=APPROVE))
    assert not any(isinstance(action, Merge) for action in world.settle())
    assert world.ledger is not None
    assert not world.ledger.open_claims()
    world.config_problem = None
    assert any(isinstance(action, Merge) for action in world.settle())


def test_a_session_that_runs_is_left_to_its_end() -> None:
    world = planned(task("one"))
    world.config_problem = NEVER_GOOD
    world.settle()
    assert world.running.keys() == {"12.one.worker.1"}


def test_a_claim_whose_process_did_not_start_yet_waits() -> None:
    world = planned(task("one"))
    world.running.clear()  # its start failed, say
    world.config_problem = NEVER_GOOD
    assert not any(isinstance(action, StartSession) for action in world.settle())
    world.config_problem = None
    assert any(isinstance(action, StartSession) for action in world.settle())


def test_the_status_says_what_is_wrong_and_what_that_holds_up() -> None:
    world = planned(task("one"))
    world.config_problem = NEVER_GOOD
    world.settle()
    assert "Waits until `.github/crewline.yml` is mended: no version of it was ever good." in world.status()
    assert "nothing starts and nothing merges until it is mended" in world.status()
    assert f"> {PROBLEM}" in world.status()


def test_where_a_good_version_is_in_force_the_work_goes_on() -> None:
    world = World(config_problem=replace(NEVER_GOOD, never_good=False))
    assert any(isinstance(action, StartSession) for action in world.settle())
    assert f"> `.github/crewline.yml` is not in force, but its last good version is:\n> {PROBLEM}" in world.status()
