"""The moments at which the bot can be ended, numbered as they come.

A run without crashes counts them; a run with the same seed reaches the same ones in the same order, up to the first
crash. Numbers go on after a restart, so that two crashes are two numbers.

At the boundaries of a request or a push something milder can happen too: it never arrives, or its answer never does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from tests.torture.story import Story
from tests.torture.virtual_loop import LIFE, Life, VirtualLoop


class Lost(Exception):
    """What was about to be sent, or about to be read, is lost on its way; the bot lives on."""


class Boundaries:
    """`deadly` are the numbers at which the bot that reaches them ends, at once and for good; at those that are
    `lossy` something is lost where anything is on its way."""

    def __init__(
        self,
        loop: VirtualLoop,
        story: Story,
        deadly: Collection[int],
        lossy: Collection[int],
        on_crash: Callable[[Life], None],
    ) -> None:
        self._loop = loop
        self._story = story
        self._deadly = frozenset(deadly)
        self._lossy = frozenset(lossy)
        self._on_crash = on_crash
        self.reached: list[str] = []
        self.losses = 0
        self.on_reach: Callable[[Life, str], None] = lambda life, what: None
        """May freeze the life that is there: it then goes not a step further."""

    async def reach(self, what: str, *, on_its_way: bool = False) -> None:
        """`what` is about to happen, or has just happened; it may be the last thing the bot ever did. Raises Lost."""
        life = LIFE.get()
        assert life is not None, "only a bot reaches boundaries"
        number = len(self.reached)
        self.reached.append(f"{life.name}: {what}")
        self._story.tell(self._loop.time(), life.name, f"[{number}] {what}")
        self.on_reach(life, what)
        if life.frozen:
            await asyncio.sleep(0)
        if number in self._deadly:
            self._story.tell(self._loop.time(), life.name, f"CRASH at boundary {number}: {what}")
            life.end()
            self._on_crash(life)
            await asyncio.get_running_loop().create_future()
        if on_its_way and number in self._lossy:
            self._story.tell(self._loop.time(), life.name, f"LOST at boundary {number}: {what}")
            self.losses += 1
            raise Lost
