"""Running a session's programs in the sandbox that is in force, with the network that it leaves them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence

from bot.model.sandbox import NetworkMode
from bot.sandbox.bubblewrap import Room
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
    reach: Reach | None = None,
    on_refusal: Callable[[str], None] = lambda what: None,
) -> Ending:
    """As `run_guarded`, in `sandbox`; `room` says what the program needs. Where the network is `model-only`, it may
    reach what `reach` says (without it: what the settings add), and `on_refusal` is told what it may not."""

    async def run(environment: Mapping[str, str], proxy: Proxy | None = None) -> Ending:
        return await run_guarded(
            sandbox.confine(argv, environment, room, proxy.path if proxy else None),
            folder=room.folder,
            environment=environment,
            seconds=seconds,
            on_output=on_output,
            on_error_output=on_error_output,
        )

    network = sandbox.policy.network
    if sandbox.host is None:
        return await run(environment)
    if shutil.which(argv[0], path=environment.get("PATH")) is None:
        return Ending(127, 0.0, problem="it could not be started: No such file or directory")
    if network is NetworkMode.OPEN:
        return await run(environment)
    inside = {name: value for name, value in environment.items() if name not in PROXIES}
    reach = reach or Reach(sandbox.policy.hosts)
    if network is NetworkMode.NONE:
        return await run(inside)
    async with Proxy(reach, _Once(on_refusal)) as proxy:
        return await run({**inside, **_through_proxy()}, proxy)


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
            self._tell(what)
