"""git between a bot's mirror and the hub's repository, without a network.

The bot runs `git fetch` and `git push` against an address of the hub. Here the address is exchanged for the folder of
the hub's bare repository, and around it happens what `bot/localhub/git/http.py` does around the same services: the
token is asked for, requests are counted, rules refuse, and what follows from a push is told to the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

from bot.localhub.authentication import Caller, authenticate
from bot.localhub.model.actor import Level, Role, require, require_sight
from bot.localhub.model.errors import Forbidden, HubError, NotFound, Unauthorized
from bot.localhub.model.hub import Hub
from bot.localhub.model.push import moves_between, refs_moved
from bot.localhub.model.refs import may_change_workflows, protected
from bot.localhub.model.repository import Repository
from bot.localhub.model.settings import Outage
from tests.torture import transfer
from tests.torture.boundaries import Boundaries, Lost
from tests.torture.doors import HubSide
from tests.torture.processes import Command, Ended, run
from tests.torture.shortcuts import known
from tests.torture.virtual_loop import LIFE


class GitDoor:
    """The programs of a theatre: git at once, but where it talks to the hub."""

    def __init__(self) -> None:
        self._hub: Hub | None = None
        self._side: HubSide | None = None
        self._boundaries: Boundaries | None = None

    def open(self, hub: Hub, side: HubSide, boundaries: Boundaries) -> None:
        """Lead to `hub` from now on."""
        self._hub, self._side, self._boundaries = hub, side, boundaries

    def takes_time(self, command: Command) -> Awaitable[Ended] | None:
        life = LIFE.get()
        if life is not None and life.dead:
            return _refused()
        verb = command.arguments[1]
        address = _remote(command) if verb in ("fetch", "push") else None
        if address is None or self._hub is None or not address.startswith(self._hub.base_url):
            return None
        return self._talk(command, verb, address)

    def at_once(self, command: Command) -> Ended:
        return known(command) or run(command)

    async def _talk(self, command: Command, verb: str, address: str) -> Ended:
        assert self._hub is not None
        assert self._side is not None
        assert self._boundaries is not None
        what = _named(command, verb)
        life = LIFE.get()
        unsent = Ended(128, b"", f"fatal: unable to access '{address}': Could not resolve host\n".encode())
        broken = Ended(128, b"", b"fatal: the remote end hung up unexpectedly\n")
        try:
            await self._boundaries.reach(f"begins to {what}", on_its_way=True)
        except Lost:
            return unsent
        if (life is not None and life.cut_off) or self._side.shut:
            return unsent
        ended = await self._side.do(self._arrive(command, verb, address))
        await self._side.way()
        if life is not None and life.cut_off:
            return broken
        try:
            await self._boundaries.reach(f"ends to {what}: {ended.exit_code}", on_its_way=True)
        except Lost:
            return broken
        return ended

    async def _arrive(self, command: Command, verb: str, address: str) -> Ended:
        assert self._hub is not None
        assert self._side is not None
        await self._side.way()
        match self._hub.faults.outage:
            case None:
                return await self._serve(command, verb, address)
            case Outage.SILENCE:
                await asyncio.sleep(float(_setting(command, "http.lowSpeedTime")))
                return Ended(128, b"", f"fatal: unable to access '{address}': Operation too slow\n".encode())
            case _:
                return Ended(
                    128, b"", f"fatal: unable to access '{address}': The requested URL returned error: 502\n".encode()
                )

    async def _serve(self, command: Command, verb: str, address: str) -> Ended:
        assert self._hub is not None
        try:
            repository, caller = _admit(self._hub, command, address, push=verb == "push")
        except Unauthorized:
            return Ended(128, b"", f"fatal: Authentication failed for '{address}'\n".encode())
        except HubError as error:
            words = f"remote: {error.message}\nfatal: unable to access '{address}': "
            return Ended(128, b"", f"{words}The requested URL returned error: {error.status}\n".encode())
        there = _at_folder(command, address, repository.git.path)
        self._hub.meter.count_git(caller.charged, "refs")
        self._hub.meter.count_git(caller.charged, "push" if verb == "push" else "fetch")
        if verb == "push":
            return await _push(self._hub, repository, caller, there)
        return transfer.fetch(there, await _as_it_is(repository)) or run(there)


async def _as_it_is(repository: Repository) -> transfer.Hub:
    refs = await repository.git.refs()
    branches = (ref for ref in refs if ref.startswith("refs/heads/"))
    closed = frozenset(ref for ref in branches if protected(repository, ref.removeprefix("refs/heads/")))
    return transfer.Hub(repository.git.path, refs, closed, f"refs/heads/{repository.default_branch}")


async def _refused() -> Ended:
    return Ended(128, b"", b"fatal: the bot is dead\n")


async def _push(hub: Hub, repository: Repository, caller: Caller, command: Command) -> Ended:
    actor = caller.actor
    assert actor is not None
    git = repository.git
    reasons = hub.directory / "reasons"
    async with git.writing:
        there = await _as_it_is(repository)
        policy = {
            "LOCALHUB_REASONS": str(reasons),
            "LOCALHUB_PROTECTED": f" {' '.join(there.closed)} ",
            "LOCALHUB_BASE": there.refs.get(there.default, ""),
            "LOCALHUB_NO_WORKFLOWS": "" if may_change_workflows(actor, repository) else "1",
        }
        ended = transfer.push(command, there) or run(replace(command, environment={**command.environment, **policy}))
        git.refs_written()
        await refs_moved(repository, actor, moves_between(dict(there.refs), await git.refs()))
    refused = reasons.read_text().splitlines() if reasons.exists() else []
    reasons.unlink(missing_ok=True)
    stdout = ended.stdout.decode(errors="replace")
    for ref, _, reason in (line.partition("\t") for line in refused):
        lines = (line.replace("hook declined", reason) if f":{ref}\t" in line else line for line in stdout.split("\n"))
        stdout = "\n".join(lines)
    return Ended(ended.exit_code, stdout.encode(), ended.stderr)


def _admit(hub: Hub, command: Command, address: str, *, push: bool) -> tuple[Repository, Caller]:
    """As `GitFace` admits. Raises HubError."""
    caller = authenticate(hub, _setting(command, f"http.{hub.base_url}/.extraHeader").partition(": ")[2] or None)
    name = address.removeprefix(f"{hub.base_url}/").removesuffix(".git")
    repository = hub.find_repository(name) or hub.renamed_repository(name)
    if caller.actor is None:
        raise Unauthorized("Authentication required")
    if repository is None:
        raise NotFound("Repository not found.")
    require_sight(caller.actor, repository)
    try:
        level, role = (Level.WRITE, Role.WRITE) if push else (Level.READ, Role.READ)
        require(caller.actor, repository, role=role, permissions=("contents",), level=level)
    except Forbidden as error:
        words = f"Permission to {repository.full_name}.git denied to {caller.actor.account.login}."
        raise Forbidden(words) from error
    return repository, caller


def _setting(command: Command, key: str) -> str:
    """What was said last counts."""
    environment = command.environment
    for index in reversed(range(int(environment.get("GIT_CONFIG_COUNT", "0")))):
        if environment[f"GIT_CONFIG_KEY_{index}"] == key:
            return environment[f"GIT_CONFIG_VALUE_{index}"]
    return ""


def _remote(command: Command) -> str | None:
    return _setting(command, "remote.origin.url") or None


def _at_folder(command: Command, address: str, folder: Path) -> Command:
    environment = {name: str(folder) if value == address else value for name, value in command.environment.items()}
    return Command(command.arguments, environment, command.folder, command.stdin)


def _named(command: Command, verb: str) -> str:
    """The refs that it moves or asks for."""
    specs = [argument for argument in command.arguments[2:] if not argument.startswith("-") and ":" in argument]
    refs = (spec.partition(":")[2 if verb == "push" else 0].lstrip("+") for spec in specs)
    return f"{verb} {' '.join(ref.removeprefix('refs/heads/') for ref in refs)}"
