"""Hooks of sessions that do not come to a good end."""

from __future__ import annotations

import asyncio

import pytest

from bot.engines.local import LocalEngine
from bot.model.hooks import Hooks
from bot.model.session import Failed, FailureKind, SessionReport, Void
from bot.sessions import hooks
from bot.sessions.run import SessionRunner
from tests.sessions.conftest import SHOP, World, processes_with


def said(world: World) -> list[str]:
    return [line["text"] for line in world.transcript(world.worker()) if line["kind"] == "hook"]


async def test_the_last_hooks_run_after_a_time_limit(world: World) -> None:
    world.agent('write("mine.txt", "x"); time.sleep(600)')
    outcome = await world.run(world.worker(seconds=1, hooks=Hooks(after_run="cat mine.txt", before_remove="ls")))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.TIMEOUT
    assert ["`after_run` ended with exit code 0" in said(world)[0], "before_remove" in said(world)[1]] == [True, True]


async def test_a_hook_leaves_nothing_running(world: World) -> None:
    world.agent("time.sleep(0)")
    await world.run(world.worker(hooks=Hooks(before_run="setsid sleep 98771 & true")))
    assert processes_with("98771") == []


async def test_what_a_hook_finds_was_not_there_for_the_gate_to_see(world: World) -> None:
    """It comes when the work is brought back: what it commits is no part of it."""
    world.agent('write("src/a.py", "x = 1"); commit()')
    outcome = await world.run(world.worker(hooks=Hooks(after_run="echo y > src/b.py; git add -A; git commit -qm b")))
    assert outcome.kind == "published"
    assert await world.show(outcome.head, "src/a.py") == "x = 1"
    assert await world.show(outcome.head, "src/b.py") is None


async def test_a_session_that_is_stopped_has_its_last_hooks_in_a_hurry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "HURRY", 0.3)
    world.agent('print("started", flush=True)\ntime.sleep(600)')
    begun, ended = asyncio.Event(), asyncio.Queue[SessionReport]()
    world.data = world.folder / "data-2"
    runner = SessionRunner(
        world.data,
        world._mirror,
        world.roster,
        on_progress=lambda progress: begun.set() if progress.text == "started" else None,
    )
    assignment = world.worker(hooks=Hooks(after_run="echo last; sleep 600", before_remove="echo gone"))
    async with (
        runner,
        LocalEngine(runner, 1, lambda _, report: ended.put_nowait(report), runner.wind_up) as engine,
    ):
        engine.start(assignment)
        await begun.wait()
        engine.stop(SHOP, assignment.id, "the issue was closed")
        assert (await ended.get()).outcome == Void(reason="the issue was closed")
    assert "limit of 1 s" in said(world)[0]
    assert said(world)[0].endswith("last")
    assert said(world)[1].endswith("gone")
    assert not any((world.data / "work" / "octo" / "shop").iterdir())
