"""What is set for a session and its agent cannot heed: it is said, since nothing else would show it."""

from __future__ import annotations

from bot.agents.agent import Agent
from bot.model.assignment import Assignment
from bot.model.budget import Metric, in_words


def unheeded(agent: Agent, assignment: Assignment) -> tuple[str, ...]:
    """One sentence for each."""
    told = []
    if assignment.model and "model" not in agent.takes:
        told.append(f"{agent.name} is not told the model {assignment.model}: its command has no {{model}}.")
    if assignment.effort and "effort" not in agent.takes:
        told.append(f"{agent.name} has no place for the effort {assignment.effort}.")
    if assignment.usd is not None and not agent.tells_money:
        cap = in_words(Metric.USD, assignment.usd)
        if agent.notebook is None:
            told.append(f"{agent.name} may not tell what it costs: the bound of {cap} holds as far as it does.")
        else:
            told.append(
                f"{agent.name} tells tokens and no money: the bound of {cap} holds by the list price of its model, as"
                " far as one is known."
            )
    return tuple(told)
