"""Running a session's programs in the sandbox that is in force, with the network that it leaves them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from bot.model.sandbox import Bounds, NetworkMode
from bot.sandbox.bubblewrap import Room
from bot.sandbox.census import Census, kill_below
from bot.sandbox.container_run import ContainerRun
from bot.sandbox.disk import until_full
from bot.sandbox.proxy import ADDRESS, Proxy
from bot.sandbox.reach import Reach
from bot.sandbox.sandbox import Sandbox
from bot.sessions.process import Ending, OnOutput, run_guarded
from bot.sessions.surroundings import PROXIES

_MOST_TOLD = 20
"""Refusals that are told one by one."""


async def run_confined(
    sandbox: Sandbox,
    room: Room,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    on_output: OnOutput,
    on_error_output: OnOutput | None = None,
    enough: asyncio.Future[None] | None = None,
    reach: Reach | None = None,
    on_notice: Callable[[str], None] = lambda what: None,
) -> Ending:
    """As `run_guarded`, in `sandbox` and within its bounds; `room` says what the program needs. Where the network is
    `model-only`, it may reach what `reach` says (without it: what the settings add). `on_notice` is told what it was
    kept from. Raises OSError where the machine refuses what it offered at the start."""
    if sandbox.refusal is not None:
        return Ending(126, 0.0, problem=f"it was not started: {sandbox.statement()}")
    program = str(room.folder / argv[0]) if "/" in argv[0] else argv[0]
    if sandbox.wraps and shutil.which(program, path=environment.get("PATH")) is None:
        return Ending(127, 0.0, problem="it could not be started: No such file or directory")
    if sandbox.network is not NetworkMode.OPEN:
        environment = {name: value for name, value in environment.items() if name not in PROXIES}
    group = sandbox.group()
    try:
        async with AsyncExitStack() as stack:
            use = await stack.enter_async_context(_Use(sandbox, room, enough))
            door = None
            if sandbox.network is NetworkMode.MODEL_ONLY:
                proxy = Proxy(reach or Reach(sandbox.policy.hosts), _Once(on_notice))
                door = (await stack.enter_async_context(proxy)).path
                environment = {**environment, **_through_proxy()}
            start = partial(
                run_guarded,
                folder=room.folder,
                seconds=seconds,
                on_output=on_output,
                on_error_output=on_error_output,
                enough=use.over,
                on_guard=use.count,
            )
            if sandbox.engine is not None:
                run = await stack.enter_async_context(ContainerRun(sandbox.engine, environment))
                ending = await start(sandbox.contain(argv, environment, room, run, door), environment=run.environment)
                use.reached += _seen_inside(run, ending, use)
            else:
                ending = await start(sandbox.confine(argv, environment, room, group, door), environment=environment)
                use.reached += group.reached() if group is not None else ()
        return _explained(ending, sandbox.policy.bounds, use, on_notice)
    finally:
        if group is not None:
            await asyncio.to_thread(sandbox.give_back, group)


def _seen_inside(run: ContainerRun, ending: Ending, use: _Use) -> tuple[str, ...]:
    """The bounds that a container came up against. Raises OSError where there was none. Where its client was killed,
    the engine may still take it for one that runs."""
    by_itself = not ending.timed_out and not use.over.done() and not use.ended_it
    if not run.began and by_itself:
        raise OSError(f"the container engine could not start a container (exit code {ending.code})")
    run.ended_well = by_itself and ending.code < 128 and ending.problem is None
    return run.reached()


def _explained(ending: Ending, bounds: Bounds, use: _Use, tell: Callable[[str], None]) -> Ending:
    """`ending`, with the bound that it came up against."""
    words = {
        "memory": f"{bounds.memory_mb} MB of memory",
        "processes": f"{bounds.processes} processes",
        "disk": f"{bounds.disk_mb} MB of disk",
    }
    reached = [words[name] for name in words if name in use.reached]
    for bound in reached:
        tell(f"it reached its bound of {bound}")
    if use.ended_it or (reached and ending.code in (137, 143)):
        return replace(ending, code=ending.code or 137, problem=f"it was ended at its bound of {' and '.join(reached)}")
    return ending


class _Use:
    """Watches what a run uses where nothing else bounds it. `over` is done when that is too much, or when `enough` is;
    `reached` are the bounds that it came up against, and `ended_it` says whether it is ended for that."""

    def __init__(self, sandbox: Sandbox, room: Room, enough: asyncio.Future[None] | None) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reached: list[str] = []
        self.ended_it = False
        self._most = sandbox.policy.bounds.disk_mb * 1_000_000
        self._counted, self._census = sandbox.watched, sandbox.census
        self._folders = room.writable
        self._enough = enough
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        if self._enough is not None:
            self._enough.add_done_callback(self._end)
        if self._most:
            self._tasks.append(asyncio.create_task(self._watch_disk()))
        return self

    def count(self, guard: int) -> None:
        """The run is below this process."""
        if self._census is not None and self._counted != Bounds():
            self._tasks.append(asyncio.create_task(self._watch_processes(self._census, guard)))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._enough is not None:
            self._enough.remove_done_callback(self._end)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_disk(self) -> None:
        await until_full(self._folders, self._most)
        self._note("disk")
        self._end()

    async def _watch_processes(self, census: Census, guard: int) -> None:
        """What is above its bound is given no grace, in which it would only take more. Why it ends is noted first: its
        guard may be the first to tell that it has ended."""
        reached = await census.until_over(guard, self._counted)
        self._note(reached)
        await asyncio.to_thread(kill_below, guard)
        self._end()

    def _note(self, bound: str) -> None:
        self.reached.append(bound)
        self.ended_it = True

    def _end(self, done: asyncio.Future[None] | None = None) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _through_proxy() -> dict[str, str]:
    """Programs agree on neither upper nor lower case."""
    values = {"http_proxy": ADDRESS, "https_proxy": ADDRESS, "no_proxy": "127.0.0.1,localhost"}
    return values | {name.upper(): value for name, value in values.items()}


class _Once:
    """Tells each refusal once, and not without end: an agent may ask for names by the thousand."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def __call__(self, what: str) -> None:
        if what not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(what)
            self._tell(f"it may not reach {what}")
