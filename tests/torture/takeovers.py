"""How long a second bot needs to go on with what a first one had begun when it was killed, in virtual time.

All webhooks go to the first one, also after its death: nobody ever tells the second anything.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from bot.journal import STANDS_BY
from tests.torture.playbook import Play, Playbook
from tests.torture.runs import fast_folder
from tests.torture.shapes import ONE, TITLE
from tests.torture.theatre import Scenery, Theatre, perform

LEASE = 90.0
AT_REST = 120.0
"""Seconds for which both do nothing but look at each other's leases, before the first has work."""
STEP = 0.5
SLOTS = 60
_SERVES = re.compile(r"^ *(\d+):(\S+) +(\S+) +log info: serves the repository .*repository=(\S+)$")
_STANDS_BY = re.compile(rf"^ *\S+ +(\S+) +log \w+: {STANDS_BY.name} .*repository=(\S+)$")


@dataclass(frozen=True, slots=True)
class Takeover:
    """`seconds` from the first bot's end until the second one held the lease. `seen`: it stood by there before."""

    repository: str
    seen: bool
    seconds: float


def takeovers(repositories: int, seen: int, seed: int = 1) -> tuple[Takeover, ...]:
    """One for each repository whose objective was open when the first bot was killed: as soon as it served all of
    them, and the second one stood by in `seen` of them."""

    async def story(theatre: Theatre) -> tuple[Takeover, ...]:
        return await _taken_over(theatre, repositories, seen)

    overrides = {"lease_seconds": LEASE, "slots": SLOTS}
    folder = Path(mkdtemp(prefix="takeovers-", dir=fast_folder()))
    try:
        return perform(story, folder, Scenery(Playbook({TITLE: Play(ONE)}), seed, overrides=overrides))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _taken_over(theatre: Theatre, repositories: int, seen: int) -> tuple[Takeover, ...]:
    shops = [theatre.shop]
    shops += [await theatre.add_repository(f"shop-{number}") for number in range(2, repositories + 1)]
    first = theatre.start_bot()
    address = theatre.app.webhook_url
    second = theatre.start_bot().name
    theatre.app.webhook_url = address
    await theatre.pass_time(AT_REST)
    objectives = [theatre.hand_off(TITLE, repository=shop) for shop in shops]
    while len(_serves(theatre, first.name)) < repositories or len(_stood_by(theatre, second)) < seen:
        await theatre.pass_time(STEP)
    unfinished = [one.repository.full_name for one in objectives if one.state == "open"]
    stood_by, killed = _stood_by(theatre, second), theatre.loop.time()
    theatre.kill(first)
    while not (served := _serves(theatre, second)).keys() >= set(unfinished):
        assert theatre.loop.time() < killed + 10 * LEASE
        await theatre.pass_time(STEP)
    assert theatre.errors == []
    return tuple(Takeover(name, name in stood_by, served[name] - killed) for name in unfinished)


def _serves(theatre: Theatre, bot: str) -> dict[str, float]:
    """Since when it serves what it serves, by repository."""
    found = (match for line in theatre.story.lines if (match := _SERVES.match(line)))
    return {match[4]: 60 * int(match[1]) + float(match[2]) for match in found if match[3] == bot}


def _stood_by(theatre: Theatre, bot: str) -> frozenset[str]:
    found = (match for line in theatre.story.lines if (match := _STANDS_BY.match(line)))
    return frozenset(match[2] for match in found if match[1] == bot)
