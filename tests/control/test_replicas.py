"""Whatever replica answers: every own write shows, and no read takes back what an earlier one showed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.control.own_writes import OwnWrite, added, correct, unseen
from bot.control.replicas import is_older
from bot.model.fact import (
    BranchMoved,
    CheckPublished,
    CommentWritten,
    DependencyLinked,
    Fact,
    IssueClosed,
    LabelChanged,
    Merged,
    PullRequestOpened,
    Reacted,
    ReviewPosted,
    TaskCreated,
)
from bot.model.identity import CommitSha, Login, task_branch
from bot.model.marker import tag
from bot.model.observed import (
    Check,
    CheckState,
    Comment,
    Issue,
    Mergeable,
    Observation,
    PullRequest,
    PullRequestState,
    Reaction,
    Review,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAG = timedelta(seconds=8)
ME = Login("crewline[bot]")
ALICE = Login("alice")
Part = TypeVar("Part", Issue, PullRequest)


def issue(number: int, body: str = "", at: datetime = NOON) -> Issue:
    labels = frozenset({"crewline"})
    return Issue(number, number, f"I_{number}", "Title", body, True, False, labels, ME, True, "url", updated_at=at)


@dataclass
class GitHub:
    """One objective, and what it was at every moment: a replica shows any of the last `LAG`."""

    chance: random.Random
    now: datetime = NOON
    ids: int = 100
    history: list[tuple[datetime, Observation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history.append((NOON - 2 * LAG, Observation(issue(12), (), (), "main")))

    @property
    def truth(self) -> Observation:
        return self.history[-1][1]

    def become(self, observed: Observation) -> None:
        self.history.append((self.now, observed))

    def take(self, fact: Fact) -> None:
        """Carry out a write; what it is about was changed now, in whole seconds."""
        self.become(self.dated(correct(self.truth, [OwnWrite(fact, self.now)])))

    def read(self, behind: timedelta) -> Observation:
        return [observed for at, observed in self.history if at <= self.now - behind][-1]

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    def commit(self) -> CommitSha:
        return CommitSha(f"{self.next_id():040x}")

    def dated(self, after: Observation) -> Observation:
        before = {part.number: part for part in parts_of(self.truth)}
        second = self.now.replace(microsecond=0)
        return replace(
            after,
            objective=_changed(after.objective, before, second),
            tasks=tuple(_changed(task, before, second) for task in after.tasks),
            pull_requests=tuple(_changed(pull, before, second) for pull in after.pull_requests),
        )


def parts_of(observed: Observation) -> tuple[Issue | PullRequest, ...]:
    return (observed.objective, *observed.tasks, *observed.pull_requests)


def _changed(part: Part, before: Mapping[int, Issue | PullRequest], second: datetime) -> Part:
    return part if before.get(part.number) == part else replace(part, updated_at=second)


def a_write(github: GitHub) -> Fact | None:
    """One that the bot could do now."""
    truth, chance = github.truth, github.chance
    tasks, pulls = truth.tasks, truth.pull_requests
    task = chance.choice(tasks) if tasks else None
    pull = chance.choice(pulls) if pulls else None
    comments = truth.objective.comments
    match chance.randrange(11):
        case 0:
            key = f"t{len(tasks)}"
            return TaskCreated(issue(github.next_id(), tag("task", f"12.{key}"), github.now.replace(microsecond=0)))
        case 1 if len(tasks) > 1:
            one, other = chance.sample(tasks, 2)
            return DependencyLinked(one.number, other.number)
        case 2 if task is not None:
            branch = task_branch(12, f"t{tasks.index(task)}")
            return BranchMoved(branch, truth.branch(branch), github.commit())
        case 3 if task is not None:
            return _opened(github, task_branch(12, f"t{tasks.index(task)}"))
        case 4 if pull is not None:
            session = f"s{github.next_id()}"
            check = Check("crewline/verify", CheckState.PASSED, "", True, session)
            return CheckPublished(pull.head, check)
        case 5 if pull is not None:
            return ReviewPosted(pull.number, Review(github.next_id(), ME, "", pull.head, True))
        case 6 if pull is not None and pull.state is PullRequestState.OPEN:
            return Merged(pull.number, github.commit())
        case 7 if task is not None and task.open:
            return IssueClosed(task.number, True)
        case 8:
            return CommentWritten(12, Comment(github.next_id(), "said", ME, True, github.now, True))
        case 9 if comments:
            return CommentWritten(12, replace(chance.choice(comments), body=f"edited {github.next_id()}"))
        case 10 if comments:
            return Reacted(12, chance.choice(comments).id, chance.choice(list(Reaction)))
        case _:
            return LabelChanged(12, "crewline:needs-human", "crewline:needs-human" not in truth.objective.labels)


def _opened(github: GitHub, branch: str) -> Fact | None:
    head = github.truth.branch(branch)
    if head is None or any(pull.head_branch == branch for pull in github.truth.pull_requests):
        return None
    number = github.next_id()
    unknown = Mergeable.UNKNOWN
    return PullRequestOpened(
        PullRequest(
            number, f"PR_{number}", PullRequestState.OPEN, branch, head, "main", unknown, "UNKNOWN", True, "url"
        )
    )


def a_persons_write(github: GitHub) -> Observation:
    """What people do: they talk, set labels and take them off, close and open, push."""
    truth, chance = github.truth, github.chance
    comment = Comment(github.next_id(), "Hello", ALICE, False, github.now, False)
    objective = truth.objective
    match chance.randrange(4):
        case 0:
            return replace(truth, objective=replace(objective, comments=(*objective.comments, comment)))
        case 1:
            return replace(truth, objective=replace(objective, labels=objective.labels ^ {"crewline"}))
        case 2:
            return replace(truth, objective=replace(objective, open=not objective.open))
        case _:
            tasks = tuple(replace(task, comments=(*task.comments, comment)) for task in truth.tasks)
            return replace(truth, tasks=tasks)


def contents(observed: Observation) -> tuple[object, ...]:
    """Without the order in which things came, and without times: an own write does not know when it will be dated."""
    issues = sorted((observed.objective, *observed.tasks), key=lambda one: one.number)
    pulls = sorted(observed.pull_requests, key=lambda one: one.number)
    return (
        [replace(one, updated_at=None, comments=tuple(sorted(one.comments, key=lambda c: c.id))) for one in issues],
        [replace(one, updated_at=None) for one in pulls],
        dict(observed.branches),
    )


SEEDS = st.integers(0, 2**32)


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_every_own_write_shows_whatever_replica_answers(seed: int) -> None:
    github = GitHub(random.Random(seed))
    writes: tuple[OwnWrite, ...] = ()
    for _ in range(40):
        github.now += timedelta(seconds=github.chance.choice([0.0, 0.3, 1.0, 4.0, 20.0]))
        if github.chance.random() < 0.6 and (fact := a_write(github)) is not None:
            github.take(fact)
            writes = added(writes, fact, github.now)
        read = github.read(LAG * github.chance.random())
        writes = unseen(read, writes, github.now, LAG)
        assert contents(correct(read, writes)) == contents(github.truth)


@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_what_a_read_showed_no_later_one_takes_back(seed: int) -> None:
    """A read is believed unless it is older than the last one; within a second, where only the contents can tell, it
    may be taken for older though it is newer. After the lag every read is newer."""
    github = GitHub(random.Random(seed))
    last, last_at = github.truth, github.now - 2 * LAG
    for _ in range(40):
        github.now += timedelta(seconds=github.chance.choice([0.0, 0.3, 1.0, 4.0, 20.0]))
        if github.chance.random() < 0.5 and (fact := a_write(github)) is not None:
            github.take(fact)
        if github.chance.random() < 0.5:
            github.become(github.dated(a_persons_write(github)))
        behind = LAG * github.chance.random()
        read = github.read(behind)
        shown = [at for at, observed in github.history if observed == last]
        if github.now - last_at >= LAG:
            assert github.now - behind >= shown[0]
        elif is_older(read, last):
            continue
        else:
            assert not _lacks(read, last)
        last, last_at = read, github.now


def _lacks(read: Observation, before: Observation) -> bool:
    """Whether something vanished that nobody ever takes back here."""
    numbers = {part.number for part in parts_of(read)}
    said = {comment.id for comment in read.objective.comments}
    return not (
        {part.number for part in parts_of(before)} <= numbers
        and {comment.id for comment in before.objective.comments} <= said
    )


def test_a_read_of_the_same_moment_is_not_older() -> None:
    github = GitHub(random.Random(1))
    for _ in range(20):
        github.now += timedelta(seconds=1)
        if (fact := a_write(github)) is not None:
            github.take(fact)
    assert not is_older(github.truth, github.truth)


@pytest.mark.parametrize("behind", [2, 4])
def test_a_label_that_a_replica_does_not_show_yet_was_not_taken_off(behind: int) -> None:
    github = GitHub(random.Random(1))
    unlabelled = replace(github.truth, objective=replace(github.truth.objective, labels=frozenset()))
    github.become(unlabelled)
    github.now += timedelta(seconds=1.5)
    github.become(replace(unlabelled, objective=issue(12, at=NOON + timedelta(seconds=1))))
    github.now += timedelta(seconds=1)
    assert is_older(github.read(timedelta(seconds=behind)), github.truth)
    assert not is_older(github.truth, github.read(timedelta(seconds=behind)))
