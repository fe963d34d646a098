"""Faults planted into the bot, to see that the torture finds them: a harness that finds nothing proves little.

Each is a mistake that a bot of this kind could well have, made by a patch while a block runs. `FAULTS` show where the
bot dies or an answer is lost, `AMONG_PEOPLE` in a walk of people.

    python -m tests.torture.faults               plants one after the other, and prints what was found
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from unittest.mock import patch

from bot.config import RepositoryConfig
from bot.control.snapshots import Snapshots
from bot.decide.decide import Decision, decide
from bot.decide.lanes import in_order
from bot.github.client import PacedClient, Request
from bot.github.ledger import LedgerStore
from bot.model.action import Action, BranchPush, StartSession
from bot.model.identity import CommitSha
from bot.model.ledger import Ledger
from bot.model.snapshot import Snapshot
from tests.torture import people
from tests.torture.people import Step, Walk
from tests.torture.runs import Case
from tests.torture.sweep import Verdict, judge, undisturbed


@dataclass(frozen=True, slots=True)
class Fault:
    """`planted` puts it into the bot while its block runs. It shows in `shape` at boundaries that `where` matches;
    `lossy`: where an answer is lost there, not where the bot dies."""

    name: str
    planted: Callable[[], AbstractContextManager[None]]
    where: str
    shape: str = "review"
    lossy: bool = False


@contextmanager
def _repeats_every_request() -> Iterator[None]:
    failed = PacedClient._failed

    def as_if_harmless(self: PacedClient, request: Request, message: str, sent: bool) -> Exception:
        return failed(self, replace(request, harmless=True), message, sent)

    with patch.object(PacedClient, "_failed", as_if_harmless):
        yield


@contextmanager
def _trusts_absence() -> Iterator[None]:
    with patch.object(Snapshots, "_absence_trusted", lambda *_: True):
        yield


@contextmanager
def _starts_before_it_claims() -> Iterator[None]:
    def hasty(snapshot: Snapshot, config: RepositoryConfig, now: datetime) -> Decision:
        decision = decide(snapshot, config, now)
        starts_first = sorted(decision.actions, key=lambda action: not isinstance(action, StartSession))
        return replace(decision, actions=tuple(starts_first))

    with patch("bot.control.look.decide", hasty):
        yield


@contextmanager
def _pushes_branch_and_ledger_apart() -> Iterator[None]:
    push = LedgerStore.push

    async def apart(
        self: LedgerStore,
        ledger: Ledger,
        message: str,
        branches: Sequence[BranchPush],
        expected: CommitSha | None,
        at: datetime,
    ) -> CommitSha:
        revision = await push(self, ledger, message, (), expected, at)
        return await push(self, ledger, message, branches, revision, at) if branches else revision

    with patch.object(LedgerStore, "push", apart):
        yield


@contextmanager
def _merges_unverified() -> Iterator[None]:
    def lax(snapshot: Snapshot, config: RepositoryConfig, now: datetime) -> Decision:
        decision = decide(snapshot, config, now)
        return replace(decision, actions=tuple(_without_verify(action) for action in decision.actions))

    with patch("bot.control.look.decide", lax):
        yield


def _without_verify(action: Action) -> Action:
    if not isinstance(action, StartSession):
        return action
    return replace(action, assignment=action.assignment.model_copy(update={"verify_command": None}))


@contextmanager
def _merges_into_any_branch() -> Iterator[None]:
    with patch("bot.decide.merge.why_not_merged", lambda *_: None):
        yield


@contextmanager
def _merges_what_github_refused_to_hear_of() -> Iterator[None]:
    """Neither in the look in which GitHub refuses a check nor afterwards does that hold the merge."""

    def lax(actions: Iterable[Action], waiting: Iterable[Action], refused: Iterable[Action] = ()) -> tuple[Action, ...]:
        refusals = tuple(refused)
        return tuple(action for action in in_order(actions, waiting) if action not in refusals)

    with patch("bot.control.deferred.in_order", lax), patch("bot.decide.waiting.refused_of", lambda *_: None):
        yield


@contextmanager
def _keeps_to_a_lost_installation() -> Iterator[None]:
    with patch("bot.control.controller._is_lost", lambda *_: False):
        yield


WRITES = r"answered 20\d to POST /repos"
CLAIMS = r"begins to push .*objectives"
PUBLISHES = r"ends to push .*objectives/\d+ crewline/"
FAULTS = (
    Fault("it repeats a POST whose answer was lost", _repeats_every_request, WRITES, lossy=True),
    Fault("it makes anew what a young process does not see", _trusts_absence, WRITES),
    Fault("it starts sessions before their claims are pushed", _starts_before_it_claims, CLAIMS),
    Fault("it pushes branch and ledger apart", _pushes_branch_and_ledger_apart, PUBLISHES),
)


@dataclass(frozen=True, slots=True)
class WalkFault:
    """`planted` puts it into the bot while its block runs. It shows in `walk`, in which nothing is wrong without it, as
    a problem in which `says` stands."""

    name: str
    planted: Callable[[], AbstractContextManager[None]]
    walk: Walk
    says: str


AGAIN = Walk(1, (Step("uninstall or install", 0, 60.0), Step("uninstall or install", 0, 30.0)))
ELSEWHERE = Walk(1, (Step("aim a pull request elsewhere or back", 0, 200.0), Step("time passes", 2, 0.0)))
NO_CHECKS = Walk(1, (Step("take a permission or give it back", 0, 60.0), Step("time passes", 3, 0.0)))
AMONG_PEOPLE = (
    WalkFault("it keeps to an installation that is gone", _keeps_to_a_lost_installation, AGAIN, "NOT at rest"),
    WalkFault("it merges what was not verified", _merges_unverified, Walk(4, ()), "was not verified"),
    WalkFault("it merges into any branch", _merges_into_any_branch, ELSEWHERE, "was merged into side-1"),
    WalkFault(
        "it merges though its review was not shown",
        _merges_what_github_refused_to_hear_of,
        NO_CHECKS,
        "was not reviewed",
    ),
)


def found_by_people(fault: WalkFault) -> tuple[str, ...]:
    """The problems that show it; none where it is not found."""
    with fault.planted():
        return tuple(problem for problem in people.run(fault.walk).problems if fault.says in problem)


def found(fault: Fault) -> Verdict | None:
    """The first run in which it shows, or None where the torture does not find it."""
    calm = undisturbed(Case(fault.shape))
    numbers = [number for number, name in enumerate(calm.boundaries) if re.search(fault.where, name)]
    with fault.planted():
        for number in numbers:
            here = (number,)
            verdict = judge(replace(calm.case, lossy=here) if fault.lossy else replace(calm.case, deadly=here))
            if verdict.wrong:
                return verdict
    return None


def main() -> int:
    verdicts = {fault.name: found(fault) for fault in FAULTS}
    report = {
        name: {"replayed by": verdict.case.command, "at": verdict.at, "seen by": verdict.wrong[:3]} if verdict else None
        for name, verdict in verdicts.items()
    }
    among_people = {fault.name: found_by_people(fault)[:3] for fault in AMONG_PEOPLE}
    print(json.dumps(report | among_people, indent=2, ensure_ascii=False))
    return 0 if all(verdicts.values()) and all(among_people.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
