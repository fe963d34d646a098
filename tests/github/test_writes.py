"""What the writes make of GitHub's refusals and of answers that got lost."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx
from githubkit import UnauthAuthStrategy
from pydantic import JsonValue, TypeAdapter

from bot.github.client import PacedClient
from bot.github.errors import OutcomeUnknown, Refused
from bot.github.identity import Identity
from bot.github.repository import GitHubRepository
from bot.github.wire import Wire
from bot.model.action import (
    Conclusion,
    CreateTasks,
    Dependency,
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
    CheckPublished,
    CommentWritten,
    DependencyLinked,
    LabelChanged,
    Merged,
    MergeRefused,
    PullRequestOpened,
    Reacted,
    ReviewPosted,
    TaskCreated,
)
from bot.model.identity import CommitSha, Login, RepositoryName, SessionId
from bot.model.observed import Permission, Reaction
from tests.github.clock import TurnedClock
from tests.github.test_client import Tokens

API = "https://api.example.test"
SHOP = "/repos/octo/shop"
HEAD = CommitSha("a" * 40)
MERGE = Merge(5, HEAD, "squash", "Cart", "Closes #2")
OPEN = OpenPullRequest("cart", "Cart", "Closes #2", "crewline/1/cart", HEAD, "main")
REVIEW = PostReview(5, HEAD, "Please.", (LineComment("cart.py", 3, "off by one\nreally"),))


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def shop(clock: TurnedClock) -> AsyncIterator[GitHubRepository]:
    async with Wire(UnauthAuthStrategy(), API) as wire:
        client = PacedClient(wire, Tokens(), write_interval=0, clock=clock)
        yield GitHubRepository(RepositoryName("octo", "shop"), client, Identity(5, Login("crewline[bot]")))


@pytest.fixture
def github() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API) as router:
        yield router


def sent(call: respx.models.Call) -> dict[str, JsonValue]:
    return TypeAdapter(dict[str, JsonValue]).validate_json(call.request.content)


def pull(branch: str = "crewline/1/cart") -> JsonValue:
    return {
        "number": 5,
        "node_id": "PR_5",
        "html_url": "https://example.test/5",
        "user": {"login": "crewline[bot]"},
        "head": {"ref": branch, "sha": HEAD},
        "base": {"ref": "main", "sha": "b" * 40},
    }


def whether_merged(state: str, commit: str | None) -> httpx.Response:
    pull: JsonValue = {"state": state, "mergeCommit": {"oid": commit} if commit else None}
    return httpx.Response(200, json={"data": {"repository": {"pullRequest": pull}}})


async def test_a_merge_names_the_head(shop: GitHubRepository, github: respx.MockRouter) -> None:
    route = github.put(f"{SHOP}/pulls/5/merge").respond(json={"sha": "c" * 40, "merged": True})
    assert await shop.carry_out(MERGE) == (Merged(5, CommitSha("c" * 40)),)
    assert sent(route.calls.last)["sha"] == HEAD


@pytest.mark.parametrize("status", [405, 409, 422, 403])
async def test_a_refused_merge_keeps_githubs_words(
    shop: GitHubRepository, github: respx.MockRouter, status: int
) -> None:
    words = "At least 1 approving review is required"
    github.put(f"{SHOP}/pulls/5/merge").respond(status, json={"message": words})
    github.post("/graphql").mock(return_value=whether_merged("OPEN", None))
    assert await shop.carry_out(MERGE) == (MergeRefused(5, HEAD, words),)


async def test_what_has_to_go_through_a_merge_queue_is_put_there_by_its_head(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    words = "Changes must be made through the merge queue"
    github.put(f"{SHOP}/pulls/5/merge").respond(405, json={"message": words})
    github.post("/graphql").mock(return_value=whether_merged("OPEN", None))
    queue = github.put(f"{SHOP}/pulls/5/merge-async").respond(202, json={"status": "pending", "details": {}})
    [fact] = await shop.carry_out(MERGE)
    assert fact == MergeRefused(5, HEAD, "the merge queue of its branch has it, and merges it when its turn comes")
    assert sent(queue.calls.last) == {"sha": HEAD, "merge_action": "merge_queue"}
    queue.respond(409, json={"message": "A merge request is already pending for this pull request: 1b2c"})
    assert await shop.carry_out(MERGE) == (fact,)
    queue.respond(422, json={"message": "The queue is paused"})
    [refused] = await shop.carry_out(MERGE)
    assert refused == MergeRefused(5, HEAD, "the merge queue of its branch did not take it: The queue is paused")


async def test_a_merge_that_took_effect_before_its_answer_was_lost(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    route = github.put(f"{SHOP}/pulls/5/merge").respond(500)
    github.post("/graphql").mock(return_value=whether_merged("MERGED", "c" * 40))
    assert await shop.carry_out(MERGE) == (Merged(5, CommitSha("c" * 40)),)
    assert route.call_count == 1


async def test_a_merge_of_which_nothing_is_known(shop: GitHubRepository, github: respx.MockRouter) -> None:
    route = github.put(f"{SHOP}/pulls/5/merge").respond(502)
    github.post("/graphql").mock(return_value=whether_merged("OPEN", None))
    with pytest.raises(OutcomeUnknown):
        await shop.carry_out(MERGE)
    assert route.call_count == 1


async def test_a_pull_request_that_exists_is_the_one(shop: GitHubRepository, github: respx.MockRouter) -> None:
    message = "A pull request already exists for octo:crewline/1/cart."
    refusal = {"message": "Validation Failed", "errors": [{"resource": "PullRequest", "message": message}]}
    github.post(f"{SHOP}/pulls").respond(422, json=refusal)
    github.get(f"{SHOP}/pulls").respond(json=[pull("crewline/1/cart-2"), pull()])
    [fact] = await shop.carry_out(OPEN)
    assert isinstance(fact, PullRequestOpened)
    assert (fact.pull_request.number, fact.pull_request.head, fact.pull_request.mine) == (5, HEAD, True)


async def test_a_pull_request_without_commits_is_refused(shop: GitHubRepository, github: respx.MockRouter) -> None:
    github.post(f"{SHOP}/pulls").respond(422, json={"message": "Validation Failed", "errors": ["No commits"]})
    with pytest.raises(Refused, match="No commits"):
        await shop.carry_out(OPEN)


@pytest.mark.parametrize("shows", [True, False])
async def test_a_pull_request_whose_answer_was_lost_is_looked_for(
    shop: GitHubRepository, github: respx.MockRouter, shows: bool
) -> None:
    route = github.post(f"{SHOP}/pulls").respond(502)
    github.get(f"{SHOP}/pulls").respond(json=[pull()] if shows else [])
    if shows:
        assert isinstance((await shop.carry_out(OPEN))[0], PullRequestOpened)
    else:
        with pytest.raises(OutcomeUnknown):
            await shop.carry_out(OPEN)
    assert route.call_count == 1


async def test_a_review_comments_on_lines(shop: GitHubRepository, github: respx.MockRouter) -> None:
    answer = {"id": 9, "body": "Please.", "commit_id": HEAD}
    route = github.post(f"{SHOP}/pulls/5/reviews").respond(json=answer)
    [fact] = await shop.carry_out(REVIEW)
    assert isinstance(fact, ReviewPosted)
    assert fact.review.mine
    body = sent(route.calls.last)
    assert (body["event"], body["commit_id"]) == ("COMMENT", HEAD)
    assert body["comments"] == [{"path": "cart.py", "line": 3, "side": "RIGHT", "body": "off by one\nreally"}]


async def test_a_line_that_the_diff_does_not_show_goes_into_the_body(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    refusal = httpx.Response(422, json={"message": "Unprocessable Entity", "errors": ["Line could not be resolved"]})
    posted = httpx.Response(200, json={"id": 9, "body": "…", "commit_id": HEAD})
    route = github.post(f"{SHOP}/pulls/5/reviews").mock(side_effect=[refusal, posted])
    diff = [{"filename": "cart.py", "patch": "@@ -10,2 +10,2 @@\n context\n-old\n+new"}]
    github.get(f"{SHOP}/pulls/5/files").respond(json=diff)
    await shop.carry_out(REVIEW)
    body = sent(route.calls.last)
    assert body["comments"] == []
    assert body["body"] == "Please.\n\n- `cart.py`, line 3: off by one\n  really"


async def test_a_check_is_published_with_its_session(shop: GitHubRepository, github: respx.MockRouter) -> None:
    route = github.post(f"{SHOP}/check-runs").respond(201, json={"id": 3})
    check = PublishCheck(
        "crewline/review", HEAD, Conclusion.FAILURE, "No", "why" * 30_000, SessionId("1.cart.reviewer.1")
    )
    [fact] = await shop.carry_out(check)
    assert isinstance(fact, CheckPublished)
    body = sent(route.calls.last)
    assert (body["external_id"], body["status"], body["conclusion"]) == ("1.cart.reviewer.1", "completed", "failure")
    output = body["output"]
    assert isinstance(output, dict)
    assert len(str(output["summary"])) == 65_535


async def test_a_check_whose_answer_was_lost_is_found_by_its_session(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    github.post(f"{SHOP}/check-runs").respond(502)
    runs = {"check_runs": [{"id": 3, "external_id": "1.cart.reviewer.1"}]}
    github.get(f"{SHOP}/commits/{HEAD}/check-runs").respond(json=runs)
    check = PublishCheck("crewline/review", HEAD, Conclusion.SUCCESS, "Yes", "fine", SessionId("1.cart.reviewer.1"))
    assert isinstance((await shop.carry_out(check))[0], CheckPublished)


async def test_a_comment_that_is_too_long_is_cut_politely(shop: GitHubRepository, github: respx.MockRouter) -> None:
    answer = {"id": 9, "body": "…", "created_at": "2026-11-21T12:00:00Z"}
    route = github.post(f"{SHOP}/issues/2/comments").respond(201, json=answer)
    [fact] = await shop.carry_out(WriteComment(2, "x" * 70_000))
    assert isinstance(fact, CommentWritten)
    body = str(sent(route.calls.last)["body"])
    assert len(body) == 65_536
    assert body.endswith("cut here: GitHub takes 65,536 characters at most.")


async def test_a_reaction_may_be_sent_twice(shop: GitHubRepository, github: respx.MockRouter) -> None:
    lost, there = httpx.Response(502), httpx.Response(200, json={"id": 1})
    github.post(f"{SHOP}/issues/comments/9/reactions").mock(side_effect=[lost, there])
    assert await shop.carry_out(React(2, 9, Reaction.EYES)) == (Reacted(2, 9, Reaction.EYES),)


async def test_a_label_that_is_not_there_is_removed_all_the_same(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    route = github.delete(f"{SHOP}/issues/2/labels/crewline%3Aneeds-human").respond(404)
    facts = await shop.carry_out(RemoveLabel(2, "crewline:needs-human"))
    assert facts == (LabelChanged(2, "crewline:needs-human", present=False),)
    assert route.called


def made(number: int) -> JsonValue:
    return {
        "id": f"I_{number}",
        "number": number,
        "fullDatabaseId": str(1000 + number),
        "title": "t",
        "body": "b",
        "state": "OPEN",
        "url": "https://example.test",
        "author": {"__typename": "Bot", "login": "crewline"},
        "repository": {"nameWithOwner": "octo/shop"},
        "labels": {"nodes": []},
        "blockedBy": {"nodes": []},
        "closings": {"nodes": []},
        "comments": {"nodes": []},
    }


def graphql(data: JsonValue, *errors: JsonValue) -> httpx.Response:
    return httpx.Response(200, json={"data": data, **({"errors": list(errors)} if errors else {})})


TASKS = CreateTasks("I_1", tuple(NewTask(f"k{n}", f"Task {n}", "body") for n in range(12)))


async def test_tasks_are_created_ten_to_a_request(shop: GitHubRepository, github: respx.MockRouter) -> None:
    answers = [
        graphql({"repository": {"id": "R_1"}}),
        graphql({f"made{n}": {"issue": made(2 + n)} for n in range(10)}),
        graphql({f"made{n}": {"issue": made(12 + n)} for n in range(2)}),
    ]
    route = github.post("/graphql").mock(side_effect=answers)
    facts = await shop.carry_out(TASKS)
    assert [fact.issue.number for fact in facts if isinstance(fact, TaskCreated)] == list(range(2, 14))
    assert all(isinstance(fact, TaskCreated) and fact.issue.mine for fact in facts)
    first = sent(route.calls[1])["variables"]
    assert isinstance(first, dict)
    assert first["input0"] == {"repositoryId": "R_1", "parentIssueId": "I_1", "title": "Task 0", "body": "body"}


async def test_tasks_that_were_created_before_a_failure_are_told(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    answers = [
        graphql({"repository": {"id": "R_1"}}),
        graphql({f"made{n}": {"issue": made(2 + n)} for n in range(10)}),
        httpx.Response(502),
    ]
    github.post("/graphql").mock(side_effect=answers)
    with pytest.raises(OutcomeUnknown) as caught:
        await shop.carry_out(TASKS)
    assert len(caught.value.facts) == 10


async def test_a_task_that_is_refused_does_not_hide_the_others(
    shop: GitHubRepository, github: respx.MockRouter
) -> None:
    refusal: JsonValue = {"message": "Parent issue has 100 sub-issues", "type": "UNPROCESSABLE", "path": ["made1"]}
    answers = [graphql({"repository": {"id": "R_1"}}), graphql({"made0": {"issue": made(2)}, "made1": None}, refusal)]
    github.post("/graphql").mock(side_effect=answers)
    with pytest.raises(Refused, match="100 sub-issues") as caught:
        await shop.carry_out(CreateTasks("I_1", TASKS.tasks[:2]))
    assert [fact.issue.number for fact in caught.value.facts if isinstance(fact, TaskCreated)] == [2]


async def test_a_dependency_that_is_linked_already_is_fine(shop: GitHubRepository, github: respx.MockRouter) -> None:
    there: JsonValue = {"message": "Dependency has already been taken", "type": "UNPROCESSABLE", "path": ["made0"]}
    github.post("/graphql").mock(return_value=graphql({"made0": None, "made1": {"issue": {"number": 4}}}, there))
    links = LinkDependencies((Dependency(3, "I_3", 2, "I_2"), Dependency(4, "I_4", 2, "I_2")))
    assert await shop.carry_out(links) == (DependencyLinked(3, 2), DependencyLinked(4, 2))


async def test_a_dependency_that_is_refused_is_told(shop: GitHubRepository, github: respx.MockRouter) -> None:
    refusal: JsonValue = {"message": "This would make a cycle", "type": "UNPROCESSABLE", "path": ["made0"]}
    github.post("/graphql").mock(return_value=graphql({"made0": None, "made1": {"issue": {"number": 4}}}, refusal))
    links = LinkDependencies((Dependency(3, "I_3", 2, "I_2"), Dependency(4, "I_4", 2, "I_2")))
    with pytest.raises(Refused, match="cycle") as caught:
        await shop.carry_out(links)
    assert caught.value.facts == (DependencyLinked(4, 2),)


@pytest.mark.parametrize(
    ("answer", "permission"),
    [
        ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
        ({"permission": "write", "role_name": "our-own-role"}, Permission.WRITE),
        ({"permission": "admin"}, Permission.ADMIN),
        ({"permission": "none", "role_name": ""}, Permission.NONE),
    ],
)
async def test_permissions_tell_roles_apart(
    shop: GitHubRepository, github: respx.MockRouter, answer: dict[str, str], permission: Permission
) -> None:
    github.get(f"{SHOP}/collaborators/ada/permission").respond(json=answer)
    assert await shop.permission(Login("ada")) is permission


async def test_somebody_unknown_may_nothing(shop: GitHubRepository, github: respx.MockRouter) -> None:
    github.get(f"{SHOP}/collaborators/eve%5Bbot%5D/permission").respond(404)
    assert await shop.permission(Login("eve[bot]")) is Permission.NONE


async def test_a_permission_is_remembered_for_a_minute(
    shop: GitHubRepository, github: respx.MockRouter, clock: TurnedClock
) -> None:
    route = github.get(f"{SHOP}/collaborators/ada/permission").respond(json={"permission": "write"})
    await shop.permission(Login("ada"))
    clock.turn(59)
    await shop.permission(Login("Ada"))
    assert route.call_count == 1
    clock.turn(2)
    await shop.permission(Login("ada"))
    assert route.call_count == 2
