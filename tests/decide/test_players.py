"""Who plays a session: the agents of a role in order, and one taking over while another's provider refuses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.config import Limits, RepositoryConfig, RoleConfig, Roles
from bot.decide.bounds import MOST_REFUSALS
from bot.model.identity import SessionId
from bot.model.plan import Plan
from bot.model.session import Failed, FailureKind, Planned, Trouble, Void
from tests.decide.test_life_of_an_objective import task
from tests.decide.world import World

LIMITED = Void(reason="the model of claude is rate limited: try later", trouble=Trouble.RATE_LIMITED)


def world_of(*workers: str) -> World:
    """An objective of one task, in whose plan these are the workers, in their order."""
    roles = Roles(worker=RoleConfig(agent=workers))
    world = World(config=RepositoryConfig(limits=Limits(backoff_seconds=0), roles=roles))
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=(task("one"),))))
    world.settle()
    return world


def worker(ordinal: int) -> SessionId:
    return SessionId(f"12.one.worker.{ordinal}")


def working(world: World) -> str:
    """Who works on the task now, with its model."""
    (assignment,) = world.running.values()
    return f"{assignment.agent}:{assignment.model}"


def test_the_first_agent_of_the_list_works_and_another_takes_over_while_it_is_refused() -> None:
    world = world_of("claude:opus", "codex:gpt-5")
    assert working(world) == "claude:opus"
    world.end(worker(1), LIMITED)
    world.settle()
    assert working(world) == "codex:gpt-5"
    world.end(worker(2), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.now += timedelta(seconds=11)
    world.settle()
    assert working(world) == "claude:opus"


def test_where_nobody_can_be_had_it_waits_with_growing_pauses_and_no_attempt_is_counted() -> None:
    world = world_of("claude")
    pauses = []
    for ordinal in range(1, 8):
        world.end(worker(ordinal), LIMITED)
        world.settle()
        assert not world.running
        again = world.decide().look_again_at
        assert again is not None
        pauses.append((again - world.now).total_seconds())
        assert "waits for the model of claude, which is rate limited; asks again at" in world.status()
        world.now = again
        world.settle()
        assert list(world.running) == [worker(ordinal + 1)]
    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    assert "needs you" not in world.status()


def test_a_retry_asks_a_provider_at_once_that_refused_and_its_pauses_begin_anew() -> None:
    world = world_of("claude")
    for ordinal in range(1, 4):
        world.end(worker(ordinal), LIMITED)
        world.settle()
        again = world.decide().look_again_at
        assert again is not None
        world.now = again if ordinal < 3 else world.now
        world.settle()
    assert not world.running
    world.say("/retry It has credit again.", on=world.observed.tasks[0].number)
    world.settle()
    assert list(world.running) == [worker(4)]
    world.end(worker(4), LIMITED)
    world.settle()
    again = world.decide().look_again_at
    assert again is not None
    assert (again - world.now).total_seconds() == 10


def test_a_provider_that_refuses_all_night_is_told_to_a_person() -> None:
    world = world_of("claude")
    for ordinal in range(1, MOST_REFUSALS + 1):
        world.end(worker(ordinal), LIMITED)
        world.settle()
        world.now += timedelta(minutes=5)
        world.settle()
    assert not world.running
    assert any("could not run to their end" in reply for reply in world.replies())


def test_a_person_assigns_an_agent_by_command_and_takes_it_back() -> None:
    world = world_of("claude:opus")
    one = world.observed.tasks[0].number
    world.say("/assign codex:gpt-5", on=one)
    world.end(worker(1), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.settle()
    assert working(world) == "codex:gpt-5"
    world.say("/assign nobody", on=one)
    world.end(worker(2), Failed(reason=FailureKind.NO_COMMITS, detail="nothing"))
    world.settle()
    assert working(world) == "claude:opus"


def test_a_label_on_the_task_assigns_an_agent_and_nobody_takes_over_from_it() -> None:
    world = world_of("claude", "gemini")
    one = replace(world.observed.tasks[0], labels=frozenset({"crewline:agent=codex"}))
    world.observed = replace(world.observed, tasks=(one,))
    world.end(worker(1), LIMITED)
    world.settle()
    assert [assignment.agent for assignment in world.running.values()] == ["codex"]
    world.end(worker(2), LIMITED)
    world.settle()
    assert not world.running


def test_an_assignment_that_cannot_be_is_refused_with_the_nearest_name() -> None:
    world = world_of("claude")
    world.agents = ("claude", "codex")
    world.say("/assign kodex")
    world.settle()
    assert any(
        "there is no agent `kodex` here" in reply and "Did you mean `codex`?" in reply for reply in world.replies()
    )
    world.say("/assign")
    world.settle()
    assert any("name one agent" in reply for reply in world.replies())
