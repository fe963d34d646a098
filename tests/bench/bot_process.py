"""The bot as a real process beside a localhub in this one, for measuring."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

SERVE = (
    "import asyncio, sys, structlog\n"
    "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))\n"
    "from bot.git.process import wait_without_threads\n"
    "from bot.server import serve\n"
    "from bot.settings import Settings\n"
    "wait_without_threads()\n"
    "asyncio.run(serve(Settings(), lambda address: print(address.port, flush=True)))\n"
)


@dataclass(frozen=True, slots=True)
class BotProcess:
    """`seconds` is the time from the start of the interpreter until webhooks are taken."""

    pid: int
    port: int
    seconds: float

    def peak_megabytes(self) -> float:
        """The most memory that the server itself had so far (VmHWM), without its agents."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def bot_process(environment: Mapping[str, str], log: Path) -> AsyncIterator[BotProcess]:
    """Run the server with these settings; it ends with the block."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SERVE,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            if not line:
                told = await asyncio.to_thread(log.read_text)
                raise RuntimeError(f"the server did not start: {told[-2000:]}")
            yield BotProcess(process.pid, int(line), loop.time() - began)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()
