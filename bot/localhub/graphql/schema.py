"""The slim SDL with its resolvers."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLScalarType, GraphQLSchema, build_schema

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
    _widen_ids(schema)
    for name in ("DateTime", "GitTimestamp"):
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.coerce_output_value = when
    return schema


def _widen_ids(schema: GraphQLSchema) -> None:
    """GitHub types `databaseId` as Int and answers with ids beyond 32 bits all the same; graphql-core would refuse."""
    wide = GraphQLScalarType("WideInt", coerce_output_value=_whole)
    wide.name = "Int"
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and "databaseId" in kind.fields:
            kind.fields["databaseId"].type = wide


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
