"""One look at an objective, against the localhub."""

import pytest

from bot.github.observe import Gone, IsPullRequest
from bot.localhub.model.actor import Actor
from bot.localhub.model.check import CheckChange, CheckOutput, create_check_run, create_status
from bot.localhub.model.issue import open_issue
from bot.localhub.model.issue_links import block, delete_issue, transfer
from bot.localhub.model.reactions import react
from bot.localhub.model.review import create_review
from bot.model.identity import Login, RepositoryName
from bot.model.observed import Blocker, CheckState, Labelling, Mergeable, Observation, PullRequestState, Reaction
from tests.github.conftest import World, private_key


async def look(world: World, number: int, *keys: str) -> Observation:
    seen = await world.github.observe(number, keys, "crewline")
    assert isinstance(seen, Observation)
    return seen


async def test_an_objective_as_people_left_it(world: World) -> None:
    issue = world.issue("Cart", "A cart, please.")
    issue.add_labels(world.ada, "crewline", "bug")
    comment = issue.comment(world.ada, "/status")
    react(comment, world.installation.acting(), "eyes")
    react(comment, world.ada, "rocket")
    issue.comment(world.installation.acting(), "<!-- crewline:status=1 -->")
    seen = (await look(world, issue.number)).objective
    assert (seen.title, seen.body, seen.open, seen.mine) == ("Cart", "A cart, please.", True, False)
    assert seen.labels == {"crewline", "bug"}
    assert isinstance(seen.labelling, Labelling)
    assert seen.labelling.by == "ada"
    first, second = seen.comments
    assert (first.body, first.author, first.mine, first.author_is_bot) == ("/status", "ada", False, False)
    assert first.reactions == {Reaction.EYES}
    assert (second.author, second.mine, second.author_is_bot) == ("crewline[bot]", True, True)
    assert first.id == comment.id


async def test_an_edit_is_seen_with_its_editor(world: World) -> None:
    issue = world.issue("Cart")
    assert (await look(world, issue.number)).objective.edited_at is None
    issue.edit(world.ada, body="Something else.")
    seen = (await look(world, issue.number)).objective
    assert seen.edited_at is not None
    assert seen.edited_by == "ada"


async def test_somebody_took_the_label_off_and_set_it_again(world: World) -> None:
    issue = world.issue("Cart")
    bob = world.hub.add_user("bob")
    world.shop.add_collaborator(bob, "write")
    issue.add_labels(world.ada, "crewline")
    issue.remove_label(world.ada, "crewline")
    issue.add_labels(bob, "Crewline", "bug")
    labelling = (await look(world, issue.number)).objective.labelling
    assert labelling is not None
    assert labelling.by == "bob"


async def test_tasks_and_what_blocks_them(world: World) -> None:
    issue = world.issue("Cart")
    first, second = world.task(issue, "One"), world.task(issue, "Two")
    block(second, world.ada, first)
    first.close(world.ada, "not_planned")
    seen = await look(world, issue.number)
    one, two = seen.tasks
    assert (one.number, one.open, one.completed, one.closed_by, one.mine) == (first.number, False, False, "ada", True)
    assert two.blocked_by == (Blocker(first.number, open=False, completed=False),)
    first.reopen(world.ada)
    first.close(world.ada, "completed")
    seen = await look(world, issue.number)
    assert seen.tasks[0].completed
    assert seen.tasks[1].blocked_by == (Blocker(first.number, open=False, completed=True),)


async def test_a_pull_request_with_checks_reviews_and_comments(world: World) -> None:
    issue = world.issue("Cart")
    branch = f"crewline/{issue.number}/cart"
    head = await world.branch(branch, {"cart.py": "x = 1\n"})
    pull = await world.pull(branch)
    bot = world.installation.acting()
    ours = CheckChange(
        name="crewline/review",
        status="completed",
        conclusion="success",
        external_id="1.cart.reviewer.1",
        output=CheckOutput(title="Fine", summary="all of it"),
    )
    await create_check_run(world.shop, bot, head, ours)
    await create_check_run(world.shop, other_app(world), head, CheckChange(name="ci", status="in_progress"))
    await create_status(world.shop, world.ada, head, "failure", context="legacy", description="no")
    await create_review(pull, bot, "COMMENT", "Looks good.")
    pull.issue.comment(world.ada, "/retry")
    seen = await look(world, issue.number, "cart", "other")
    [found] = seen.pull_requests
    assert (found.number, found.head, found.base_branch, found.mine) == (pull.number, head, "main", True)
    assert found.state is PullRequestState.OPEN
    checks = {check.name: check for check in found.checks}
    assert checks["crewline/review"].mine
    assert (checks["crewline/review"].state, checks["crewline/review"].session) == (
        CheckState.PASSED,
        "1.cart.reviewer.1",
    )
    assert checks["crewline/review"].summary == "Fine\n\nall of it"
    assert (checks["ci"].state, checks["ci"].mine) == (CheckState.PENDING, False)
    assert (checks["legacy"].state, checks["legacy"].summary) == (CheckState.FAILED, "no")
    [review] = found.reviews
    assert (review.body, review.mine, review.commit) == ("Looks good.", True, head)
    assert [comment.body for comment in found.comments] == ["/retry"]
    assert seen.branches == ((branch, head),)
    assert seen.branch("crewline/1/other") is None


def other_app(world: World) -> Actor:
    app = world.hub.add_app("ci", permissions={"checks": "write"}, private_key_pem=private_key())
    return world.hub.install(app, world.ada).acting()


async def test_mergeability_comes_late(world: World) -> None:
    issue = world.issue("Cart")
    await world.branch(f"crewline/{issue.number}/cart", {"cart.py": "x = 1\n"})
    await world.pull(f"crewline/{issue.number}/cart")
    first = (await look(world, issue.number, "cart")).pull_requests[0].mergeable
    second = (await look(world, issue.number, "cart")).pull_requests[0].mergeable
    assert (first, second) == (Mergeable.UNKNOWN, Mergeable.MERGEABLE)


async def test_a_person_closed_the_pull_request(world: World) -> None:
    issue = world.issue("Cart")
    await world.branch(f"crewline/{issue.number}/cart", {"cart.py": "x = 1\n"})
    pull = await world.pull(f"crewline/{issue.number}/cart")
    pull.issue.close(world.ada)
    [found] = (await look(world, issue.number, "cart")).pull_requests
    assert (found.state, found.closed_by) == (PullRequestState.CLOSED, "ada")


async def test_the_configuration_comes_along(world: World) -> None:
    issue = world.issue("Cart")
    assert (await look(world, issue.number)).configuration is None
    assert await world.github.configuration() is None
    await world.branch("main", {".github/crewline.yml": "label: robots\n"})
    seen = (await look(world, issue.number)).configuration
    assert seen is not None
    assert (seen.path, seen.text) == (".github/crewline.yml", "label: robots\n")
    assert await world.github.configuration() == seen


async def test_more_than_fifty_tasks_and_comments_in_few_points(world: World) -> None:
    issue = world.issue("Cart")
    for number in range(60):
        world.task(issue, f"Task {number}")
        issue.comment(world.ada, f"comment {number}")
    seen = await look(world, issue.number, *(f"k{n}" for n in range(60)))
    assert [task.title for task in seen.tasks] == [f"Task {n}" for n in range(60)]
    assert [comment.body for comment in seen.objective.comments] == [f"comment {n}" for n in range(60)]
    [observed] = [kind for kind in world.github.usage().kinds if kind.kind == "observe"]
    assert observed.requests == 3


async def test_what_was_said_in_the_middle_of_a_long_conversation_is_seen(world: World) -> None:
    issue = world.issue("Cart")
    for number in range(330):
        issue.comment(world.ada, f"comment {number}")
    seen = await look(world, issue.number)
    assert [comment.body for comment in seen.objective.comments] == [f"comment {n}" for n in range(330)]
    [observed] = [kind for kind in world.github.usage().kinds if kind.kind == "observe"]
    assert observed.requests == 3


async def test_a_look_at_fifty_tasks_is_one_request_of_under_ten_points(world: World) -> None:
    issue = world.issue("Cart")
    for number in range(50):
        world.task(issue, f"Task {number}")
    await look(world, issue.number, *(f"k{n}" for n in range(50)))
    [observed] = [kind for kind in world.github.usage().kinds if kind.kind == "observe"]
    assert observed.requests == 1
    assert 1 <= observed.points < 10


async def test_reviews_and_checks_beyond_a_hundred_cost_one_request_a_page(world: World) -> None:
    issue = world.issue("Cart")
    branch = f"crewline/{issue.number}/cart"
    head = await world.branch(branch, {"cart.py": "x = 1\n"})
    pull = await world.pull(branch)
    ci = other_app(world)
    for number in range(210):
        await create_check_run(world.shop, ci, head, CheckChange(name=f"job {number}", status="in_progress"))
        await create_review(pull, world.ada, "COMMENT", f"Remark {number}.")
    [found] = (await look(world, issue.number, "cart")).pull_requests
    assert {check.name for check in found.checks} == {f"job {n}" for n in range(210)}
    assert [review.body for review in found.reviews] == [f"Remark {n}." for n in range(210)]
    [observed] = [kind for kind in world.github.usage().kinds if kind.kind == "observe"]
    assert observed.requests == 3


async def test_an_issue_that_is_not_there(world: World) -> None:
    assert isinstance(await world.github.observe(99, (), "crewline"), Gone)


async def test_an_issue_that_was_deleted(world: World) -> None:
    issue = world.issue("Cart")
    delete_issue(issue, world.ada)
    gone = await world.github.observe(issue.number, (), "crewline")
    assert isinstance(gone, Gone)
    assert "deleted" in gone.reason


async def test_an_issue_that_was_transferred(world: World) -> None:
    issue = world.issue("Cart")
    other = await world.hub.create_repository(world.ada, "other", files={"README.md": "x"})
    transfer(issue, world.ada, other)
    gone = await world.github.observe(issue.number, (), "crewline")
    assert isinstance(gone, Gone)
    assert "transferred" in gone.reason


async def test_a_pull_request_is_no_objective(world: World) -> None:
    await world.branch("feature", {"a": "b"})
    pull = await world.pull("feature")
    pull.issue.add_labels(world.ada, "crewline")
    pull.issue.comment(world.installation.acting(), "no")
    gone = await world.github.observe(pull.number, (), "crewline")
    assert isinstance(gone, IsPullRequest)
    assert gone.labels == {"crewline"}
    assert [comment.mine for comment in gone.comments] == [True]


async def test_an_empty_repository(world: World) -> None:
    empty = await world.hub.create_repository(world.ada, "empty")
    issue = open_issue(empty, world.ada, "Cart")
    await world.app.repositories()
    github = await world.app.repository(RepositoryName("ada", "empty"))
    seen = await github.observe(issue.number, ("cart",), "crewline")
    assert isinstance(seen, Observation)
    assert seen.empty
    assert seen.branches == ()


async def test_open_objectives_by_label(world: World) -> None:
    numbers = []
    for n in range(3):
        issue = world.issue(f"Objective {n}")
        issue.add_labels(world.ada, "crewline")
        numbers.append(issue.number)
    world.issue("another")
    assert await world.github.open_objectives("crewline") == tuple(numbers)
    world.shop.issue(numbers[0]).close(world.ada)
    assert await world.github.open_objectives("crewline") == tuple(numbers[1:])
    assert await world.github.open_objectives("nobody-has-it") == ()


@pytest.mark.parametrize("role", ["read", "triage", "write", "maintain", "admin"])
async def test_permissions_of_people(world: World, role: str) -> None:
    bob = world.hub.add_user("bob")
    world.shop.add_collaborator(bob, role)
    assert (await world.github.permission(Login("bob"))).value == role
