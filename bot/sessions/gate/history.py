"""Secrets on the way to the head: who may read a branch may read each commit of it, whatever a later one takes away.

The net difference is looked through as a whole (`change`). Here is looked at what it does not show: what a commit added
that the head does not have any more, and the messages. A branch of one commit has only its message to look at. What
is too much to be looked through does not leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.git.mirror import Mirror
from bot.git.trees import Difference, differences, merge_base, straight_line, tree_and_parents
from bot.model.identity import CommitSha
from bot.sessions.gate.change import ABSENT, GITLINK
from bot.sessions.gate.leaks import added_text, leaks, shown
from bot.sessions.gate.rules import Refusal, Rules

MOST_COMMITS = 500
_LARGEST_COMMIT = 1_000_000
_MESSAGE = "the message of a commit"
_WAY = "the commits before the last"


async def judge_history(
    mirror: Mirror, base: CommitSha, head: CommitSha, rules: Rules, secrets: Sequence[str] = ()
) -> tuple[Refusal, ...]:
    """Why the commits that `head` has and `base` has not may not leave, beside their net difference. The number of
    files, their size and that of each are bounded as there. `secrets` are the server's own. Raises GitFailed."""
    start = await merge_base(mirror, base, head)
    if start is None:
        return ()  # the net difference says so
    walk = _Walk(mirror, start, head, rules, secrets)
    commits = await _commits(mirror, base, head, start)
    try:
        if len(commits) > MOST_COMMITS:
            raise _TooMuch(f"there are more than {MOST_COMMITS}")
        for commit in commits:
            await walk.look(commit, alone=len(commits) == 1)
    except _TooMuch as error:
        walk.refuse(str(error), _WAY)
    return tuple(walk.refusals.values())


async def _commits(mirror: Mirror, base: CommitSha, head: CommitSha, start: CommitSha) -> list[CommitSha]:
    """Newest first; one more than may be, where there are too many."""
    if start == base and (line := await straight_line(mirror.objects, head, {base})) is not None:
        return line
    output = await mirror.git("rev-list", f"--max-count={MOST_COMMITS + 1}", head, f"^{base}")
    return [CommitSha(line) for line in output.stdout.decode().split()]


class _TooMuch(Exception):
    """The text says what."""


class _Walk:
    """From commit to commit; `refusals` by rule and path, each once."""

    def __init__(self, mirror: Mirror, start: CommitSha, head: CommitSha, rules: Rules, secrets: Sequence[str]) -> None:
        self._mirror, self._start, self._head = mirror, start, head
        self._rules, self._secrets = rules, secrets
        self._files = self._bytes = 0
        self.refusals: dict[tuple[str, str], Refusal] = {}

    def refuse(self, rule: str, path: str) -> None:
        cure = f"Every commit is published: `git reset --soft {self._start[:12]}`, and commit anew."
        self.refusals.setdefault((rule, path), Refusal(rule, path, cure))

    async def look(self, commit: CommitSha, *, alone: bool) -> None:
        """Look through one commit; if it is `alone`, its files are the net difference. Raises _TooMuch."""
        try:
            found = await self._mirror.objects.contents(commit, _LARGEST_COMMIT)
        except ValueError:
            raise _TooMuch(f"one of them is larger than {_LARGEST_COMMIT} bytes") from None
        content = found[1] if found else b""
        message = content.partition(b"\n\n")[2].decode(errors="replace")
        if kinds := leaks(message, self._secrets):
            self.refuse(f"it holds a secret ({', '.join(kinds)})", _MESSAGE)
        if alone:
            return
        _, parents = tree_and_parents(content)
        if not parents:
            raise _TooMuch("one of them has no parent")
        ways = [{one.path: one for one in await differences(self._mirror.objects, each, commit)} for each in parents]
        for path in sorted(set(ways[0]).intersection(*ways)):  # a merge adds what none of its parents has
            await self._file([way[path] for way in ways])

    async def _file(self, from_parents: Sequence[Difference]) -> None:
        """Look through one path of a commit, unless the net difference shows it."""
        new = from_parents[0].new
        path = from_parents[0].path.decode(errors="surrogateescape")
        if new.mode in (ABSENT, GITLINK) or await self._at(self._head, path) == new.sha:
            return
        name = from_parents[0].path.decode(errors="replace")
        info = await self._mirror.objects.info(new.sha)
        size = info.size if info else 0
        self._files, self._bytes = self._files + 1, self._bytes + size
        if size > self._rules.largest_file:
            self.refuse(f"a commit has it with {size} bytes, more than {self._rules.largest_file}", shown(name))
            return
        if self._files > self._rules.caps.files or self._bytes > self._rules.caps.kilobytes * 1000:
            raise _TooMuch("they are too much to be looked through for secrets")
        known = {one.old.sha for one in from_parents if one.old.mode not in (ABSENT, GITLINK)}
        if (at_start := await self._at(self._start, path)) is not None:
            known.add(at_start)
        before = "\n".join([await self._text(sha) for sha in sorted(known)])
        after = await self._text(new.sha) if known else f"{name}\n{await self._text(new.sha)}"
        # as in the net difference: not on the event loop
        kinds = await asyncio.to_thread(lambda: leaks(added_text(before, after), self._secrets))
        if kinds:
            self.refuse(f"a commit adds a secret ({', '.join(kinds)})", shown(name))

    async def _at(self, commit: CommitSha, path: str) -> str | None:
        info = await self._mirror.objects.info(f"{commit}:{path}")
        return info.name if info is not None and info.kind == "blob" else None

    async def _text(self, sha: str) -> str:
        try:
            found = await self._mirror.objects.contents(sha)
        except ValueError:  # an old file of great size
            return ""
        return found[1].decode(errors="replace") if found else ""
