"""What is set for a session and its agent cannot heed stands in its transcript."""

from __future__ import annotations

import sys

from bot.agents.claude import ClaudeAgent
from bot.agents.codex import CodexAgent
from bot.agents.roster import Roster
from bot.model.offer import AgentOffer
from bot.model.session import Published
from bot.sessions.run import SessionRunner
from bot.sessions.unheeded import unheeded
from tests.sessions.conftest import World

WORK = (
    'write("src/a.py", sys.argv[1] if sys.argv[1:] else "none"); commit(); summary(status="completed", summary="Done.")'
)


async def test_what_an_agent_is_not_told_and_does_not_tell_stands_in_the_transcript(world: World) -> None:
    world.agent(WORK)
    assignment = world.worker(model="big", effort="high", usd=5.0)
    assert isinstance(await world.run(assignment), Published)
    said = [event["text"] for event in world.transcript(assignment) if event["kind"] == "unheeded"]
    assert said == [
        "scripted is not told the model big: its command has no {model}.",
        "scripted has no place for the effort high.",
        "scripted may not tell what it costs: the bound of $5 holds as far as it does.",
    ]
    assert unheeded(ClaudeAgent(), assignment) == ()
    assert unheeded(CodexAgent(), assignment) == (
        "codex tells tokens and no money: the bound of $5 holds by the list price of its model, as far as one is "
        "known.",
    )
    assert unheeded(world.roster.find("scripted"), world.worker()) == ()


async def test_an_agent_is_told_the_model_of_its_role_or_else_that_of_the_operator(world: World) -> None:
    world.agent(WORK)
    command = f"{sys.executable} -I {world.folder / 'agent.py'} {{model}}"
    roster = Roster({"scripted": AgentOffer(command=command, model="small")})
    async with SessionRunner(world.folder / "data-2", world._mirror, roster) as runner:
        for model, asked in ((None, "small"), ("big", "big")):
            outcome = (await runner.run(world.worker(model=model))).outcome
            assert isinstance(outcome, Published)
            assert await world.show(outcome.head, "src/a.py") == asked
