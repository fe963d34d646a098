"""What a bot asks of an objective, and GitHub's refusals of badly asked questions."""

from pathlib import Path

from bot.localhub.model.check import CheckChange, CheckOutput, create_check_run
from bot.localhub.model.issue import open_issue
from bot.localhub.model.issue_links import add_sub_issue, block
from bot.localhub.model.pull_request import open_pull_request
from bot.localhub.model.review import DraftComment, create_review
from tests.localhub.graphql.served import Served

OBSERVE = Path(__file__).with_name("observe.graphql").read_text()


async def test_one_query_shows_an_objective_whole(served: Served) -> None:
    shop, alice = served.shop, served.alice
    objective = open_issue(shop, alice, "Sell tea", "In bags.", labels=["crewline"])
    first, second = open_issue(shop, served.bot, "Buy tea"), open_issue(shop, served.bot, "Pack tea")
    for task in (first, second):
        add_sub_issue(objective, served.bot, task)
    block(second, served.bot, first)
    objective.comment(served.bot, "On it.")
    await served.hub.push_files(shop, served.bot, "feature", {"tea.py": "tea = 1\n"}, "Add tea")
    pull = await open_pull_request(
        shop, served.bot, title="Tea", head="feature", base="main", body=f"Closes #{first.number}"
    )
    passed = CheckChange(name="crewline/verify", conclusion="success", output=CheckOutput(title="ok", summary="ran"))
    await create_check_run(shop, served.bot, pull.head_sha, passed)
    await create_review(
        pull, served.bot, "COMMENT", "Fine.", comments=[DraftComment(path="tea.py", line=1, body="Strong.")]
    )

    answer = await served.ask(OBSERVE, by="app", owner="alice", name="shop", number=objective.number)

    issue = ("repository", "issue")
    assert answer.data("viewer", "login") == "crewline"
    assert answer.data("repository", "config", "text") == "# Shop\n"
    assert answer.data(*issue, "comments", "nodes", 0, "viewerDidAuthor") is True
    assert answer.data(*issue, "comments", "nodes", 0, "author", "__typename") == "Bot"
    assert answer.data(*issue, "timelineItems", "nodes", 0, "label", "name") == "crewline"
    assert answer.data(*issue, "subIssuesSummary") == {"total": 2, "completed": 0, "percentCompleted": 0}
    tasks = (*issue, "subIssues", "nodes")
    assert answer.data(*tasks, 1, "blockedBy", "nodes", 0, "number") == first.number
    found = (*tasks, 0, "closedByPullRequestsReferences", "nodes", 0)
    assert answer.data(*found, "headRefOid") == pull.head_sha
    assert answer.data(*found, "mergeable") == "UNKNOWN"
    assert answer.data(*found, "reviews", "nodes", 0, "comments", "nodes", 0, "line") == 1
    rollup = (*found, "commits", "nodes", 0, "commit", "statusCheckRollup")
    assert answer.data(*rollup, "state") == "SUCCESS"
    assert answer.data(*rollup, "contexts", "nodes", 0, "summary") == "ran"
    assert answer.data("repository", "pullRequests", "nodes", 0, "number") == pull.number

    again = await served.ask(OBSERVE, by="app", owner="alice", name="shop", number=objective.number)
    assert again.data(*found, "mergeable") == "MERGEABLE"
    assert again.data("rateLimit", "cost") == 26
    assert again.data("rateLimit", "remaining") == 5000 - 52


async def test_what_is_not_there_is_said_in_github_s_words(served: Served) -> None:
    query = (
        'query { a: repository(owner: "alice", name: "nope") { id } repository(owner: "alice", name: "shop") { id } }'
    )
    answer = await served.ask(query)
    assert answer.status == 200
    assert answer.error("type") == "NOT_FOUND"
    assert answer.error("path") == ["a"]
    assert answer.error("message") == "Could not resolve to a Repository with the name 'alice/nope'."
    assert isinstance(answer.json, dict)
    assert answer.json["data"] == {"a": None, "repository": {"id": served.shop.node_id}}


async def test_a_page_without_a_size_is_refused_and_a_count_alone_is_not(served: Served) -> None:
    ask = 'query { repository(owner: "alice", name: "shop") { labels%s } }'
    refused = await served.ask(ask % " { nodes { name } }")
    assert refused.error("type") == "MISSING_PAGINATION_BOUNDARIES"
    assert "`labels` connection" in str(refused.error("message"))
    assert (await served.ask(ask % "(first: 101) { totalCount }")).error("type") == "EXCESSIVE_PAGINATION"
    assert (await served.ask(ask % " { totalCount }")).data("repository", "labels", "totalCount") == 4


async def test_pages_follow_each_other_by_cursor(served: Served) -> None:
    for number in range(5):
        open_issue(served.shop, served.alice, f"Wish {number}")
    query = """query($after: String) { repository(owner: "alice", name: "shop") {
        issues(first: 2, after: $after) { totalCount nodes { title } pageInfo { hasNextPage endCursor } } } }"""
    seen: list[object] = []
    after = None
    while True:
        page = await served.ask(query, after=after)
        nodes = page.data("repository", "issues", "nodes")
        assert isinstance(nodes, list)
        seen += nodes
        if page.data("repository", "issues", "pageInfo", "hasNextPage") is False:
            break
        after = page.text("repository", "issues", "pageInfo", "endCursor")
    assert seen == [{"title": f"Wish {number}"} for number in range(5)]


async def test_a_query_for_too_many_nodes_is_refused_before_it_runs(served: Served) -> None:
    answer = await served.ask(
        """query { repository(owner: "alice", name: "shop") { issues(first: 100) { nodes { subIssues(first: 100) {
        nodes { comments(first: 100) { nodes { id } } } } } } } }"""
    )
    assert answer.error("type") == "MAX_NODE_LIMIT_EXCEEDED"
    assert "1,010,100" in str(answer.error("message"))


async def test_an_unknown_field_is_refused_in_github_s_words(served: Served) -> None:
    answer = await served.ask("query { viewer { shoeSize } }")
    assert answer.error("message") == "Field 'shoeSize' doesn't exist on type 'User'"


async def test_a_bad_token_is_401(served: Served) -> None:
    answer = await served.ask("query { viewer { login } }", token="ghs_wrong")
    assert answer.status == 401
    assert isinstance(answer.json, dict)
    assert answer.json["message"] == "Bad credentials"


async def test_nodes_come_by_global_id(served: Served) -> None:
    issue = open_issue(served.shop, served.alice, "Tea")
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Issue { title } } }"
    answer = await served.ask(query, ids=[issue.node_id, "I_nope", served.shop.node_id])
    assert isinstance(answer.json, dict)
    assert answer.json["data"] == {
        "nodes": [
            {"__typename": "Issue", "id": issue.node_id, "title": "Tea"},
            None,
            {"__typename": "Repository", "id": served.shop.node_id},
        ]
    }
    assert answer.error("message") == "Could not resolve to a node with the global id of 'I_nope'"
