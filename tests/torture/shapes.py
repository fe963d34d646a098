"""Shapes of objectives: what people and agents do in a run, the same whenever the bot dies.

People act on what they see on the hub, never on a count of seconds since the start, and long before an agent could
be done with what they act on; so a crash changes when they act, never what they see then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.model.identity import task_branch
from bot.model.marker import tagged
from tests.torture.playbook import Play, Playbook, plan, planned
from tests.torture.theatre import CONFIG, Theatre

TITLE = "Make it so"
OTHER = "And this"
BEFORE = 5.0
"""Seconds after which the first person acts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`people` returns when everything is done."""

    name: str
    playbook: Playbook
    people: Callable[[Theatre], Awaitable[None]]
    config: str = CONFIG


async def only_hand_off(theatre: Theatre) -> None:
    await theatre.pass_time(BEFORE)
    await closed(theatre, theatre.hand_off(TITLE))


async def change_what_is_changed(theatre: Theatre) -> None:
    """Alice writes the very file of a task between its review and its merge: a review that is under way when the
    conflict comes may be finished, or not begun again after a crash, and both would be right."""
    await theatre.pass_time(BEFORE)
    objective = theatre.hand_off(TITLE)
    await theatre.until(lambda: reviewed(theatre, objective, "one"))
    await theatre.hub.push_files(theatre.shop, theatre.alice, "main", {"one.txt": "Alice was here.\n"}, "Be first")
    await closed(theatre, objective)


async def stop_and_go_on(theatre: Theatre) -> None:
    """Bob stops a task in the middle of its review, and lets it go on later."""
    await theatre.pass_time(BEFORE)
    objective = theatre.hand_off(TITLE)
    await theatre.until(lambda: pull_of(theatre, objective, "one") is not None)
    pull = pull_of(theatre, objective, "one")
    assert pull is not None
    stop = pull.issue.comment(theatre.bob, "/escalate I want to think.")
    await theatre.until(lambda: carried_out(theatre, stop))
    await theatre.pass_time(60)
    go_on = task_of(theatre, objective, "one").comment(theatre.bob, "/retry be brief")
    await theatre.until(lambda: carried_out(theatre, go_on))
    await closed(theatre, objective)


async def hand_off_two(theatre: Theatre) -> None:
    """The second objective wants the files of the first."""
    await theatre.pass_time(BEFORE)
    first = theatre.hand_off(TITLE)
    await theatre.pass_time(5)
    second = theatre.hand_off(OTHER)
    await closed(theatre, first, second)


async def answer_and_retry(theatre: Theatre) -> None:
    """Alice answers the planner's question, and helps where the agent gives up."""
    await theatre.pass_time(BEFORE)
    objective = theatre.hand_off(TITLE)
    await theatre.until(lambda: said(theatre, objective, "questions"))
    await theatre.pass_time(120)
    objective.comment(theatre.alice, "Blue.")
    await theatre.until(lambda: said(theatre, objective, "escalation"))
    await theatre.pass_time(120)
    help_ = objective.comment(theatre.alice, "/retry keep it whole")
    await theatre.until(lambda: carried_out(theatre, help_))
    await closed(theatre, objective)


def _book(**plays: Play) -> Playbook:
    return Playbook({TITLE: plays["it"], **({OTHER: plays["other"]} if "other" in plays else {})})


CHAIN = plan(planned("one"), planned("two", "one"))
DIAMOND = plan(planned("one"), planned("two", "one"), planned("three", "one"), planned("four", "two", "three"))
ONE = plan(planned("one"))
SHARED = ("one.txt", "uno.txt")

SHAPES: tuple[Shape, ...] = (
    Shape("diamond", _book(it=Play(DIAMOND)), only_hand_off),
    Shape("review", _book(it=Play(CHAIN, sent_back=frozenset({"one"}))), only_hand_off),
    Shape("verify", _book(it=Play(CHAIN, broken=frozenset({"one", "two"}))), only_hand_off),
    Shape("conflict", _book(it=Play(CHAIN)), change_what_is_changed),
    Shape("command", _book(it=Play(CHAIN)), stop_and_go_on),
    Shape(
        "two",
        _book(it=Play(plan(planned("one", scope=SHARED))), other=Play(plan(planned("uno", scope=SHARED)))),
        hand_off_two,
    ),
    Shape("amend", _book(it=Play(CHAIN, lacks=frozenset({"one"}))), only_hand_off),
    Shape("help", _book(it=Play(ONE, stubborn=frozenset({"one"}), asks="Which colour?")), answer_and_retry),
)


def shape(name: str) -> Shape:
    """Raises StopIteration for an unknown name."""
    return next(one for one in SHAPES if one.name == name)


async def closed(theatre: Theatre, *objectives: Issue) -> None:
    await theatre.until(lambda: all(issue.state == "closed" for issue in objectives))


def pull_of(theatre: Theatre, objective: Issue, key: str) -> PullRequest | None:
    branch = task_branch(objective.number, key)
    return next((pull for pull in theatre.shop.pull_requests if pull.head_ref == branch), None)


def reviewed(theatre: Theatre, objective: Issue, key: str) -> bool:
    pull = pull_of(theatre, objective, key)
    return pull is not None and bool(pull.reviews)


def task_of(theatre: Theatre, objective: Issue, key: str) -> Issue:
    tag = f"{objective.number}.{key}"
    return next(issue for issue in theatre.shop.issues.values() if tagged(issue.body or "", "task") == tag)


def carried_out(theatre: Theatre, comment: Comment) -> bool:
    return any(one.content == "rocket" and one.user is theatre.crewline for one in comment.reactions)


def said(theatre: Theatre, issue: Issue, kind: str) -> bool:
    return any(tagged(comment.body, kind) for comment in issue.comments if comment.user is theatre.crewline)
