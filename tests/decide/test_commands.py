"""What people type, and what happens then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.decide.commands import phase
from bot.decide.commands.grammar import NAMES
from bot.decide.commands.help import RULES, help_text
from bot.model.action import React, StopSession
from bot.model.assignment import WorkerBriefing
from bot.model.identity import Login, SessionId
from bot.model.observed import Permission, Reaction
from bot.model.session import Failed, FailureKind
from tests.decide.test_life_of_an_objective import planned, task
from tests.decide.world import World


def reactions(world: World, comment: int) -> list[Reaction]:
    return [a.reaction for a in world.done if isinstance(a, React) and a.comment == comment]


def replies(world: World, on: int = 12) -> list[str]:
    return [body for body in world.replies(on) if "crewline:reply" in body]


def test_eyes_come_before_anything_is_done_and_a_rocket_after() -> None:
    world = planned(task("one"))
    comment = world.say("/status")
    first = world.decide().actions[0]
    assert isinstance(first, React)
    assert first.reaction is Reaction.EYES
    world.settle()
    assert reactions(world, comment) == [Reaction.EYES, Reaction.ROCKET]


def test_status_says_why_it_waits() -> None:
    world = planned(task("one"), task("two", "one"))
    world.say("/status")
    world.settle()
    [reply] = replies(world)
    assert "0 of 2 tasks done" in reply
    assert f"waits for #{world.observed.tasks[0].number}" in reply


def test_a_stranger_is_refused_once() -> None:
    world = planned(task("one"))
    world.permissions[Login("mallory")] = Permission.READ
    for _ in range(3):
        comment = world.say("/retry", by="mallory")
        world.settle()
    assert reactions(world, comment) == [Reaction.EYES, Reaction.CONFUSED]
    [reply] = replies(world)
    assert "only people with write access" in reply


def test_each_command_needs_what_its_rule_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tuple(replace(rule, needs=Permission.ADMIN) if rule.name == "escalate" else rule for rule in RULES)
    monkeypatch.setattr(phase, "RULES", rules)
    world = planned(task("one"))
    world.permissions |= {Login("wilma"): Permission.WRITE, Login("ada"): Permission.ADMIN}
    asked = (("/escalate", "wilma"), ("/status", "wilma"), ("/escalate", "ada"))
    typed = [world.say(text, by=by) for text, by in asked]
    world.settle()
    said = [reactions(world, comment)[-1] for comment in typed]
    assert said == [Reaction.CONFUSED, Reaction.ROCKET, Reaction.ROCKET]
    assert "@wilma only people with admin access" in replies(world)[0]
    assert "They need write or admin access" in help_text(rules)


def test_the_status_names_every_command() -> None:
    world = planned(task("one"))
    world.settle()
    (line,) = [line for line in world.status().splitlines() if line.startswith("Commands: ")]
    assert line == f"Commands: {', '.join(f'`{rule.usage}`' for rule in RULES)}."
    assert NAMES == ("retry", "escalate", "assign", "budget", "status", "help")


def test_a_retry_of_something_that_does_not_wait_is_refused_with_a_reason() -> None:
    world = planned(task("one"))
    comment = world.say("/retry")
    world.settle()
    assert reactions(world, comment)[-1] is Reaction.CONFUSED
    assert "nothing here waits for a retry" in replies(world)[0]


def test_an_unknown_command_gets_help_with_the_nearest_match() -> None:
    world = planned(task("one"))
    world.say("/retyr")
    world.settle()
    [reply] = replies(world)
    assert "Did you mean `/retry`?" in reply
    assert "| `/escalate [reason]` |" in reply


def test_escalate_stops_the_session_and_retry_goes_on() -> None:
    world = planned(task("one"))
    number = world.observed.tasks[0].number
    world.say("/escalate too risky", on=number)
    stops = [a for a in world.decide().actions if isinstance(a, StopSession)]
    assert [stop.session for stop in stops] == ["12.one.worker.1"]


def test_a_hint_for_a_task_that_is_worked_on_is_kept_for_its_next_attempt() -> None:
    world = planned(task("one"))
    number = world.observed.tasks[0].number
    comment = world.say("/retry Prices are in cents.", on=number)
    world.settle()
    assert reactions(world, comment) == [Reaction.EYES, Reaction.ROCKET]
    assert "the next attempt, if there is one, is told it" in replies(world, number)[0]
    assert list(world.running) == ["12.one.worker.1"]
    world.end(SessionId("12.one.worker.1"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.settle()
    world.now += timedelta(minutes=5)
    world.settle()
    (assignment,) = world.running.values()
    assert isinstance(assignment.briefing, WorkerBriefing)
    assert (assignment.id, assignment.briefing.hint) == ("12.one.worker.2", "Prices are in cents.")
    refused = world.say("/retry", on=number)
    world.settle()
    assert reactions(world, refused)[-1] is Reaction.CONFUSED


def test_a_command_is_carried_out_once_over_restarts() -> None:
    world = planned(task("one"))
    for ordinal in (1, 2, 3):
        world.end(SessionId(f"12.one.worker.{ordinal}"), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
        world.settle()
    world.restart()
    comment = world.say("/retry")
    world.settle()
    assert list(world.running) == ["12.one.worker.4"]
    world.restart()
    world.settle()
    assert list(world.running) == ["12.one.worker.5"]
    assert reactions(world, comment) == [Reaction.EYES, Reaction.ROCKET]
    assert world.ledger is not None
    assert [command.comment for command in world.ledger.commands] == [comment]


@pytest.mark.parametrize("body", ["/help", "/crewline help"])
def test_help_lists_every_command(body: str) -> None:
    world = planned(task("one"))
    world.say(body)
    world.settle()
    [reply] = replies(world)
    for usage in ("/retry [hint]", "/escalate [reason]", "/status", "/help"):
        assert f"`{usage}`" in reply


def test_a_command_from_before_the_hand_off_is_not_carried_out() -> None:
    world = World()
    world.now = world.now.replace(hour=10)
    comment = world.say("/help")
    world.now = world.now.replace(hour=12)
    world.settle()
    assert reactions(world, comment) == []
