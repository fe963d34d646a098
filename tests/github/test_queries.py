"""Every query is held against GitHub's published schema."""

from importlib.resources import files

import pytest
from graphql import GraphQLSchema, build_schema, parse, specified_rules, validate

from bot.github.crowded import crowded_document
from bot.github.graphql import document, with_parts
from bot.github.observe import branches_document, look_document
from bot.github.shapes import PullRequestNode
from bot.github.writing.issues import creating, linking


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """GitHub's schema, cut to what the localhub serves: a field that it lacks would have no resolver either."""
    return build_schema(files("bot.localhub.graphql").joinpath("schema.graphql").read_text())


CROWDED = PullRequestNode.model_validate(
    {
        "id": "PR_1",
        "number": 1,
        "state": "OPEN",
        "url": "https://example.com/1",
        "isCrossRepository": False,
        "headRefName": "crewline/1/one",
        "headRefOid": "1" * 40,
        "baseRefName": "main",
        "mergeable": "MERGEABLE",
        "mergeStateStatus": "CLEAN",
        "reviews": {"pageInfo": {"hasPreviousPage": True}},
        "statusCheckRollup": {"contexts": {"pageInfo": {"hasNextPage": True}}},
    }
)
"""A pull request with more reviews and more checks than came."""

DOCUMENTS = {
    "a look without tasks": look_document(0),
    "a look at fifty tasks": look_document(50),
    "more branches": branches_document(3),
    "more tasks": with_parts(document("tasks")),
    "more pull requests": with_parts(document("pull_requests")),
    "more reviews and checks": crowded_document([CROWDED, CROWDED]),
    "open objectives": document("objectives"),
    "configuration": document("configuration"),
    "the repository": document("repository_id"),
    "whether it merged": document("merged"),
    "creating tasks": creating(10),
    "linking tasks": linking(10),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_query_fits_the_published_schema(name: str, schema: GraphQLSchema) -> None:
    assert validate(schema, parse(DOCUMENTS[name]), specified_rules) == []


def test_fragments_that_nobody_uses_stay_out() -> None:
    assert "fragment PullRequestParts" not in with_parts(document("tasks"))
    assert "fragment Who" in with_parts(document("tasks"))
