"""The guard, forked or started on its own: however a session ends, nothing of it runs afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sessions import process
from bot.sessions.guards import GUARDS, GuardServer
from bot.sessions.process import Tail, run_guarded
from tests.sessions.conftest import processes_with

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@pytest.fixture(params=["forked", "alone"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[GuardServer | None]:
    async with GuardServer() as server:
        yield server if request.param == "forked" else None


@pytest.fixture
async def forking() -> AsyncIterator[GuardServer]:
    async with GuardServer() as server:
        yield server


async def said(command: str, folder: Path, **more: str) -> str:
    """What a shell says behind a guard."""
    tail = Tail(100_000)
    environment = {**ENVIRONMENT, **more}
    await run_guarded(("sh", "-c", command), folder=folder, environment=environment, seconds=20, on_output=tail)
    return tail.text.strip()


async def test_exit_codes_signals_and_missing_programs_are_told_apart(
    server: GuardServer | None, tmp_path: Path
) -> None:
    GUARDS.set(server)

    async def ending(*argv: str) -> tuple[int, str | None]:
        ended = await run_guarded(argv, folder=tmp_path, environment=ENVIRONMENT, seconds=20, on_output=Tail(100))
        return ended.code, ended.problem

    assert await ending("sh", "-c", "exit 3") == (3, None)
    assert await ending("sh", "-c", "kill -11 $$") == (139, None)
    assert await ending("no-such-program") == (127, "it could not be started: No such file or directory")
    elsewhere = tmp_path / "nowhere"
    ended = await run_guarded(("true",), folder=elsewhere, environment=ENVIRONMENT, seconds=20, on_output=Tail(100))
    assert (ended.code, ended.problem) == (127, "it could not be started: No such file or directory")


async def test_standard_input_is_empty_and_the_environment_is_clean(server: GuardServer | None, tmp_path: Path) -> None:
    GUARDS.set(server)
    tail = Tail(1000)
    command = ("sh", "-c", "cat; env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e ^_ | sort; pwd")
    await run_guarded(command, folder=tmp_path, environment=ENVIRONMENT, seconds=20, on_output=tail)
    assert tail.text.split() == ["CREWLINE_RUN", "LANG", "PATH", str(tmp_path)]


async def test_no_file_of_the_bot_is_open_in_an_agent(server: GuardServer | None, tmp_path: Path) -> None:
    GUARDS.set(server)
    tail = Tail(1000)
    secret = os.open(tmp_path / "secret", os.O_CREAT | os.O_RDWR)
    try:
        command = ("sh", "-c", "ls /proc/self/fd")
        await run_guarded(command, folder=tmp_path, environment=ENVIRONMENT, seconds=20, on_output=tail)
    finally:
        os.close(secret)
    assert tail.text.split() == ["0", "1", "2", "3"]  # 3 is the folder that ls reads


async def test_the_limit_is_announced_by_term(server: GuardServer | None, tmp_path: Path) -> None:
    GUARDS.set(server)
    tail = Tail(1000)
    command = ("sh", "-c", "trap 'echo saving; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    ended = await run_guarded(command, folder=tmp_path, environment=ENVIRONMENT, seconds=0.5, on_output=tail)
    assert (ended.timed_out, ended.code) == (True, 5)
    assert tail.text.splitlines()[-1] == "saving"


async def test_cancelling_ends_everything(server: GuardServer | None, tmp_path: Path) -> None:
    GUARDS.set(server)
    started = asyncio.Event()
    command = ("sh", "-c", "setsid sleep 98768 & echo on; sleep 98768")
    running = asyncio.create_task(
        run_guarded(
            command,
            folder=tmp_path,
            environment={**ENVIRONMENT, "WHERE": str(tmp_path)},
            seconds=60,
            on_output=lambda _: started.set(),
        )
    )
    await started.wait()
    assert len(processes_with(f"WHERE={tmp_path}")) >= 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(f"WHERE={tmp_path}") == []


async def test_a_forked_guard_shows_nothing_of_the_bot(
    forking: GuardServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREWLINE_PRIVATE_KEY", "hush")
    GUARDS.set(forking)
    shown = await said("cat /proc/$PPID/environ | tr '\\0' '\\n' | cut -d= -f1; readlink /proc/$PPID/fd/*", tmp_path)
    assert shown.splitlines()[0] == "CREWLINE_RUN"
    assert "hush" not in shown
    assert "socket:" not in shown
    assert await said("cut -d' ' -f4 /proc/$PPID/stat", tmp_path) == str(forking.pid)


async def test_what_kills_the_process_that_forks_disturbs_nobody(forking: GuardServer, tmp_path: Path) -> None:
    GUARDS.set(forking)
    kill = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); echo alive"
    assert await said(kill, tmp_path) == "alive"
    assert await said("echo again", tmp_path) == "again"
    assert await said("cut -d' ' -f4 /proc/$PPID/stat", tmp_path) == str(forking.pid)


async def test_a_process_that_forks_no_more_is_replaced(
    forking: GuardServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GREETING", 0.2)
    GUARDS.set(forking)
    await forking.prepare()
    stopped = forking.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    assert await said("echo alone", tmp_path) == "alone"
    monkeypatch.undo()
    assert await said("echo again", tmp_path) == "again"
    assert forking.pid != stopped


async def test_a_request_that_is_too_large_to_send_has_a_guard_of_its_own(forking: GuardServer, tmp_path: Path) -> None:
    GUARDS.set(forking)
    assert await said("echo ${#LONG}", tmp_path, LONG="x" * 100_000) == "100000"
    assert forking.pid is None


async def test_after_its_end_nothing_is_forked(tmp_path: Path) -> None:
    async with GuardServer() as server:
        GUARDS.set(server)
        assert await said("echo on", tmp_path) == "on"
        pid = server.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert await said("echo still", tmp_path) == "still"
    assert server.pid is None


BOT = """
import asyncio, sys
from pathlib import Path
from bot.sessions.guards import GUARDS, GuardServer
from bot.sessions.process import run_guarded
async def main():
    if sys.argv[3] == "forked":
        GUARDS.set(GuardServer())
    command = ("sh", "-c", "trap '' TERM; (trap '' TERM; setsid sleep 98769 &) ; echo on; while :; do sleep 1; done")
    await run_guarded(command, folder=Path(sys.argv[1]), environment={"PATH": sys.argv[2], "WHERE": sys.argv[1]},
                      seconds=600, on_output=lambda chunk: print("on", flush=True), grace=0.2)
asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere only the process group is ended")
@pytest.mark.parametrize("form", ["forked", "alone"])
def test_killing_the_bot_leaves_no_agent_behind(form: str, tmp_path: Path) -> None:
    program = tmp_path / "bot_program.py"
    program.write_text(BOT)
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path), os.environ["PATH"], form],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    ) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == b"on\n"
        agents = processes_with(f"WHERE={tmp_path}")
        assert len(agents) >= 2
        watches = [os.pidfd_open(pid) for pid in agents]
        bot.send_signal(signal.SIGKILL)
        for watch in watches:  # each becomes readable when its process has ended
            assert _ended(watch, 20), "a process outlived the bot"
            os.close(watch)
    assert processes_with(f"WHERE={tmp_path}") == []


def _ended(watch: int, seconds: float) -> bool:
    import select

    return bool(select.select([watch], [], [], seconds)[0])
