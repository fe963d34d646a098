"""The ledgers of a repository: one ref per objective, each change one commit that holds ``ledger.json``.

Who pushes first wins: a push names the commit that each ref must still be at, and git moves all of them or none.
The branch of a session and the record of it go together, so neither is ever without the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from bot.git.errors import NoSuchRef, PushRejected
from bot.git.mirror import Mirror
from bot.git.push import RefUpdate
from bot.github.errors import GitHubError
from bot.github.lease import RepositoryLease
from bot.journal import LEDGER_LEFT_OUT, tell
from bot.model.action import BranchPush
from bot.model.identity import LEDGER_FILE, CommitSha, ledger_ref
from bot.model.ledger import Ledger


class LedgerConflict(GitHubError):
    """Nothing was pushed: somebody else moved `refs` first."""

    def __init__(self, refs: Sequence[str]) -> None:
        super().__init__(f"somebody else moved {', '.join(refs)}")
        self.refs = tuple(refs)


class LedgerUnreadable(GitHubError):
    """What lies on the ref is no ledger of a version known here. It is left as it is."""

    def __init__(self, objective: int, revision: CommitSha, ref: str, reason: str) -> None:
        super().__init__(f"the ledger of #{objective} ({revision[:12]}) cannot be read: {reason}")
        self.objective = objective
        self.revision = revision
        self.ref = ref
        self.reason_alone = reason


class LedgerStore:
    """The ledgers under `namespace` (``refs/crewline``). Methods also raise what `Mirror` raises: Unreachable where
    the remote does not answer (of a push the outcome is then unknown), PushRefused where it never will take it.

    Where there is a `lease`, each push moves it too: nothing is recorded by an instance that lost it."""

    def __init__(self, mirror: Mirror, namespace: str, lease: RepositoryLease | None = None) -> None:
        self._mirror = mirror
        self._namespace = namespace
        self._lease = lease

    async def load_all(self) -> Mapping[int, tuple[Ledger, CommitSha]]:
        """Every ledger with its revision, after one fetch. One that cannot be read is logged and left out: a push
        for its objective then conflicts, and `load` says why."""
        await self._mirror.prepare()
        await self._mirror.fetch()
        prefix = f"{self._namespace}/objectives/"
        found: dict[int, tuple[Ledger, CommitSha]] = {}
        for ref, revision in (await self._mirror.refs(prefix)).items():
            number = ref.removeprefix(prefix)
            if not number.isdigit():
                continue
            try:
                found[int(number)] = (await self._read(int(number), revision), revision)
            except LedgerUnreadable as error:
                tell(LEDGER_LEFT_OUT, objective=int(number), reason=error.message)
        return found

    async def load(self, objective: int) -> tuple[Ledger, CommitSha] | None:
        """The ledger of one objective and its revision as they are on the remote now, None where there is none.

        Raises LedgerUnreadable.
        """
        ref = ledger_ref(self._namespace, objective)
        await self._mirror.prepare()
        try:
            await self._mirror.fetch([f"+{ref}:{ref}"])
        except NoSuchRef:
            return None
        revision = await self._mirror.resolve(ref)
        return None if revision is None else (await self._read(objective, revision), revision)

    async def push(
        self,
        ledger: Ledger,
        message: str,
        branches: Sequence[BranchPush],
        expected: CommitSha | None,
        at: datetime,
    ) -> CommitSha:
        """Make `ledger` the next revision after `expected` (None: the first) and move `branches`, together or not at
        all; the new revision. Raises LedgerConflict, and LeaseLost."""
        ref = ledger_ref(self._namespace, ledger.objective)
        if expected is not None and await self._mirror.resolve(expected) is None:
            await self._mirror.fetch([f"+{ref}*:{ref}*"])  # the mirror was empty; a star: it may not be there
        revision = await self._mirror.commit_file(LEDGER_FILE, written(ledger), expected, message, at)
        updates = [RefUpdate(ref, revision, expected)]
        updates += [RefUpdate(f"refs/heads/{push.branch}", push.head, push.expected) for push in branches]
        try:
            await (self._mirror if self._lease is None else self._lease).push(updates)
        except PushRejected as error:
            raise LedgerConflict(sorted(error.reasons)) from error
        return revision

    def foresee(self, branches: Iterable[str]) -> None:
        """A session that starts from the newest state of `branches` follows in a moment: the fetch that it will ask
        for runs beside the push of its claim."""
        self._mirror.foresee(branches)

    async def _read(self, objective: int, revision: CommitSha) -> Ledger:
        ref = ledger_ref(self._namespace, objective)
        content = await self._mirror.read(revision, LEDGER_FILE)
        if content is None:
            raise LedgerUnreadable(objective, revision, ref, f"it has no {LEDGER_FILE}")
        try:
            ledger = Ledger.model_validate_json(content)
        except ValidationError as error:
            raise LedgerUnreadable(objective, revision, ref, _reason(error)) from None
        if ledger.objective != objective:
            raise LedgerUnreadable(objective, revision, ref, f"it is the ledger of #{ledger.objective}")
        return ledger


def written(ledger: Ledger) -> bytes:
    """The file: indented, so that ``git diff`` of two revisions reads well.

    Nothing is left out for being as by default: the `kind` of an outcome is, and names it when it is read again.
    """
    content = ledger.model_dump(mode="json")
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if where == "version":
        return "it was written by another version of Crewline"
    return f"{where}: {first['msg']}" if where else first["msg"]
