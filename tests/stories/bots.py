"""The bot of a story: in this process, or as a real process that can be killed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import structlog

from bot.demo.readiness import READY
from bot.server import serve
from bot.settings import Settings
from bot.web.server import Address

STARTS_WITHIN = 30.0


class Bot(Protocol):
    """One run of the bot."""

    async def start(self) -> str:
        """Return its address once it takes webhooks."""

    async def end(self) -> None:
        """End it as hard as it can be ended."""

    def check(self) -> None:
        """Raises what it died of, where it did."""

    def errors(self) -> list[str]:
        """What it logged as an error or with a traceback."""


class BotInProcess:
    """Cancelled in the middle of whatever it does when it ends."""

    def __init__(self, settings: Settings, log: ErrorLog) -> None:
        self._settings = settings
        self._log = log
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        addresses: list[Address] = []
        up_or_dead = asyncio.Event()

        def ready(address: Address) -> None:
            addresses.append(address)
            up_or_dead.set()

        self._task = asyncio.create_task(serve(self._settings, ready), name="the bot")
        self._task.add_done_callback(lambda task: up_or_dead.set())
        await up_or_dead.wait()
        self.check()
        return addresses[0].url

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def check(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()
            raise AssertionError("the bot ended by itself")

    def errors(self) -> list[str]:
        return self._log.found


class BotProcess:
    """``crewline serve``, with its settings in the environment; it ends by kill -9."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False

    async def start(self) -> str:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "serve"),
                env=environment_of(self._settings, self._log.parent),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(STARTS_WITHIN):
            line = (await self._process.stdout.readline()).decode()
        assert line.startswith(READY), f"it did not start: {line!r} {self._log.read_text()}"
        return line.removeprefix(READY).strip()

    def kill(self) -> None:
        """kill -9, now, and once: `Process.kill` looks whether the process has ended, and by that takes its exit code
        away from the thread of asyncio's that waits for it."""
        if self._process is not None and self._process.returncode is None and not self._killed:
            self._killed = True
            self._process.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def terminate(self) -> None:
        """TERM, as a supervisor sends it."""
        assert self._process is not None
        self._process.terminate()

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        assert self._process is not None
        return await self._process.wait()

    def freeze(self) -> None:
        """Not a step further, until `thaw`; what it started goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        if self._process is not None:
            self.kill()
            await self._process.wait()

    def check(self) -> None:
        if self._process is not None and self._process.returncode is not None:
            raise AssertionError(f"the bot ended by itself: {self._log.read_text()[-3000:]}")

    def errors(self) -> list[str]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in lines if not line.startswith("{") or _is_error(line)]


def environment_of(settings: Settings, home: Path) -> dict[str, str]:
    """The ``CREWLINE_…`` variables that say the same as `settings`."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    values |= {
        "private_key": settings.private_key_pem(),
        "webhook_secret": settings.webhook_secret.get_secret_value(),
        "log_json": True,
        "private_key_file": None,
    }
    given = {f"CREWLINE_{name.upper()}": str(value) for name, value in values.items() if value is not None}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"} | given


class ErrorLog:
    """Collects what is logged as an error or with a traceback while the block runs, and waits for what a bot in this
    process logs."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._said: list[str] = []
        self._came = asyncio.Event()
        self._before = structlog.get_config()
        self._handler = _Collecting(self.found)

    def __enter__(self) -> ErrorLog:
        structlog.configure(processors=[self._note], logger_factory=structlog.ReturnLoggerFactory())
        logging.getLogger("bot").addHandler(self._handler)
        return self

    def __exit__(self, *exc: object) -> None:
        structlog.configure(**self._before)
        logging.getLogger("bot").removeHandler(self._handler)

    async def says(self, *events: str, within: float = STARTS_WITHIN) -> None:
        """Return once one of `events` is logged from now on. Raises TimeoutError."""
        self._said.clear()
        async with asyncio.timeout(within):
            while not {*events} & {*self._said}:
                self._came.clear()
                await self._came.wait()

    @asynccontextmanager
    async def hears(self, *events: str) -> AsyncIterator[None]:
        """Each of `events` is logged, from the beginning of the block on; its end waits for that."""
        hearing = [asyncio.create_task(self.says(event)) for event in events]
        try:
            await asyncio.sleep(0)  # so that they listen
            yield
            await asyncio.gather(*hearing)
        finally:
            for task in hearing:
                task.cancel()

    def _note(self, logger: object, method: str, event: Mapping[str, object]) -> str:
        self._said.append(str(event.get("event")))
        self._came.set()
        if method in ("error", "exception", "critical") or event.get("exc_info"):
            self.found.append(f"{method}: {dict(event)}")
        return ""


class _Collecting(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(self.format(record))


def _is_error(line: str) -> bool:
    entry = json.loads(line)
    return entry.get("level") in ("error", "critical") or "exception" in entry
