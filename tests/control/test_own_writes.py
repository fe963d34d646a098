"""Reads that lag behind our own writes are corrected, and what people undo is believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.control.own_writes import KEPT, LAG, OwnWrite, added, correct, doubted_until, recorded, unseen, without_comment
from bot.model.fact import (
    BranchMoved,
    CommentWritten,
    DependencyLinked,
    Fact,
    IssueClosed,
    LabelChanged,
    Merged,
    PullRequestOpened,
    Reacted,
    TaskCreated,
)
from bot.model.identity import CommitSha, InstanceId, Login, SessionId, TaskKey
from bot.model.ledger import HandOff, Ledger
from bot.model.marker import tag
from bot.model.observed import Comment, Issue, Mergeable, Observation, PullRequest, PullRequestState, Reaction
from bot.model.session import Published, Role, SessionRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW, OTHER = CommitSha("a" * 40), CommitSha("b" * 40), CommitSha("c" * 40)


def issue(number: int, body: str = "") -> Issue:
    return Issue(number, number, f"I_{number}", "Title", body, True, False, frozenset(), Login("me"), True, "url")


def pull(head: CommitSha = OLD) -> PullRequest:
    return PullRequest(
        14, "PR_14", PullRequestState.OPEN, "crewline/12/one", head, "main", Mergeable.MERGEABLE, "CLEAN", True, "url"
    )


def observed(*tasks: Issue, pulls: tuple[PullRequest, ...] = ()) -> Observation:
    return Observation(issue(12), tasks, pulls, "main", branches=(("crewline/12/one", OLD),) if pulls else ())


def write(fact: Fact) -> list[OwnWrite]:
    return [OwnWrite(fact, NOW)]


COMMENT = Comment(99, "hello", Login("crewline[bot]"), True, NOW, True)
TASK = issue(13, tag("task", "12.one"))


@pytest.mark.parametrize(
    "fact",
    [
        TaskCreated(issue(15)),
        DependencyLinked(13, 12),
        PullRequestOpened(replace(pull(), number=16)),
        BranchMoved("crewline/12/one", OLD, NEW),
        Merged(14, NEW),
        IssueClosed(13, True),
        CommentWritten(12, COMMENT),
        CommentWritten(14, COMMENT),
        LabelChanged(12, "crewline", True),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_write_shows_once_and_showing_it_again_changes_nothing(fact: Fact) -> None:
    before = observed(TASK, pulls=(pull(),))
    shown = correct(before, write(fact))
    assert shown != before
    assert correct(shown, write(fact)) == shown


def test_a_write_is_kept_until_a_read_shows_it_and_no_replica_can_lag_any_more() -> None:
    lagging = observed(TASK)
    fact = CommentWritten(12, COMMENT)
    caught_up = correct(lagging, write(fact))
    assert unseen(caught_up, write(fact), NOW + LAG / 2)
    assert not unseen(caught_up, write(fact), NOW + LAG)
    assert unseen(lagging, write(fact), NOW + LAG)


def test_what_a_person_undid_is_believed_in_the_end() -> None:
    deleted_by_a_person = observed(TASK)
    assert not unseen(deleted_by_a_person, write(CommentWritten(12, COMMENT)), NOW + KEPT + timedelta(seconds=1))


def test_what_a_person_undid_is_looked_at_again_when_it_will_be_believed() -> None:
    deleted, comment, link = observed(TASK), write(CommentWritten(12, COMMENT)), write(DependencyLinked(13, 12))
    assert doubted_until(deleted, comment, NOW + LAG) == NOW + KEPT
    assert doubted_until(deleted, comment, NOW + LAG / 2) is None  # reads may just lag
    assert doubted_until(deleted, [*comment, *link], NOW + LAG) == NOW + LAG
    assert doubted_until(correct(deleted, comment), comment, NOW + LAG) is None


def test_a_comment_that_github_does_not_find_for_an_edit_was_deleted() -> None:
    writes = [*write(CommentWritten(12, COMMENT)), *write(CommentWritten(12, replace(COMMENT, id=100)))]
    assert without_comment(writes, 99, NOW + LAG, LAG) == (writes[1],)
    assert without_comment(writes, 99, NOW + LAG / 2, LAG) == tuple(writes)


def test_a_branch_that_somebody_else_moved_stays_where_they_moved_it() -> None:
    theirs = replace(observed(TASK, pulls=(pull(OTHER),)), branches=(("crewline/12/one", OTHER),))
    assert correct(theirs, write(BranchMoved("crewline/12/one", OLD, NEW))) == theirs


def test_a_moved_branch_loses_its_checks_and_its_mergeability() -> None:
    shown = correct(observed(TASK, pulls=(pull(),)), write(BranchMoved("crewline/12/one", OLD, NEW)))
    [moved] = shown.pull_requests
    assert (moved.head, moved.mergeable, moved.checks) == (NEW, Mergeable.UNKNOWN, ())
    assert shown.branch("crewline/12/one") == NEW


def test_a_merge_into_the_default_branch_closes_the_task() -> None:
    shown = correct(observed(TASK, pulls=(pull(),)), write(Merged(14, NEW)))
    assert not shown.tasks[0].open
    assert shown.tasks[0].completed
    elsewhere = correct(observed(TASK, pulls=(replace(pull(), base_branch="next"),)), write(Merged(14, NEW)))
    assert elsewhere.tasks[0].open


def test_a_task_that_was_closed_blocks_nothing_any_more() -> None:
    shown = correct(observed(TASK, issue(15)), [*write(DependencyLinked(15, 13)), *write(IssueClosed(13, True))])
    [blocker] = shown.tasks[1].blocked_by
    assert not blocker.open
    assert blocker.completed


def test_a_reaction_is_remembered() -> None:
    theirs = replace(observed(), objective=replace(issue(12), comments=(COMMENT,)))
    shown = correct(theirs, write(Reacted(12, 99, Reaction.EYES)))
    assert shown.objective.comments[0].reactions == {Reaction.EYES}


def test_of_two_edits_only_the_last_is_ever_shown() -> None:
    edited = replace(COMMENT, body="second")
    writes = added(added((), CommentWritten(12, COMMENT), NOW), CommentWritten(12, edited), NOW)
    assert [write.fact for write in writes] == [CommentWritten(12, edited)]


def test_branches_that_the_ledger_says_were_pushed_are_there_before_reads_show_them() -> None:
    ledger = Ledger(
        objective=12,
        hand_off=HandOff(title="Title", body="", by=Login("alice"), at=NOW),
        sessions=(published(1, None, OLD), published(2, OLD, NEW)),
    )
    writes = recorded(ledger, NOW)
    for lagging in (None, OLD, NEW):
        branches = (("crewline/12/one", lagging),) if lagging else ()
        assert correct(replace(observed(TASK), branches=branches), writes).branch("crewline/12/one") == NEW
    moved_by_a_person = replace(observed(TASK), branches=(("crewline/12/one", OTHER),))
    assert correct(moved_by_a_person, writes).branch("crewline/12/one") == OTHER
    assert not unseen(observed(TASK), writes, NOW + LAG)


def published(ordinal: int, starts_from: CommitSha | None, head: CommitSha) -> SessionRecord:
    return SessionRecord(
        id=SessionId(f"12.one.worker.{ordinal}"),
        role=Role.WORKER,
        task=TaskKey("one"),
        holder=InstanceId("first"),
        claimed_at=NOW,
        starts_from=starts_from,
        ended_at=NOW,
        outcome=Published(head=head, base=OTHER, evidence=None, summary=None),
    )
