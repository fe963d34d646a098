"""Evidence: the verify command, run by us on one commit in a clean checkout that no agent has touched."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.git.mirror import Mirror
from bot.model.identity import CommitSha
from bot.model.session import Evidence
from bot.model.worktree import WHOLE, Shape
from bot.sandbox.bubblewrap import Room
from bot.sandbox.sandbox import UNCONFINED, Sandbox
from bot.sessions.additions import Additions
from bot.sessions.checkout import checkout, make_task_repository
from bot.sessions.confined import run_confined
from bot.sessions.process import Tail
from bot.sessions.surroundings import Folders, clean_environment

TAIL = 6_000
"""Bytes of output that are kept."""
TIMED_OUT = 124
"""The exit code of evidence that ran into its limit, as timeout(1) has it."""


class Verification:
    """A checkout of ours below `folder`, to be used as an async context manager. `ahead` is a commit near the one
    that will be verified: it is checked out while the agent works, and `run` then writes only the difference.
    """

    def __init__(
        self,
        mirror: Mirror,
        folder: Path,
        ahead: CommitSha | None = None,
        mark: str = "",
        sandbox: Sandbox = UNCONFINED,
        shape: Shape = WHOLE,
        *,
        additions: Additions | None = None,
    ) -> None:
        self._mirror = mirror
        self._folder = folder
        self._ahead = ahead
        self._mark = mark
        self._sandbox = sandbox
        self._shape = shape
        self._additions = additions
        self._made = False
        self._runs = 0
        self._preparing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._ahead is not None:
            self._preparing = asyncio.create_task(self._prepare(self._ahead))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)

    @property
    def tree(self) -> Path:
        return self._folder / "tree"

    async def _prepare(self, commit: CommitSha) -> None:
        repository = self._folder / "repository"
        if not self._made:
            for name in ("tree", "home", "tmp"):
                (self._folder / name).mkdir(parents=True)
            make_task_repository(repository, self.tree, self._mirror, "verify", {}, self._shape)
            self._made = True
        (repository / "HEAD").write_text(f"{commit}\n")
        if self._additions is not None:
            await self._additions.fetch(commit)
        await checkout(repository, self.tree, commit)
        if self._additions is not None:
            await self._additions.fill(repository, self.tree, commit)

    async def run(self, command: str, head: CommitSha, seconds: float) -> Evidence:
        """Run `command` with the shell on `head`, for at most `seconds`. Raises GitFailed where the checkout
        cannot be made; that a command fails, hangs or cannot be found is evidence. Each run has a checkout of its
        own."""
        if self._preparing is not None:
            await self._preparing
        self._runs += 1
        if self._runs > 1:  # what the command wrote the last time is not in the commit
            self._folder = self._folder.with_name(f"verify-{self._runs}")
            self._made, self._ahead = False, None
        if head != self._ahead:
            await self._prepare(head)
        tail = Tail(TAIL)
        folders = Folders(self._folder / "home", self._folder / "tmp", self._mark)
        ending = await run_confined(
            self._sandbox,
            self._room(),
            ("/bin/sh", "-c", command),
            environment=clean_environment(folders, self._mirror.identity),
            seconds=seconds,
            on_output=tail,
        )
        text = tail.text
        if ending.timed_out:
            text += f"\n(ended at the limit of {seconds:g} s)"
        if ending.problem:
            text += f"\n({ending.problem})"
        code = TIMED_OUT if ending.timed_out else ending.code
        return Evidence(command=command, exit_code=code, head=head, seconds=round(ending.seconds, 3), tail=text)

    def _room(self) -> Room:
        own = (self.tree, self._folder / "repository", self._folder / "home", self._folder / "tmp")
        lent = self._additions.lent if self._additions is not None else ()
        return Room(self.tree, own[-1], writable=own, readable=(self._mirror.path.absolute() / "objects", *lent))
