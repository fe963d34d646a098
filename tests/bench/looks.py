"""What a look and a restart cost in requests that read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.localhub.limits import Usage
from bot.localhub.model.issue import Issue, open_issue
from tests.bench.objectives import Theatre, theatre
from tests.stories.plays import Json, plan, task


@dataclass(frozen=True, slots=True)
class Costs:
    """Reads of one look that carries out a command, and of a start with one open objective."""

    look: int
    restart: int
    restart_fetches: int


async def look_costs(folder: Path) -> Costs:
    """An objective whose planner never ends, so that nothing happens but looks."""
    hanging: dict[str, Json] = {"planner": [{"hang": True, "answer": plan(task("a"))}]}
    async with theatre(folder, hanging) as here:
        usage = here.hub.usage
        async with here.bot():
            objective = open_issue(here.shop, here.alice, "Make it so", "Please.")
            objective.add_label(here.alice, "crewline")
            await here.hub.events.until(lambda: any("at work" in c.body for c in objective.comments))
            before = _reads(usage)
            await _status(here, objective, 1)
            look = _reads(usage) - before
        before, fetches = _reads(usage), usage.git["fetch"]
        objective.comment(here.alice, "/status")
        async with here.bot():
            await _replied(here, objective, 2)
            return Costs(look=look, restart=_reads(usage) - before, restart_fetches=usage.git["fetch"] - fetches)


async def _status(here: Theatre, objective: Issue, replies: int) -> None:
    objective.comment(here.alice, "/status")
    await _replied(here, objective, replies)


async def _replied(here: Theatre, objective: Issue, replies: int) -> None:
    def done() -> bool:
        return sum("crewline:reply" in comment.body for comment in objective.comments) == replies

    await here.hub.events.until(done, 30)


def _reads(usage: Usage) -> int:
    return usage.rest_requests - usage.rest_writes + usage.graphql.total()
