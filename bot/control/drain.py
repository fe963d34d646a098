"""The server stops in order: no new work, sessions come to an end or are handed over, what they did is recorded.

* From the first moment nothing is claimed any more: there are no free slots. What was claimed and has not begun is
  handed over at once. Webhooks are still taken, and looks still carry out what needs no agent.
* Sessions that run have `CREWLINE_DRAIN_SECONDS` to end as they always do. Then they are ended: TERM, a grace in
  which an agent may commit, KILL. What they had committed is salvaged.
* The ends of all are recorded like any other, in one last round of looks. The next server finds no claim that it
  would have to take for a dead one's, and starts the same tasks at once, from the commits that were salvaged.

Every wait has a limit: GitHub may be down. What could not be recorded in time stays on the disk, and in the ledger
as a claim of a server that is gone; the next one knows what to do with both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

import structlog

from bot.engines.local import LocalEngine
from bot.journal import NOT_IN_TIME, NOT_RECORDED, tell

log = structlog.get_logger(__name__)

HANDED_OVER = "it was handed over: the server was stopped"
LONGEST_END = 60.0
"""Seconds for ending the agents of sessions and salvaging what they had committed."""
LAST_LOOKS = 20.0
"""Seconds for recording what the last sessions came to."""


class Looks(Protocol):
    """`bot.control.controller.Controller`, as far as it is needed here."""

    def drain(self) -> None: ...

    async def settled(self) -> None: ...


async def drain(looks: Looks, engine: LocalEngine, seconds: float, last_looks: float = LAST_LOOKS) -> None:
    """Bring the work of `engine` to an end within `seconds` and a little more. Returns when nothing runs any more,
    or at the limit of each step."""
    log.info("draining", sessions=len(engine.running()), seconds=seconds)
    looks.drain()
    engine.close(HANDED_OVER)
    if not await _within(seconds, engine.idle()):
        log.info("handing over", sessions=[str(run.session) for run in sorted(engine.running())])
        engine.stop_all(HANDED_OVER)
        if not await _within(LONGEST_END, engine.idle()):
            tell(NOT_IN_TIME, sessions=", ".join(run.session for run in sorted(engine.running())))
    if not await _within(last_looks, looks.settled()):
        tell(NOT_RECORDED)
    log.info("drained")


async def _within(seconds: float, done: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await done
    except TimeoutError:
        return False
    return True
