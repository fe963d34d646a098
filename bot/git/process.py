"""One run of git, isolated: no settings, hooks, prompts or credentials of the machine take part.

Every run is a process of about three milliseconds, which is much of what a task costs us; what can be read
without one (see `objects`) or written without one (see `loose`) is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.git.errors import GitFailed

Config = Sequence[tuple[str, str]]

_TAIL = 8_000
_PASSED_ON = (
    "PATH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_ALWAYS: Config = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who commits."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class GitOutput:
    exit_code: int
    stdout: bytes
    stderr: str


def git_environment(repository: Path | None, config: Config = ()) -> dict[str, str]:
    """The whole environment of a run of git. `config` goes by environment, so that no argument shows it."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    settings = (*_ALWAYS, *config)
    environment |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ADVICE": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for index, (key, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{index}"] = key
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    if repository is not None:
        environment["GIT_DIR"] = str(repository)
    return environment


async def git(
    *arguments: str,
    repository: Path | None = None,
    environment: Mapping[str, str] | None = None,
    config: Config = (),
    stdin: bytes = b"",
    seconds: float = 120,
    accept: Collection[int] = (0,),
    secrets: Collection[str] = (),
    most_output: int = 64_000_000,
) -> GitOutput:
    """Run git on `repository` (its git directory) and wait for it.

    Raises GitFailed for an exit code outside `accept`, for more than `most_output` bytes of output, and where
    it has not ended after `seconds`; then its whole process group is killed.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=git_environment(repository, config) | dict(environment or {}),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await _talk(process, stdin, most_output)
    except TimeoutError:
        raise GitFailed(arguments, None, f"it was ended after {seconds:g} s") from None
    except _TooMuch:
        raise GitFailed(arguments, None, f"it printed more than {most_output} bytes") from None
    finally:
        await _reap(process)
    text = stderr.decode(errors="replace")
    for secret in secrets:
        text = text.replace(secret, "***")
    assert process.returncode is not None
    if process.returncode not in accept:
        raise GitFailed(arguments, process.returncode, text)
    return GitOutput(process.returncode, stdout, text)


def wait_without_threads() -> None:
    """From Python 3.12 on asyncio waits for processes by pidfd where the system has it; before, a thread was started
    for each process. Have it so in this one as well. To be called before the loop is run, in the main thread."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())


class _TooMuch(Exception):
    pass


async def _talk(process: asyncio.subprocess.Process, stdin: bytes, most_output: int) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    stdout = asyncio.ensure_future(_read(process.stdout, most_output))
    stderr = asyncio.ensure_future(_read_tail(process.stderr))
    try:
        if process.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(stdin)
                await process.stdin.drain()
            process.stdin.close()
        answer = await stdout, await stderr
        await process.wait()
        return answer
    finally:
        stdout.cancel()
        stderr.cancel()
        await asyncio.gather(stdout, stderr, return_exceptions=True)


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    parts = bytearray()
    while part := await stream.read(1 << 16):
        parts += part
        if len(parts) > most:
            raise _TooMuch
    return bytes(parts)


async def _read_tail(stream: asyncio.StreamReader) -> bytes:
    tail = b""
    while part := await stream.read(1 << 16):
        tail = (tail + part)[-_TAIL:]
    return tail


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind: git's helpers (git-remote-https, index-pack) are in its process group."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(drained(process))


async def drained(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that was killed; what is left in its pipes would keep asyncio from closing them."""
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(1 << 16):
            pass
    await process.wait()
