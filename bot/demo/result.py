"""What a try brings back: a bundle with all that was merged, and with the branches of what was not."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.text import Text

from bot.demo.report import run
from bot.demo.source import Source
from bot.localhub.model.repository import Repository

OBJECTIVE = 1
"""The number of the objective: it is the first issue of a new repository."""


@dataclass
class Result:
    """Handed over as often as there is more. `base` is the head of the default branch before anything was merged,
    `wanted` the folder for the bundle, None for a temporary one, which is made when there is something to put in."""

    repository: Repository
    source: Source
    wanted: Path | None
    base: str
    console: Console
    _handed_over: str = field(init=False)

    def __post_init__(self) -> None:
        self._handed_over = self.base

    async def hand_over(self) -> None:
        """Write the bundle and say how to fetch it, or that there is nothing to fetch."""
        head, unfinished = await self._head(), await self._unfinished()
        if head == self.base and not unfinished:
            self.console.print("\nNothing was committed, so there is no result to fetch.")
            return
        await self._write(head, unfinished)

    async def hand_over_more(self) -> None:
        """The same again, if something was merged since."""
        head = await self._head()
        if head != self._handed_over:
            await self._write(head, await self._unfinished())

    async def _head(self) -> str:
        return await self.repository.git.branch(self.repository.default_branch) or self.base

    async def _unfinished(self) -> tuple[str, ...]:
        objective = self.repository.issue(OBJECTIVE)
        if objective.state == "closed" and objective.state_reason == "completed":
            return ()
        return tuple(await self.repository.git.refs("refs/heads/crewline/"))

    async def _write(self, head: str, unfinished: Sequence[str]) -> None:
        if self.wanted is None:
            self.wanted = Path(tempfile.mkdtemp(prefix=f"crewline-try-{self.source.name}-"))
        bundle = self.wanted / "result.bundle"
        refs = (f"refs/heads/{self.repository.default_branch}", "--branches=crewline/*")
        create = ("git", "-C", str(self.repository.git.path), "bundle", "create", "--quiet", str(bundle), *refs)
        code, said = await run(create, self.wanted)
        self.console.print()
        if code != 0:
            words = f"The result could not be written to {bundle}: {said}"
            self.console.print(Text(words, style="red"), soft_wrap=True)
            return
        self._handed_over = head
        if head != self.base:
            self.console.print(Text(self._merged(bundle)), soft_wrap=True)
        if unfinished:
            self.console.print(Text(self._not_merged(bundle, unfinished)), soft_wrap=True)

    def _merged(self, bundle: Path) -> str:
        top, branch, name = quote(str(self.source.top)), self.repository.default_branch, f"crewline-{OBJECTIVE}"
        return f"""The result, branch {branch} with all that was merged, is in {bundle}. To look at it:

  git -C {top} fetch {quote(str(bundle))} {branch}:{name}
  git -C {top} log --stat {self.source.head[:12]}..{name}"""

    def _not_merged(self, bundle: Path, refs: Sequence[str]) -> str:
        names = "\n".join(f"  {ref.removeprefix('refs/heads/')}" for ref in refs)
        return f"""What was not merged is in {bundle}, on these branches:

{names}

To get them all:

  git -C {quote(str(self.source.top))} fetch {quote(str(bundle))} 'refs/heads/crewline/*:refs/heads/crewline/*'"""
