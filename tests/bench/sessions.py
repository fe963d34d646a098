"""What a session costs besides its agent, in a process of its own: ``python -m tests.bench.sessions FOLDER``.

Overhead is all the time from the assignment to the report, with an agent that does nothing (``true``, a millisecond)
and, less the agent's own time, with one that commits a file which is then brought back, judged and verified.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import structlog
from pydantic import BaseModel

from bot.agents.roster import Roster
from bot.git.mirror import Mirror, no_token
from bot.git.process import wait_without_threads
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName, SessionId
from bot.model.offer import AgentOffer
from bot.model.session import Published
from bot.sessions.archive import read_lines
from bot.sessions.guards import GUARD
from bot.sessions.live import Progress
from bot.sessions.run import SessionRunner
from tests.git.conftest import BOT, Remote
from tests.sessions.conftest import World

IDLE = "true"
COMMITTING = "sh -c 'echo 1 > src/a.py && git add -A && git commit -q -m work'"
LONG = "sh -c 'echo on; exec sleep 600'"
LINES = 150_000
TALKING = f"seq -f 'This is line %.0f of what an agent has to say.' {LINES}"
ROUNDS = 5
AT_ONCE = 8
RUNNING = 50


class SessionCosts(BaseModel, frozen=True):
    """Milliseconds of a session around its agent (medians), megabytes for each of fifty that run, and lines of output
    that are heard, masked and kept in a second of this process's own time, with and without a budget."""

    idle: float
    idle_at_once: float
    committing: float
    committing_at_once: float
    server_megabytes: float
    guard_megabytes: float
    lines_a_second: float
    lines_a_second_with_budget: float


async def session_costs(folder: Path) -> SessionCosts:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.sessions", str(folder)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return SessionCosts.model_validate_json(output)


async def _measured(folder: Path) -> SessionCosts:
    world = await _world(folder)
    async with world.mirror:
        async with _runner(world, "idle", IDLE) as runner:
            idle = [await _overhead(runner, world.worker(), number) for number in range(ROUNDS)]
            idle_at_once = await _side_by_side(runner, world.worker())
        verified = world.worker(verify_command="true")
        async with _runner(world, "committing", COMMITTING) as runner:
            committing = [await _overhead(runner, verified, number) for number in range(ROUNDS)]
            committing_at_once = await _side_by_side(runner, verified)
        server, guards = await _memory(world)
        async with _runner(world, "talking", TALKING) as runner:  # after it, memory would be there to be used again
            lines = await _throughput(runner, world, world.worker(seconds=600), 1)
            bounded = await _throughput(runner, world, world.worker(seconds=600, usd=100.0, tokens=10**9), 2)
    return SessionCosts(
        idle=median(idle),
        idle_at_once=median(idle_at_once),
        committing=median(committing),
        committing_at_once=median(committing_at_once),
        server_megabytes=server,
        guard_megabytes=guards,
        lines_a_second=lines,
        lines_a_second_with_budget=bounded,
    )


async def _world(folder: Path) -> World:
    await asyncio.to_thread(folder.mkdir, parents=True)
    remote = await asyncio.to_thread(Remote, folder)
    await asyncio.to_thread(remote.commit, {"README.md": "# Shop\n", "src/shop.py": "price = 1\n"})
    mirror = Mirror(folder / "mirror.git", str(remote.path), no_token, BOT)
    return World(folder, remote, mirror)


@asynccontextmanager
async def _runner(
    world: World, name: str, command: str, on_progress: Callable[[Progress], None] = lambda progress: None
) -> AsyncIterator[SessionRunner]:
    async def mirrors(repository: RepositoryName) -> Mirror:
        return world.mirror

    roster = Roster({"scripted": AgentOffer(command=command)}, {})
    async with SessionRunner(world.folder / f"data-{name}", mirrors, roster, on_progress=on_progress) as runner:
        yield runner


async def _overhead(runner: SessionRunner, assignment: Assignment, number: int) -> float:
    """Milliseconds."""
    numbered = assignment.model_copy(update={"id": SessionId(f"12.parser.worker.{number}")})
    began = perf_counter()
    report = await runner.run(numbered)
    took = perf_counter() - began
    if assignment.verify_command is None:
        return took * 1000
    assert isinstance(report.outcome, Published), report.outcome
    return (took - report.spend.seconds) * 1000


async def _side_by_side(runner: SessionRunner, assignment: Assignment) -> list[float]:
    numbers = range(ROUNDS, ROUNDS + AT_ONCE)
    return await asyncio.gather(*(_overhead(runner, assignment, number) for number in numbers))


async def _throughput(runner: SessionRunner, world: World, assignment: Assignment, number: int) -> float:
    used = process_time()
    await _overhead(runner, assignment, number)
    used = process_time() - used
    packed = world.folder / f"data-talking/transcripts/octo/shop/12.parser.worker.{number}.jsonl"
    kept = await asyncio.to_thread(lambda: sum('"kind":"message"' in line for line in read_lines(packed)))
    assert kept == LINES, f"{kept} of {LINES} lines are in the transcript"
    return LINES / used


async def _memory(world: World) -> tuple[float, float]:
    """What this process grew by, and what the guards have for themselves, for each session that runs."""
    heard: set[SessionId] = set()
    all_on = asyncio.Event()

    def on(progress: Progress) -> None:
        heard.add(progress.session)
        if len(heard) == RUNNING:
            all_on.set()

    async with _runner(world, "long", LONG, on) as runner, asyncio.TaskGroup() as group:
        before = await asyncio.to_thread(_megabytes, Path("/proc/self/status"), "VmRSS")
        tasks = [group.create_task(_overhead(runner, world.worker(seconds=600), number)) for number in range(RUNNING)]
        await all_on.wait()
        after = await asyncio.to_thread(_megabytes, Path("/proc/self/status"), "VmRSS")
        guards = await asyncio.to_thread(_guards)
        for task in tasks:
            task.cancel()
    return (after - before) / RUNNING, guards / RUNNING


def _guards() -> float:
    """Megabytes of all guards, what they share counted once."""
    total = 0.0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(GUARD).encode() in command.read_bytes().split(b"\0"):
                total += _megabytes(command.with_name("smaps_rollup"), "Pss")
        except OSError:
            continue
    return total


def _megabytes(table: Path, name: str) -> float:
    lines = [line.split() for line in table.read_text().splitlines()]
    return next(int(words[1]) / 1024 for words in lines if words[0] == f"{name}:")


if __name__ == "__main__":
    wait_without_threads()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the report is all of the output
    print(asyncio.run(_measured(Path(sys.argv[1]))).model_dump_json())
