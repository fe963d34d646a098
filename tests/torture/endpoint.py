"""The webhook endpoint under fire: a real process of the bot, real HTTP, deliveries that the hub rendered.

Two parts. *Load*: 500 signed deliveries a second for a minute while objectives run; how soon each is acknowledged,
what it costs in memory, and that the work gets done. *Soak*: 100,000 deliveries about 1,000 objectives that are over;
memory and the time of the processor for a delivery must be the same in the last tenth as in the first.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

from bot.github.ledger import written
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.issue_links import add_sub_issue
from bot.model.identity import LEDGER_FILE
from bot.model.ledger import Ledger
from tests.bench.objectives import CHAIN, Theatre, sessions_for, theatre
from tests.installed import SECRET
from tests.torture.gun import Score, Shot, fire, gun, loaded
from tests.torture.verdict import Json

PER_SECOND, SECONDS, OBJECTIVES = 500, 60, 4
DELIVERIES, FINISHED, TENTHS = 100_000, 1000, 10
BEFORE = 5000
"""Deliveries before those of the soak: what is imported and cached at first use."""
PATIENCE = 300.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the bot's process, without its agents: megabytes that it holds now, seconds of the processor so far."""

    megabytes: float
    seconds: float

    @classmethod
    def of(cls, pid: int) -> Cost:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return cls(pages * PAGE / 1e6, (int(fields[11]) + int(fields[12])) / TICKS)


async def endpoint(folder: Path) -> dict[str, Json]:
    """Both parts, as they stand in the report."""
    return {"load": await load(folder / "load"), "soak": await soak(folder / "soak")}


async def load(
    folder: Path, *, per_second: int = PER_SECOND, seconds: float = SECONDS, many: int = OBJECTIVES
) -> dict[str, Json]:
    await asyncio.to_thread(folder.mkdir)
    async with theatre(folder, sessions_for(CHAIN)) as here, here.bot() as bot:
        await _done(here, [_hand_off(here, "The first")])
        shots = rendered(here)
        before = Cost.of(bot.pid)
        objectives = [_hand_off(here, f"Objective {number}") for number in range(many)]
        looks = here.hub.usage.graphql.total()
        score = await fire(folder, bot.port, shots, per_second, seconds)
        looks = here.hub.usage.graphql.total() - looks
        under_fire = Cost.of(bot.pid)
        closed = sum(objective.state == "closed" for objective in objectives)
        await _done(here, objectives)
        again = await fire(folder, bot.port, shots, per_second, seconds / 6)
        return {
            **_score(score),
            "deliveries per second": per_second,
            "kinds of payloads": len(shots),
            "bytes of the largest": max(len(shot.body) for shot in shots),
            "objectives": many,
            "of them closed under fire": closed,
            "and in the end": sum(objective.state == "closed" for objective in objectives),
            "GraphQL requests meanwhile": looks,
            "megabytes before": round(before.megabytes, 1),
            "megabytes after": round(under_fire.megabytes, 1),
            "megabytes after a sixth more": round(Cost.of(bot.pid).megabytes, 1),
            "processor milliseconds a delivery": _each(before, under_fire, len(score.seconds)),
            "p99 of the sixth more, ms": again.milliseconds(99),
            "errors in the log": await errors(here),
        }


async def soak(
    folder: Path, *, deliveries: int = DELIVERIES, finished: int = FINISHED, before: int = BEFORE
) -> dict[str, Json]:
    await asyncio.to_thread(folder.mkdir)
    async with theatre(folder, sessions_for(CHAIN)) as here:
        async with here.bot():
            first = _hand_off(here, "The first")
            await _done(here, [first])
        numbers = await finish(here, first, finished)
        shots = about(rendered(here), numbers)
        async with here.bot() as bot, gun("127.0.0.1", bot.port) as weapon:
            began = monotonic()
            await _done(here, [_hand_off(here, "One before")])  # by then all ledgers are read
            opened = monotonic() - began
            await weapon.as_fast_as_it_goes(shots, before)
            looks = here.hub.usage.graphql.total()
            tenths: list[tuple[Score, Cost, Cost]] = []
            for _ in range(TENTHS):
                start = Cost.of(bot.pid)
                score = await weapon.as_fast_as_it_goes(shots, deliveries // TENTHS)
                tenths.append((score, start, Cost.of(bot.pid)))
            shown = await objectives_shown(bot.port)
            looks = here.hub.usage.graphql.total() - looks
            objective = _hand_off(here, "One more")
            await _done(here, [objective])
            return {
                "deliveries": sum(len(score.seconds) for score, _, _ in tenths),
                "finished objectives": len(numbers),
                "seconds of an objective right after the start": round(opened, 1),
                "answers": dict(sum((score.answers for score, _, _ in tenths), Counter[str]())),
                "megabytes after each tenth": [round(after.megabytes, 1) for _, _, after in tenths],
                "processor milliseconds a delivery": [_each(b, a, len(s.seconds)) for s, b, a in tenths],
                "p99 of each tenth, ms": [score.milliseconds(99) for score, _, _ in tenths],
                "objectives in memory": shown,
                "GraphQL requests meanwhile": looks,
                "an objective afterwards": objective.state,
                "errors in the log": await errors(here),
            }


def rendered(here: Theatre) -> list[Shot]:
    """What the hub sent so far, and the same as if a person had caused it: the bot leaves its own echo alone."""
    shots: list[Shot] = []
    for delivery in here.hub.deliveries:
        body = json.loads(delivery.payload)
        if "sender" in body:
            shots.append(loaded(delivery.event, delivery.payload, SECRET))
            body["sender"] |= {"login": "alice", "type": "User"}
            shots.append(loaded(delivery.event, json.dumps(body).encode(), SECRET))
    return shots


def about(shots: Sequence[Shot], numbers: Sequence[int]) -> list[Shot]:
    """The same deliveries, about the issues with these numbers in turn."""
    told: list[Shot] = []
    for number, shot in zip(numbers, list(shots) * (len(numbers) // len(shots) + 1), strict=False):
        body = json.loads(shot.body)
        for name in ("issue", "pull_request", "parent_issue"):
            if name in body:
                body[name]["number"] = number
        told.append(loaded(shot.event, json.dumps(body).encode(), SECRET))
    return told


async def finish(here: Theatre, model: Issue, many: int) -> list[int]:
    """`many` objectives that are over: closed issues with a task each, and ledgers made after that of `model`."""
    here.app.webhook_url = None
    ref = f"refs/crewline/objectives/{model.number}"
    ledger = Ledger.model_validate_json(await here.shop.git.git("show", f"{ref}:{LEDGER_FILE}"))
    stream: list[bytes] = []
    numbers: list[int] = []
    for count in range(many):
        objective = open_issue(here.shop, here.alice, f"Finished {count}", "Please.", labels=["crewline"])
        task = open_issue(here.shop, here.alice, "A task", "")
        add_sub_issue(objective, here.alice, task)
        for issue in (task, objective):
            issue.close(here.alice)
        tasks = tuple(record.model_copy(update={"number": task.number}) for record in ledger.tasks)
        content = written(ledger.model_copy(update={"objective": objective.number, "tasks": tasks}))
        stream.append(
            f"commit refs/crewline/objectives/{objective.number}\ncommitter x <x@example.com> 0 +0000\n"
            f"data 1\nx\nM 100644 inline {LEDGER_FILE}\ndata {len(content)}\n".encode()
            + content
            + b"\n"
        )
        numbers.append(objective.number)
    await here.shop.git.git("fast-import", "--quiet", stdin=b"".join(stream))
    here.shop.git.refs_written()
    return numbers


async def objectives_shown(port: int) -> int:
    """How many objectives the bot has something in memory of, but for the last that are over."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return len((await client.get(f"http://127.0.0.1:{port}/api/objectives", timeout=60)).json())


async def errors(here: Theatre) -> int:
    """Lines of the bot's log that are errors, or belong to a traceback."""
    text = await asyncio.to_thread((here.folder / "bot.log").read_text)
    return text.count("[error") + text.count("Traceback")


def _hand_off(here: Theatre, title: str) -> Issue:
    issue = open_issue(here.shop, here.alice, title, "Please.")
    issue.add_label(here.alice, "crewline")
    return issue


async def _done(here: Theatre, objectives: Sequence[Issue]) -> None:
    await here.hub.events.until(lambda: all(one.state == "closed" for one in objectives), PATIENCE)


def _score(score: Score) -> dict[str, Json]:
    return {
        "deliveries": len(score.seconds),
        "answers": dict(score.answers),
        "p50, ms": score.milliseconds(50),
        "p99, ms": score.milliseconds(99),
        "longest, ms": score.milliseconds(100),
    }


def _each(before: Cost, after: Cost, deliveries: int) -> float:
    return round((after.seconds - before.seconds) * 1000 / deliveries, 3)


async def main() -> None:
    """``python -m tests.torture.endpoint``: both parts by themselves."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="crewline-endpoint-") as name:
        print(json.dumps(await endpoint(Path(name)), indent=2))


if __name__ == "__main__":
    asyncio.run(main())
