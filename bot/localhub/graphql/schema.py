"""The slim SDL with its resolvers."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from graphql import GraphQLScalarType, GraphQLSchema, build_schema

from bot.localhub.graphql import read, write
from bot.localhub.graphql.registry import attach

SDL = Path(__file__).with_name("schema.graphql")


def when(moment: object) -> str:
    """A time as GitHub writes it: UTC, whole seconds."""
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def served_schema() -> GraphQLSchema:
    """The schema that is executed. It is built once per process, and holds no hub."""
    assert read.FILES
    assert write.FILES
    schema = build_schema(SDL.read_text())
    attach(schema)
    for name in ("DateTime", "GitTimestamp"):
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        setattr(scalar, "serialize", when)  # noqa: B010 - graphql-core's own way to give an SDL scalar its form
    return schema
