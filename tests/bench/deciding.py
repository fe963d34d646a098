"""How `decide` grows with the number of tasks: one decision on a plan half of which is done."""

from __future__ import annotations

from time import perf_counter

from bot.decide.decide import decide
from bot.model.identity import SessionId
from bot.model.plan import Plan, PlannedTask
from bot.model.session import Planned
from tests.decide.world import World

SIZES = (10, 100, 1_000, 10_000)


def milliseconds(size: int) -> float:
    """The best of three decisions (of as many as fit into a second) about a plan of `size` tasks in chains of ten."""
    tasks = tuple(
        PlannedTask(
            key=f"t{n}",
            title=f"Task {n}",
            description="Do it.",
            scope=(f"folder{n}/**",),
            depends_on=(f"t{n - 1}",) if n % 10 else (),
        )
        for n in range(size)
    )
    world = World(slots=6)
    world.settle()
    world.end(SessionId("12.planner.1"), Planned(answer=Plan(summary="All of it.", tasks=tasks)))
    world.carry_out(world.decide().actions[0])
    snapshot = world.snapshot()
    best = float("inf")
    for _ in range(3):
        began = perf_counter()
        decide(snapshot, world.config, world.now)
        best = min(best, perf_counter() - began)
        if best > 0.5:
            break
    return best * 1000
