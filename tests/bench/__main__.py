"""Runs everything and prints one JSON. Ratios depend little on the machine; milliseconds do."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bot.git.process import wait_without_threads
from bot.localhub.limits import Usage
from tests.bench.deciding import SIZES, milliseconds
from tests.bench.looks import look_costs
from tests.bench.objectives import CHAIN, DIAMOND, Run, run
from tests.bench.sessions import session_costs
from tests.bench.webhooks import acknowledge
from tests.bench.worktrees import TreeCosts, tree_costs

Json = str | int | float | dict[str, "Json"]


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="crewline-bench-") as name:
        folder = Path(name)
        report: dict[str, Json] = {}
        for shape in (CHAIN, DIAMOND):
            _tell(shape.name)
            place = folder / shape.name.replace(" ", "-")
            plain = await run(place / "plain", shape, "none")
            confined = await run(place / "confined", shape, "auto")
            report[shape.name] = _objective(plain) | {
                "wall time / ideal, in this machine's sandbox": round(confined.seconds / confined.ideal, 3)
            }
        _tell("looks and restarts")
        costs = await look_costs(folder / "looks")
        report["requests"] = {
            "per look": costs.look,
            "per restart with one open objective": costs.restart,
            "git fetches per restart": costs.restart_fetches,
        }
        _tell("sessions")
        sessions = await session_costs(folder / "sessions")
        report["sessions, ms around the agent (50 running: MB each)"] = {
            "an agent that does nothing": round(sessions.idle, 1),
            "8 of them at once": round(sessions.idle_at_once, 1),
            "an agent that commits, verified": round(sessions.committing, 1),
            "8 of these at once": round(sessions.committing_at_once, 1),
            "memory of the server": round(sessions.server_megabytes, 3),
            "memory of the guard": round(sessions.guard_megabytes, 3),
            "lines of output heard a second": round(sessions.lines_a_second),
            "with a budget": round(sessions.lines_a_second_with_budget),
        }
        _tell("worktrees")
        report["worktrees of 50,000 files"] = _worktrees(await tree_costs(folder / "worktrees"))
        _tell("webhooks")
        times = await acknowledge(folder / "webhooks")
        report["webhook acknowledgement at 200/s, ms"] = {
            "p50": round(times.p50, 2),
            "p99": round(times.p99, 2),
            "deliveries": times.deliveries,
        }
        _tell("decide")
        report["decide, ms by number of tasks"] = {str(size): round(milliseconds(size), 2) for size in SIZES}
    print(json.dumps(report, indent=2))


def _worktrees(costs: TreeCosts) -> Json:
    pairs = {
        "plain git worktree add": (costs.plain, costs.plain),
        "ours / plain": (costs.ours, costs.plain),
        "ready / plain": (costs.ready, costs.plain),
        "8 at once: plain": (costs.plain_at_once, costs.plain_at_once),
        "8 at once: ours / plain": (costs.ours_at_once, costs.plain_at_once),
        "8 at once: ready / plain": (costs.ready_at_once, costs.plain_at_once),
    }
    return {
        name: {
            "ratio": round(one.seconds / plain.seconds, 3),
            "seconds": round(one.seconds, 3),
            "ratio of processor time": round(one.processor / plain.processor, 3),
        }
        for name, (one, plain) in pairs.items()
    }


def _objective(result: Run) -> dict[str, Json]:
    usage = result.usage
    return {
        "wall time / ideal": round(result.seconds / result.ideal, 3),
        "seconds": round(result.seconds, 2),
        "ideal seconds": result.ideal,
        "content-creating requests per task": round(_content(usage) / result.tasks, 2),
        "requests per task": _per_task(usage.rest + Counter({"POST /graphql": usage.graphql.total()}), result.tasks),
        "git requests per task": _per_task(usage.git, result.tasks),
        "GraphQL points per task": round(usage.graphql_points / result.tasks, 2),
        "secondary points per task": round(usage.secondary_points / result.tasks, 2),
        "peak memory of the server, MB": round(result.peak_megabytes, 1),
        "start-up of the server, seconds": round(result.start_seconds, 2),
    }


def _content(usage: Usage) -> int:
    """What belongs to tasks: not the objective's status comment."""
    comments = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments"
    return usage.content_creating.total() - usage.content_creating[comments]


def _per_task(counts: Counter[str], tasks: int) -> dict[str, Json]:
    return {kind: round(count / tasks, 2) for kind, count in sorted(counts.items())}


def _tell(what: str) -> None:
    print(f"measuring: {what} …", file=sys.stderr, flush=True)


wait_without_threads()
asyncio.run(main())
