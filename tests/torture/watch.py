"""What must hold whatever people do: seen on the hub at the moment of each of the bot's writes, and in the ledgers.

Races that people may lose are tolerated: what they changed less than `RACE` seconds ago the bot need not have seen.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations

from pydantic import ValidationError

from bot.config import CONFIG_FILE
from bot.decide.task import REVIEW_CHECK, VERIFY_CHECK
from bot.github.configuration import ConfigurationProblem, configuration
from bot.localhub.model.comment import Comment
from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.push import Push
from bot.localhub.model.review import Review
from bot.model.ledger import Ledger
from bot.model.marker import tagged
from bot.model.scope import overlap
from bot.model.session import Role
from tests.stories.ending import TAGS, twice
from tests.torture.acts import LABEL, OBJECTIVES, Town

RACE = timedelta(seconds=30)
REMEMBERED = timedelta(seconds=70)
"""The bot remembers for a minute what GitHub said about somebody's permission."""
MOST_WRITES = 400
"""Of the bot's, between two acts: more is a quarrel."""


class Watch:
    """Listens to the hub. `problems` are what did not hold, each once."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._family: set[int] = set()
        """The ids of the issues that are the bot's business."""
        self._blocked_since: dict[tuple[int, int], datetime] = {}
        self._reopened_at: dict[int, datetime] = {}
        self._aimed_at: dict[int, datetime] = {}
        """When a pull request was last edited: its base may be another one since."""
        self._default = (town.shop.default_branch, town.theatre.hub.now())
        """The default branch, and since when."""
        self._settings_at: str | None = None
        self._demands: list[tuple[datetime, bool]] = []
        """Since when the settings in force have a verify command, or have none."""
        self._unverified: list[tuple[int, str, PullRequest]] = []
        """Merged since the last step without a word about verifying: of which task of which objective."""
        self._writes = 0
        self.steps = 0
        self.problems: list[str] = []
        self.merges = 0
        town.theatre.hub.events.listen(self._note)

    async def after_a_step(self) -> None:
        self.steps += 1
        await self._look_at_the_settings()
        if self._writes > MOST_WRITES:
            self._wrong(f"{self._writes} writes after one act")
        self._writes = 0
        for problem in twice(self._town.shop, self._town.theatre.crewline):
            if not (problem.startswith(("task ", "check ")) and self._town.ledgers_touched):  # people made it forget
                self._wrong(f"twice: {problem}")
        ledgers = await ledgers_that_read(self._town)
        for number, key, pull in self._unverified:
            if self._had_to_be_verified(ledgers.get(number), key, pull):
                self._wrong(f"{pull.issue} was merged at {pull.head_sha[:8]}, which was not verified")
        self._unverified.clear()
        for number, ledger in ledgers.items():
            self._claims(number, ledger)
            self._commands(number, ledger)
        self._scopes(ledgers)

    # What the bot writes

    def _note(self, event: Event) -> None:
        bot, now = self._town.theatre.crewline, event.at
        subject = event.subject
        if event.name == "issue.labeled" and isinstance(subject, Issue) and subject.has_label(LABEL):
            self._family.add(subject.id)
        if isinstance(subject, Issue | PullRequest) and subject.user is bot:
            self._family.add(subject.issue.id if isinstance(subject, PullRequest) else subject.id)
        if event.name == "issue_dependency.added" and isinstance(subject, Issue) and isinstance(event.related, Issue):
            self._blocked_since[subject.id, event.related.id] = now
        if event.name == "issue.reopened" and isinstance(subject, Issue):
            self._reopened_at[subject.id] = now
        if event.name == "pull_request.edited" and isinstance(subject, PullRequest):
            self._aimed_at[subject.issue.id] = now
        if self._default[0] != self._town.shop.default_branch:
            self._default = (self._town.shop.default_branch, now)
        if event.actor is None or event.actor.account is not bot:
            return
        self._writes += 1
        match subject:
            case PullRequest() if event.name == "pull_request.merged":
                self._merged(subject, now)
            case Push():
                self._pushed(subject)
            case Comment() if event.name == "comment.created":
                self._said(subject)
            case Issue():
                self._touched(subject, event.name)
            case PullRequest():
                self._touched(subject.issue, event.name)
            case Review():
                self._touched(subject.pull_request.issue, event.name)
            case _:
                pass

    def _merged(self, pull: PullRequest, now: datetime) -> None:
        self.merges += 1
        if pull.user is not self._town.theatre.crewline:
            self._wrong(f"it merged {pull.issue}, which is not its own")
        runs = [run for run in self._town.shop.check_runs if run.head_sha == pull.head_sha]
        said = {run.name: run.conclusion for run in runs}  # of each name the last one counts
        if said.get(REVIEW_CHECK) != "success":
            self._wrong(f"{pull.issue} was merged at {pull.head_sha[:8]}, which was not reviewed")
        if said.get(VERIFY_CHECK, "success") != "success":
            self._wrong(f"{pull.issue} was merged at {pull.head_sha[:8]}, which does not pass")
        base, since = self._default
        if pull.base_ref != base and now - max(since, self._aimed_at.get(pull.issue.id, since)) > RACE:
            self._wrong(f"{pull.issue} was merged into {pull.base_ref}, not into {base}")
        number, _, key = pull.head_ref.removeprefix("crewline/").partition("/")
        if VERIFY_CHECK not in said and number.isdecimal():
            self._unverified.append((int(number), key, pull))
        task = next((i for i in self._town.tasks() if tagged(i.body or "", "task") == f"{number}.{key}"), None)
        for blocker in task.blocked_by if task is not None else ():
            since = max(
                self._blocked_since.get((task.id, blocker.id), now) if task is not None else now,
                self._reopened_at.get(blocker.id, blocker.created_at),
            )
            open_still = blocker.state == "open" or blocker.state_reason == "not_planned"
            if open_still and now - since > RACE and not self._is_merged(blocker):
                self._wrong(f"{pull.issue} was merged before {blocker}, which blocks {task}")

    async def _look_at_the_settings(self) -> None:
        """Whether what is in force has a verify command. Where the file is bad, what was good before it stays so."""
        shop = self._town.shop
        tip = await shop.git.branch(shop.default_branch)
        if tip is None or tip == self._settings_at:
            return
        self._settings_at = tip
        text = (await shop.git.git("show", f"{tip}:{CONFIG_FILE}", ok=(0, 128))).decode()
        found = configuration(text)
        if isinstance(found, ConfigurationProblem):
            return
        demands = found.verify.command is not None
        if not self._demands or self._demands[-1][1] is not demands:
            self._demands.append((self._town.theatre.hub.now(), demands))

    def _had_to_be_verified(self, ledger: Ledger | None, key: str, pull: PullRequest) -> bool:
        """Whether there was a verify command when the review of the merged head began, and had been for a while: who
        reviews what has no evidence verifies it first. What was reviewed before people asked for it need not be
        verified. Where nothing is known of that review, there must always have been a command."""
        sessions = ledger.sessions_of(key) if ledger is not None else ()
        begun = [s.claimed_at for s in sessions if s.role is Role.REVIEWER and s.judges == pull.head_sha]
        if not begun:
            return all(demands for _, demands in self._demands)
        settled = max(begun) - RACE
        before = [demands for since, demands in self._demands if since <= settled] or [self._demands[0][1]]
        after = [demands for since, demands in self._demands if since > settled]
        return before[-1] and all(after)

    def _is_merged(self, blocker: Issue) -> bool:
        number, _, key = (tagged(blocker.body or "", "task") or ".").partition(".")
        branch = f"crewline/{number}/{key}"
        return any(pull.merged for pull in self._town.shop.pull_requests if pull.head_ref == branch)

    def _pushed(self, push: Push) -> None:
        branch = push.branch
        if branch is None or branch.startswith("crewline/"):
            return
        merged = any(pull.merged and pull.merge_commit_sha == push.after for pull in self._town.shop.pull_requests)
        if not merged:
            self._wrong(f"it pushed {push.ref} to {push.after[:8]}")

    def _said(self, comment: Comment) -> None:
        self._touched(comment.issue, "comment.created")
        for kind in TAGS:
            value = tagged(comment.body, kind)
            same = [one for one in self._town.comments() if value is not None and tagged(one.body, kind) == value]
            if len(same) > 1:
                self._wrong(f"it said twice: {kind} {value} on {comment.issue}")

    def _touched(self, issue: Issue, what: str) -> None:
        if issue.id not in self._family:
            self._wrong(f"it did {what} to {issue}, which is none of its business")

    # What the ledgers say

    def _claims(self, number: int, ledger: Ledger) -> None:
        counts = Counter(claim.task for claim in ledger.open_claims())
        for key, times in counts.items():
            if times > 1:
                self._wrong(f"{times} sessions at once of {number}.{key}")

    def _commands(self, number: int, ledger: Ledger) -> None:
        said = {comment.id: comment for issue in self._town.shop.issues.values() for comment in issue.comments}
        for command in ledger.commands:
            if command.result != "done":
                continue
            if command.by not in ("alice", "bob"):
                self._wrong(f"it obeyed {command.by}: {command.name} in #{number}")
            comment = said.get(command.comment)
            if command.by == "bob" and comment is not None and not self._could_write_about(comment.created_at):
                self._wrong(f"it obeyed bob, who could not write then: {command.name} in #{number}")

    def _could_write_about(self, moment: datetime) -> bool:
        """Whether bob could write at any time from a minute before to the time at which he was heard, which may be
        long after."""
        powers = self._town.powers
        ends = [at for at, _ in powers[1:]] + [datetime.max.replace(tzinfo=moment.tzinfo)]
        return any(may and end > moment - REMEMBERED for (_, may), end in zip(powers, ends, strict=True))

    def _scopes(self, ledgers: dict[int, Ledger]) -> None:
        touched = self._town.ledgers_touched
        if touched is not None:
            return  # a person made the bot forget what it had claimed
        here = {issue.number for issue in self._town.here()}
        held = []
        for number, ledger in ledgers.items():
            if number not in here:
                continue  # its sessions were stopped, or died with their bot; nobody looks at its ledger any more
            planned = {task.key: task.scope for task in ledger.plan.tasks} if ledger.plan else {}
            for claim in ledger.open_claims():
                if claim.role is Role.WORKER and claim.task is not None:
                    held.append((f"{number}.{claim.task}", planned.get(claim.task, ())))
        for (one, ours), (other, theirs) in combinations(held, 2):
            if overlap(ours, theirs):
                self._wrong(f"{one} and {other} run at once on the same files")

    def _wrong(self, what: str) -> None:
        if what not in self.problems:
            self.problems.append(what)
            self._town.theatre.tell("watch", f"WRONG: {what}")


async def ledgers_that_read(town: Town) -> dict[int, Ledger]:
    """By the number of the objective; what people wrote over is left out."""
    found: dict[int, Ledger] = {}
    for ref, sha in (await town.shop.git.refs(OBJECTIVES)).items():
        try:
            text = await town.shop.git.git("show", f"{sha}:ledger.json")
            found[int(ref.rpartition("/")[2])] = Ledger.model_validate_json(text)
        except ValidationError:
            continue
    return found
