"""A price for each answer of the model, where the agent's program tells tokens and no money."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from bot.agents.agent import Agent, AgentEvent, Model, StepUsage
from bot.agents.prices import list_price, prepare


class Reckoning:
    """Of one run of `agent`. `model` is the one that it was told to ask; what it says itself counts for more."""

    def __init__(self, agent: Agent, model: str | None, clock: Callable[[], datetime]) -> None:
        self._model = model
        self._needed = not agent.tells_money and agent.notebook is not None
        self._clock = clock

    async def prepare(self) -> None:
        """So that the first answer need not wait for the table of prices."""
        if self._needed:
            await asyncio.to_thread(prepare)

    def priced(self, event: AgentEvent) -> AgentEvent:
        """`event`, with its price where it is an answer of a model that has one."""
        if isinstance(event, Model):
            self._model = event.name
        if not isinstance(event, StepUsage) or not self._needed:
            return event
        model = event.model or self._model
        if not model:
            return event
        tokens = event.input_tokens, event.cached_tokens or 0, event.output_tokens
        return event.model_copy(update={"usd": list_price(model, *tokens, self._clock())})
