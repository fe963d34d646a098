"""Every write, against the localhub: what it does there, and the facts it gives back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.git.mirror import Mirror
from bot.git.process import Identity as Committer
from bot.github.errors import OutcomeUnknown, Refused
from bot.github.ledger import LedgerStore
from bot.localhub.model.issue import Issue
from bot.localhub.model.settings import BadGateway
from bot.model.action import (
    AddLabel,
    BranchPush,
    CloseIssue,
    Conclusion,
    CreateTasks,
    Dependency,
    EditComment,
    LineComment,
    LinkDependencies,
    Merge,
    NewTask,
    OpenPullRequest,
    PostReview,
    PublishCheck,
    React,
    RemoveLabel,
    WriteComment,
)
from bot.model.fact import (
    CommentWritten,
    DependencyLinked,
    Merged,
    MergeRefused,
    PullRequestOpened,
    ReviewPosted,
    TaskCreated,
)
from bot.model.identity import CommitSha, Login, SessionId
from bot.model.ledger import HandOff, Ledger
from bot.model.observed import Observation, PullRequestState, Reaction
from tests.github.conftest import World

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def look(world: World, number: int, *keys: str) -> Observation:
    seen = await world.github.observe(number, keys, "crewline")
    assert isinstance(seen, Observation)
    return seen


async def created(world: World, objective: Issue, *titles: str) -> list[TaskCreated]:
    tasks = tuple(NewTask(title.lower(), title, f"Do {title}.") for title in titles)
    facts = await world.github.carry_out(CreateTasks(objective.node_id, tasks))
    return [fact for fact in facts if isinstance(fact, TaskCreated)]


async def opened(world: World, objective: int, files: dict[str, str]) -> tuple[OpenPullRequest, PullRequestOpened]:
    branch = f"crewline/{objective}/cart"
    head = await world.branch(branch, files)
    action = OpenPullRequest("cart", "Cart", "Closes #1", branch, head, "main")
    [fact] = await world.github.carry_out(action)
    assert isinstance(fact, PullRequestOpened)
    return action, fact


async def test_created_tasks_are_what_a_look_shows_later(world: World) -> None:
    objective = world.issue("Shop")
    facts = await created(world, objective, *(f"Task {n}" for n in range(12)))
    seen = await look(world, objective.number)
    assert seen.tasks == tuple(fact.issue for fact in facts)
    assert all(task.mine for task in seen.tasks)


async def test_dependencies_are_linked_once(world: World) -> None:
    objective = world.issue("Shop")
    one, two, three = (fact.issue for fact in await created(world, objective, "One", "Two", "Three"))
    link = Dependency(two.number, two.node_id, one.number, one.node_id)
    assert await world.github.carry_out(LinkDependencies((link,))) == (DependencyLinked(two.number, one.number),)
    both = (link, Dependency(three.number, three.node_id, one.number, one.node_id))
    facts = await world.github.carry_out(LinkDependencies(both))
    assert facts == (DependencyLinked(two.number, one.number), DependencyLinked(three.number, one.number))
    seen = await look(world, objective.number)
    assert [len(task.blocked_by) for task in seen.tasks] == [0, 1, 1]


async def test_a_cycle_is_refused_in_githubs_words(world: World) -> None:
    one, two = (fact.issue for fact in await created(world, world.issue("Shop"), "One", "Two"))
    await world.github.carry_out(LinkDependencies((Dependency(2, two.node_id, 1, one.node_id),)))
    with pytest.raises(Refused, match="circular"):
        await world.github.carry_out(LinkDependencies((Dependency(1, one.node_id, 2, two.node_id),)))


async def test_a_pull_request_that_is_opened_twice_is_one(world: World) -> None:
    action, first = await opened(world, 1, {"cart.py": "x = 1\n"})
    [second] = await world.github.carry_out(action)
    assert second == first
    assert len(world.shop.pull_requests) == 1


async def test_a_pull_request_whose_answer_got_lost_is_found(world: World) -> None:
    world.hub.faults.bad_gateways.append(BadGateway(r"POST .*/pulls$", after_write=True))
    _, fact = await opened(world, 1, {"cart.py": "x = 1\n"})
    assert fact.pull_request.number == world.shop.pull_requests[0].number
    assert len(world.shop.pull_requests) == 1


async def test_a_comment_whose_answer_got_lost_is_not_written_twice(world: World) -> None:
    objective = world.issue("Shop")
    world.hub.faults.bad_gateways.append(BadGateway(r"POST .*/comments$", after_write=True))
    with pytest.raises(OutcomeUnknown):
        await world.github.carry_out(WriteComment(objective.number, "hello"))
    assert [comment.body for comment in objective.comments] == ["hello"]


async def test_verdict_and_merge(world: World) -> None:
    objective = world.issue("Shop")
    action, fact = await opened(world, objective.number, {"cart.py": "x = 1\ny = 2\n"})
    number = fact.pull_request.number
    lines = (LineComment("cart.py", 2, "why 2?"),)
    [review] = await world.github.carry_out(PostReview(number, action.head, "Fine.", lines))
    assert isinstance(review, ReviewPosted)
    session = SessionId("1.cart.reviewer.1")
    check = PublishCheck("crewline/review", action.head, Conclusion.SUCCESS, "Approved", "Fine.", session)
    await world.github.carry_out(check)
    seen = await look(world, objective.number, "cart")
    assert seen.pull_requests[0].reviews == (review.review,)
    assert [check.session for check in seen.pull_requests[0].checks] == [session]
    merge = Merge(number, action.head, "squash", "Cart (#2)", "Closes #1")
    [merged] = await world.github.carry_out(merge)
    assert isinstance(merged, Merged)
    after = (await look(world, objective.number, "cart")).pull_requests[0]
    assert (after.state, after.merge_commit) == (PullRequestState.MERGED, merged.merge_commit)
    assert await world.github.carry_out(merge) == (merged,)


async def test_a_review_of_a_line_that_the_diff_does_not_show(world: World) -> None:
    action, fact = await opened(world, 1, {"cart.py": "x = 1\n"})
    lines = (LineComment("README.md", 700, "look here"),)
    [review] = await world.github.carry_out(PostReview(fact.pull_request.number, action.head, "No.", lines))
    assert isinstance(review, ReviewPosted)
    assert review.review.body == "No.\n\n- `README.md`, line 700: look here"


async def test_a_head_that_moved_is_not_merged(world: World) -> None:
    action, fact = await opened(world, 1, {"cart.py": "x = 1\n"})
    await world.branch(action.head_branch, {"cart.py": "x = 2\n"})
    [refused] = await world.github.carry_out(Merge(fact.pull_request.number, action.head, "squash", "Cart", ""))
    assert isinstance(refused, MergeRefused)
    assert "modified" in refused.message


async def test_a_merge_whose_answer_got_lost_is_known_all_the_same(world: World) -> None:
    action, fact = await opened(world, 1, {"cart.py": "x = 1\n"})
    world.hub.faults.bad_gateways.append(BadGateway(r"PUT .*/merge$", after_write=True))
    [merged] = await world.github.carry_out(Merge(fact.pull_request.number, action.head, "squash", "Cart", ""))
    assert merged == Merged(fact.pull_request.number, CommitSha(world.shop.pull_requests[0].merge_commit_sha or ""))


async def test_a_comment_is_written_edited_and_reacted_to(world: World) -> None:
    objective = world.issue("Shop")
    asked = objective.comment(world.ada, "/status")
    [fact] = await world.github.carry_out(WriteComment(objective.number, "one"))
    assert isinstance(fact, CommentWritten)
    await world.github.carry_out(EditComment(objective.number, fact.comment.id, "two"))
    for _ in range(2):
        await world.github.carry_out(React(objective.number, asked.id, Reaction.ROCKET))
    seen = (await look(world, objective.number)).objective.comments
    assert [(comment.body, comment.mine) for comment in seen] == [("/status", False), ("two", True)]
    assert seen[0].reactions == {Reaction.ROCKET}
    assert len(objective.comments) == 2


async def test_labels_come_and_go_and_the_issue_closes(world: World) -> None:
    objective = world.issue("Shop")
    await world.github.carry_out(AddLabel(objective.number, "crewline:needs-human"))
    assert "crewline:needs-human" in (await look(world, objective.number)).objective.labels
    for _ in range(2):
        await world.github.carry_out(RemoveLabel(objective.number, "crewline:needs-human"))
    for _ in range(2):
        await world.github.carry_out(CloseIssue(objective.number, completed=True))
    seen = (await look(world, objective.number)).objective
    assert (seen.labels, seen.open, seen.completed) == (frozenset(), False, True)
    assert seen.closed_by == "crewline[bot]"


async def test_expired_tokens_and_secondary_limits_are_gone_through(world: World) -> None:
    objective = world.issue("Shop")
    world.hub.faults.expired_tokens = 1
    await world.github.carry_out(AddLabel(objective.number, "bug"))
    world.hub.faults.secondary_limit_hits = 1
    world.hub.faults.secondary_limit_retry_after = 1
    await world.github.carry_out(WriteComment(objective.number, "hello"))
    assert [comment.body for comment in objective.comments] == ["hello"]
    assert objective.has_label("bug")


@pytest.fixture
async def ledgers(world: World, tmp_path: Path) -> AsyncIterator[LedgerStore]:
    committer = Committer("crewline[bot]", "crewline@example.com")

    async def token() -> str:
        return await world.app.token(world.installation.id)

    async with Mirror(tmp_path / "mirror.git", f"{world.url}/ada/shop.git", token, committer) as mirror:
        await mirror.fetch()
        yield LedgerStore(mirror, "refs/crewline")


async def test_the_ledger_and_a_branch_go_over_http_together(world: World, ledgers: LedgerStore) -> None:
    objective = world.issue("Shop")
    ledger = Ledger(objective=objective.number, hand_off=HandOff(title="t", body="b", by=Login("ada"), at=NOW))
    head = CommitSha(await world.shop.git.branch("main") or "")
    push = BranchPush(f"crewline/{objective.number}/cart", head, None)
    revision = await ledgers.push(ledger, "hand off", [push], None, NOW)
    assert await ledgers.load(objective.number) == (ledger, revision)
    assert (await look(world, objective.number, "cart")).branch(push.branch) == head
