"""How long a session waits for its tree in a repository of 50,000 files, against plain ``git worktree add``.

Plain git and ours take turns, so that both have the same machine; ratios are of medians. Where trees stand ready, the
base has moved on by a hundred commits since they were made. Nothing is deleted meanwhile: on one ext4, a tree that is
made right after a large one was deleted takes many times as long.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from pydantic import BaseModel

from bot.git.mirror import Mirror, no_token
from bot.git.process import git, wait_without_threads
from bot.model.assignment import Assignment, PlannerBriefing
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.session import Role
from bot.sessions.ready import ReadyTrees
from bot.sessions.trash import Trash
from bot.sessions.workplace import make_workplace
from tests.git.conftest import BOT

FILES = 50_000
FOLDERS = 500
SIZE = 2_000
NEWER = 100
"""Commits that the base is ahead of trees that stand ready."""
TOUCHED = 5
"""Files that each of them changes."""
AT_ONCE = 8
SHOP = RepositoryName("octo", "shop")


class Cost(NamedTuple):
    """Seconds until a session has its tree (of eight at once: until all have), and seconds of processor time, which
    depend less on what else the machine does."""

    seconds: float
    processor: float


class TreeCosts(BaseModel, frozen=True):
    """Medians."""

    plain: Cost
    ours: Cost
    ready: Cost
    plain_at_once: Cost
    ours_at_once: Cost
    ready_at_once: Cost


async def tree_costs(folder: Path) -> TreeCosts:
    """In a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.worktrees", str(folder)), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return TreeCosts.model_validate_json(output)


def _history() -> Iterator[bytes]:
    """For ``git fast-import``: one large commit, then small ones."""
    names = [b"src/part%03d/file%05d.txt" % (number % FOLDERS, number) for number in range(FILES)]
    for count in range(NEWER + 1):
        yield b"commit refs/heads/main\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n" % (1_700_000_000 + count)
        for number in range(FILES) if count == 0 else range(count * TOUCHED, (count + 1) * TOUCHED):
            text = (b"%d %d of the content of this file\n" % (number, count)) * (SIZE // 40)
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (names[number], len(text), text)


async def _repository(folder: Path) -> tuple[Mirror, CommitSha, CommitSha]:
    """The mirror, the base when trees were made ready, and the base now."""
    remote = folder / "remote.git"
    await asyncio.to_thread(subprocess.run, ["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    stream = b"".join(_history())
    await git("fast-import", "--quiet", repository=remote, stdin=stream, seconds=600)
    mirror = Mirror(folder / "mirror.git", str(remote), no_token, BOT)
    await mirror.prepare()
    await mirror.fetch()
    now = await mirror.branch("main")
    then = await mirror.resolve(f"main~{NEWER}" if now is None else f"{now}~{NEWER}")
    assert now is not None
    assert then is not None
    return mirror, then, now


class _Ways:
    def __init__(self, folder: Path, mirror: Mirror, then: CommitSha, now: CommitSha) -> None:
        self._folder = folder
        self._mirror = mirror
        self._then = then
        self._now = now
        self._count = 0
        self._lock = asyncio.Lock()

    def _next(self) -> Path:
        self._count += 1
        return self._folder / "trees" / f"t{self._count}"

    async def plain(self) -> Path:
        """Side by side it has to be in two steps: whole, they fail over each other's locks."""
        path = self._next()
        add = ("worktree", "add", "--quiet", "--no-track", "--no-checkout", "-b", path.name, str(path), self._now)
        async with self._lock:
            await git(*add, repository=self._mirror.path, seconds=600)
        await git("-C", str(path), "reset", "--quiet", "--hard", seconds=600)
        return path

    async def alone(self) -> Path:
        """Exactly ``git worktree add``."""
        path = self._next()
        add = ("worktree", "add", "--quiet", "--no-track", "-b", path.name, str(path), self._now)
        await git(*add, repository=self._mirror.path, seconds=600)
        return path

    async def ours(self, trees: ReadyTrees | None = None) -> Path:
        path = self._next()
        place = await make_workplace(self._mirror, _assignment(path.name), path, self._now, datetime.now(UTC), trees)
        assert place.start == self._now
        return path

    async def ready(self, at_once: int) -> Cost:
        """Where trees stand ready that were made when the base was older."""
        trash = Trash(self._folder / "trash")  # nobody empties it: deleting would burden what is measured next
        async with ReadyTrees(self._folder / f"ready-{self._count}", trash, at_once) as trees:
            for _ in range(at_once):
                trees.began(self._mirror, SHOP, self._then, _assignment("t0").worktree, 10.0)
            await trees.settled()
            assert trees.standing(SHOP) == at_once
            await asyncio.sleep(2.1)  # nobody takes one in the very second in which it was made
            return await _timed(lambda: self.ours(trees), at_once)


def _assignment(name: str) -> Assignment:
    return Assignment(
        id=SessionId(f"1.planner.{name.removeprefix('t')}"),
        repository=str(SHOP),
        objective=1,
        role=Role.PLANNER,
        task=None,
        agent="x",
        model=None,
        seconds=60,
        base_branch="main",
        briefing=PlannerBriefing(title="T", body="B", most_tasks=3, verify_command=None),
    )


async def _timed(way: Callable[[], Awaitable[Path]], at_once: int = 1) -> Cost:
    began, used = perf_counter(), _processor()
    await asyncio.gather(*(way() for _ in range(at_once)))
    return Cost(perf_counter() - began, _processor() - used)


def _processor() -> float:
    """Of this process and of all that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(median(cost.seconds for cost in costs), median(cost.processor for cost in costs))


async def measured(folder: Path, rounds: int = 3, rounds_at_once: int = 3) -> TreeCosts:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for name in ("trees", "trash"):
        await asyncio.to_thread((folder / name).mkdir)
    mirror, then, now = await _repository(folder)
    ways = _Ways(folder, mirror, then, now)
    async with mirror:
        single = [(await _timed(ways.alone), await _timed(ways.ours), await ways.ready(1)) for _ in range(rounds)]
        many = [
            (await _timed(ways.plain, AT_ONCE), await _timed(ways.ours, AT_ONCE), await ways.ready(AT_ONCE))
            for _ in range(rounds_at_once)
        ]
    (plain, ours, ready), (plain_8, ours_8, ready_8) = (
        [_median(column) for column in zip(*rows, strict=True)] for rows in (single, many)
    )
    return TreeCosts(
        plain=plain, ours=ours, ready=ready, plain_at_once=plain_8, ours_at_once=ours_8, ready_at_once=ready_8
    )


if __name__ == "__main__":
    wait_without_threads()
    print(asyncio.run(measured(Path(sys.argv[1]))).model_dump_json())
