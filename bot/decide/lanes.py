"""What may be done while an earlier write waits for a limit of GitHub's.

`decide` gives its actions in an order, and the order means something only within a *lane*: what people read as one
story. A lane is a thread (the issue or pull request that is written to) or a commit (its checks, its review, its
merge). An action that shares a lane with one that waits does not overtake it:

* checks, review and merge of one commit keep their order: nobody finds a merge whose review comes an hour later;
* the comments, reactions and labels of one thread keep theirs: no answer comes before an earlier one, no label before
  the comment that explains it;
* what GitHub refused for good holds the rest of its commit all the same: a merge relies on the check and the review
  that people can see;
* what needs something that is not there yet (a pull request its sub-issue, a review its pull request, a dependency
  both of its ends) is not even decided on before that exists, so it needs no rule.

Everything else may overtake, because in another order of events it could have come first: other tasks of the same
objective go on; pushes of the ledger and of branches, and sessions that start and stop, are no requests that are
limited and wait for nothing. That is why agents go on working while nothing can be written.

What comes `afterwards` is the last word on what was done, and an exception: the status comment is edited although
other writes to its thread wait, since it is the one that says so and is edited again when they went out. The objective
is closed only when nothing waits.

Nothing that waits is kept. The next look decides anew from what it then sees, so what waited may be different by then,
or not wanted any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bot.model.action import (
    Action,
    AddLabel,
    CloseIssue,
    CreateTasks,
    EditComment,
    EditIssue,
    LinkDependencies,
    Merge,
    OpenPullRequest,
    PostReview,
    PublishCheck,
    PushLedger,
    React,
    RemoveLabel,
    StartSession,
    StopSession,
    WriteComment,
)

Lanes = frozenset[int | str]


def in_order(
    actions: Iterable[Action], waiting: Iterable[Action], refused: Iterable[Action] = ()
) -> tuple[Action, ...]:
    """Those of `actions` that may be done now: not `waiting` themselves, and not behind one in its lane; nor `refused`
    themselves, and not about the commit of one that comes before them."""
    waits, refusals = tuple(waiting), tuple(refused)
    held: Lanes = frozenset()
    free: list[Action] = []
    for action in actions:
        lanes = lanes_of(action)
        if action in refusals:
            held |= {lane for lane in lanes if isinstance(lane, str)}
        elif action in waits or lanes & held:
            held |= lanes
        else:
            free.append(action)
    return tuple(free)


def last_words(afterwards: Iterable[Action], waiting: Iterable[Action]) -> tuple[Action, ...]:
    """Those of `afterwards` that may be done although others wait."""
    waits = tuple(waiting)
    return tuple(
        action for action in afterwards if action not in waits and not (waits and isinstance(action, CloseIssue))
    )


def lanes_of(action: Action) -> Lanes:
    """Threads by number, commits by sha."""
    match action:
        case PushLedger() | StartSession() | StopSession():
            return frozenset()
        case CreateTasks() | LinkDependencies():
            return frozenset({"the plan"})
        case OpenPullRequest():
            return frozenset({action.head})
        case PublishCheck():
            return frozenset({action.head})
        case PostReview() | Merge():
            return frozenset({action.pull_request, action.head})
        case CloseIssue() | EditIssue():
            return frozenset({action.number})
        case WriteComment() | EditComment() | React() | AddLabel() | RemoveLabel():
            return frozenset({action.issue})
        case _:
            assert_never(action)
