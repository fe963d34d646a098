"""Watching one turn of an agent: what it uses of its session's budget, and whether it gets on.

Three things are told apart. *Silence*: nothing comes. A *heartbeat*: bytes come, on either output, that say nothing.
*Progress*: an event (a word of the model, a tool's call or result) or a new commit. Without progress for the time of
`stall` the turn is over: neither Claude Code nor Gemini ends a stalled stream by itself.

Of a budget four fifths are a warning, all of it is the end. It comes at once where all tools of the model have answered
and it would be asked again: what is spent then would be exceeded. A program that keeps a cap by itself (`keeps`) is
left to do so, and one that tells what it has cost with its last word can still come to its own end, so both are ended
only at the next tick. Commits and turns are known at once, tokens after each answer of the model (where a program's
output does not tell, its notebook does: `bot.sessions.notebook`), money of most only at the end. The last turn and the
last commit that are allowed may still be used; of the others nothing is left once they are used up. Commits are those
of the turn: how many there are in all, the harvest counts, and an agent that is told to join them may. Wall time is
kept where the process is waited for (`process`), here it is only warned of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bot.model.budget import Caps, Metric, in_words
from bot.model.identity import CommitSha
from bot.model.session import FailureKind, Spend

WARNED_AT = 0.8
TICK = 2.0
"""Seconds between two looks at the clock and at what is checked out."""


@dataclass(frozen=True, slots=True)
class Over:
    """Why a turn is ended before its time; `text` continues a sentence that begins with the agent's name."""

    reason: FailureKind
    text: str


class Watch:
    """Of one turn, to be used as an async context manager. `used` tells what the session has used, given the seconds
    and the commits of this turn, `tip` what is checked out. `warn` is told of a budget that runs out, `say` of a lack
    of progress; `look` sees whether there is more to weigh, `asks_again` whether the model is about to be asked.
    `over` is done when the turn shall be ended, and `found` says why."""

    def __init__(
        self,
        caps: Caps,
        used: Callable[[float, int], Spend],
        tip: Callable[[], CommitSha | None],
        *,
        stall: float | None,
        warn: Callable[[str], None],
        say: Callable[[str], None],
        look: Callable[[], None] = lambda: None,
        asks_again: Callable[[], bool] = lambda: False,
        keeps: Collection[Metric] = (),
    ) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._caps, self._used, self._tip = caps.of(), used, tip
        self._stall, self._warn, self._say = stall, warn, say
        self._look_for_more, self._asks_again, self._keeps = look, asks_again, keeps
        self._began = self._progress = self._heard = self._now()
        self._at, self._warned = tip(), set[Metric]()
        self._minutes_told = 0
        self.commits = 0
        self.over: asyncio.Future[None] = loop.create_future()
        self.found: Over | None = None

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticking.cancel()
        (trouble,) = await asyncio.gather(self._ticking, return_exceptions=True)
        if isinstance(trouble, Exception):
            raise trouble
        self._look()

    def heard(self) -> None:
        """Bytes came."""
        self._heard = self._now()

    def progressed(self) -> None:
        """An event came, and the account knows it."""
        self._heard = self._progress = self._now()
        self._minutes_told = 0
        if self._caps:
            self._weigh(asks=self._asks_again(), end=False)

    async def _tick(self) -> None:
        every = TICK if self._stall is None else min(TICK, max(0.02, self._stall / 10))
        while True:
            await asyncio.sleep(every)
            self._look()
            self._look_for_more()
            self._weigh(asks=self._asks_again(), end=True)
            self._weigh_silence()

    def _look(self) -> None:
        """Commits that came so fast that none was seen between them count as one."""
        tip = self._tip()
        if tip is not None and tip != self._at:
            self._at = tip
            self.commits += 1
            self.progressed()

    def _weigh(self, *, asks: bool, end: bool) -> None:
        """With `end` whatever is spent ends the turn; else only what would be exceeded by asking the model again."""
        amounts = self._used(self._now() - self._began, self.commits).of()
        for metric, cap in self._caps.items():
            used = float(self.commits) if metric is Metric.COMMITS else amounts[metric]
            if used < WARNED_AT * cap:
                continue
            words = f"{in_words(metric, used)} of {in_words(metric, cap)}"
            if metric not in self._warned:
                self._warned.add(metric)
                self._warn(words)
            whole = metric is Metric.COMMITS or (metric is Metric.TURNS and not (asks and metric not in self._keeps))
            spent = used > cap if whole else used >= cap
            if spent and metric is not Metric.SECONDS and (end or (asks and metric not in self._keeps)):
                self._end(Over(FailureKind.BUDGET, f"was ended, since its budget is spent: {words}"))

    def _weigh_silence(self) -> None:
        quiet = self._now() - self._progress
        alive = self._heard > self._progress
        if self._stall is not None and quiet >= self._stall:
            how = "its output said nothing" if alive else "it was silent"
            text = f"was ended, since it did not get on for {_span(self._stall)}: {how} and it committed nothing"
            self._end(Over(FailureKind.STALLED, text))
        if quiet >= 60 * (self._minutes_told + 1):
            self._minutes_told = int(quiet // 60)
            how = "a heartbeat, but no progress" if alive else "silence"
            self._say(f"{how}; last progress {self._minutes_told} min ago")

    def _end(self, over: Over) -> None:
        if self.found is None:
            self.found = over
            self.over.set_result(None)


def _span(seconds: float) -> str:
    return in_words(Metric.SECONDS, seconds) if seconds >= 60 else f"{seconds:g} seconds"
