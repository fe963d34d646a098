"""What goes wrong on purpose: limits, lost answers, partial answers, reads that lag."""

from bot.localhub.model.issue import open_issue
from bot.localhub.model.settings import BadGateway
from tests.localhub.graphql.served import Served

TITLES = 'query { viewer { login } repository(owner: "alice", name: "shop") { issues(first: 5) { nodes { title } } } }'


async def test_over_the_hourly_limit_the_answer_is_200_with_rate_limited(served: Served) -> None:
    served.hub.settings.limits.primary_per_hour = 2
    for _ in range(2):
        assert (await served.ask("query { viewer { login } }")).data("viewer", "login") == "alice"
    refused = await served.ask("query { viewer { login } }")
    assert (refused.status, refused.error("type")) == (200, "RATE_LIMITED")
    assert refused.headers["x-ratelimit-remaining"] == "0"


async def test_the_secondary_limit_is_403_with_retry_after(served: Served) -> None:
    served.hub.faults.secondary_limit_hits = 1
    refused = await served.ask("query { viewer { login } }")
    assert (refused.status, refused.headers["retry-after"]) == (403, "60")


async def test_a_lost_answer_leaves_what_was_written(served: Served) -> None:
    served.hub.faults.bad_gateways.append(BadGateway("POST /graphql", after_write=True))
    create = 'mutation($repo: ID!) { createIssue(input: {repositoryId: $repo, title: "Tea"}) { issue { number } } }'
    assert (await served.ask(create, repo=served.shop.node_id)).status == 502
    assert [issue.title for issue in served.shop.issues.values()] == ["Tea"]


async def test_a_partial_answer_has_data_and_an_error(served: Served) -> None:
    served.hub.faults.partial_answers = 1
    answer = await served.ask(TITLES)
    assert isinstance(answer.json, dict)
    assert answer.json["data"] == {"viewer": {"login": "alice"}, "repository": None}
    assert answer.error("path") == ["repository"]
    assert (await served.ask(TITLES)).data("viewer", "login") == "alice"


async def test_reads_may_lag_behind_writes(served: Served) -> None:
    served.hub.faults.read_lag = 3600
    open_issue(served.shop, served.alice, "Tea")
    assert (await served.ask(TITLES)).data("repository", "issues", "nodes") == []
    served.hub.faults.read_lag = 0
    assert (await served.ask(TITLES)).data("repository", "issues", "nodes") == [{"title": "Tea"}]
