"""A server whose disk takes nothing decides only what needs no record, and says why it waits."""

from __future__ import annotations

from dataclasses import replace

from bot.decide.decide import Decision, decide
from bot.model.action import Action, EditComment, Merge, PushLedger
from bot.model.identity import SessionId
from bot.model.session import Judged
from bot.model.snapshot import Snapshot
from tests.decide.test_life_of_an_objective import APPROVE, planned, published, task
from tests.decide.world import World

FULL = "The server's disk is full (no room left): free some space there, or run `crewline gc`."


def troubled(world: World, *, unwritable: bool) -> Snapshot:
    return replace(world.snapshot(), free_slots=0, hindrance=FULL, unwritable=unwritable)


def decided(world: World, *, unwritable: bool) -> Decision:
    return decide(troubled(world, unwritable=unwritable), world.config, world.now)


def everything(decision: Decision) -> list[Action]:
    return [*decision.actions, *decision.afterwards]


def test_what_ended_is_recorded_once_the_disk_takes_it() -> None:
    world = planned(task("one"))
    world.end(SessionId("12.one.worker.1"), published(world))
    assert not any(isinstance(action, PushLedger) for action in everything(decided(world, unwritable=True)))
    assert any(isinstance(action, PushLedger) for action in everything(decided(world, unwritable=False)))


def test_what_was_recorded_goes_on() -> None:
    world = planned(task("one"))
    outcome = published(world)
    world.end(SessionId("12.one.worker.1"), outcome)
    world.settle()
    world.end(SessionId("12.one.reviewer.1"), Judged(head=outcome.head, verdict=APPROVE))
    [push] = [action for action in world.decide().actions if isinstance(action, PushLedger)]
    world.carry_out(push)
    assert any(isinstance(action, Merge) for action in everything(decided(world, unwritable=True)))


def test_the_status_says_why_nothing_starts() -> None:
    world = planned(task("one"), task("two", scope="one/**"))
    [edit] = [action for action in decided(world, unwritable=False).afterwards if isinstance(action, EditComment)]
    assert f"> {FULL} Nothing starts until then; what runs goes on." in edit.body
    assert "crewline gc" not in world.status()
