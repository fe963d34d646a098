"""Resolvers by type and field; and what happens to a field that has none.

graphql-core answers a field without a resolver by attribute or with null. A model of GitHub that answers
null where GitHub has a value teaches its users wrong things, quietly. So nothing is resolved by default: every
field is registered here by the file of its type, and one that is not raises `Unserved`, which ends the whole
request as a fault of the localhub (not as a GraphQL error that a client might ignore). Arguments are the same:
each field names a model of those it honours, and one that is given and not honoured raises.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Generic, Protocol, TypeVar

from graphql import FieldNode, FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema, GraphQLUnionType
from graphql.type import GraphQLInterfaceType
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from bot.localhub.graphql.ask import Ask


class Spot(Protocol):
    """Where in the request a field is resolved: of graphql-core's info, the part that is used here."""

    @property
    def field_name(self) -> str: ...
    @property
    def field_nodes(self) -> Sequence[FieldNode]: ...
    @property
    def fragments(self) -> Mapping[str, FragmentDefinitionNode]: ...
    @property
    def context(self) -> object: ...


S = TypeVar("S")
A = TypeVar("A", bound="Arguments")
Resolve = Callable[[object, Ask, "Arguments", Spot], object]
TypeOf = Callable[[object], bool]


class Unserved(Exception):
    """The schema has it and the localhub does not serve it."""


class Arguments(BaseModel):
    """The arguments that a field honours, in Python's spelling. None is "not given"."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_what_asks_for_nothing(cls, given: object) -> object:
        """Clients and the schema's defaults send null, false and empty lists for what is not wanted."""
        if not isinstance(given, dict):
            return given
        known = _names_of(cls)
        return {name: value for name, value in given.items() if name in known or value not in (None, False, [])}

    def check(self, info: Spot) -> None:
        """Refuse values that GitHub refuses."""


@cache
def _names_of(arguments: type[Arguments]) -> frozenset[str]:
    """What its fields are called, in GraphQL and in Python."""
    fields = arguments.model_fields
    return frozenset({field.alias or name for name, field in fields.items()} | fields.keys())


class Nothing(Arguments):
    """No arguments."""


NOTHING = Nothing()
"""Most fields take none, and a request asks for hundreds of them."""


class FieldResolver(Protocol):
    """What graphql-core calls."""

    def __call__(self, value: object, info: Spot, **given: object) -> object: ...


RESOLVERS: dict[tuple[str, str], tuple[type[Arguments], Resolve]] = {}
PAYLOADS: list[Callable[[object, str], object]] = []
"""How to read a field of a mutation's payload; `write/mutation.py` says it."""
KINDS: list[tuple[type, TypeOf, str]] = []


class Fields(Generic[S]):
    """The fields of one GraphQL type, whose objects are `source`s for which `when` holds."""

    def __init__(self, name: str, source: type[S], when: Callable[[S], bool] | None = None) -> None:
        self.name = name
        self.source = source

        def matches(value: object) -> bool:
            return isinstance(value, source) and (when is None or when(value))

        KINDS.append((source, matches, name))

    def reads(self, **readers: Callable[[S], object]) -> None:
        """Fields that only look at their object."""
        for name, reader in readers.items():

            def resolve(
                value: object,
                _ask: Ask,
                _given: Arguments,
                _info: Spot,
                reader: Callable[[S], object] = reader,
            ) -> object:
                assert isinstance(value, self.source), f"{self.name} got a {type(value).__name__}"
                return reader(value)

            self._register(name, Nothing, resolve)

    def asks(self, **readers: Callable[[S, Ask], object]) -> None:
        """Fields that depend on who asks."""
        for name, reader in readers.items():

            def resolve(
                value: object,
                ask: Ask,
                _given: Arguments,
                _info: Spot,
                reader: Callable[[S, Ask], object] = reader,
            ) -> object:
                assert isinstance(value, self.source), f"{self.name} got a {type(value).__name__}"
                return reader(value, ask)

            self._register(name, Nothing, resolve)

    def takes(
        self, name: str, arguments: type[A]
    ) -> Callable[[Callable[[S, Ask, A], object]], Callable[[S, Ask, A], object]]:
        """A field with arguments."""

        def register(function: Callable[[S, Ask, A], object]) -> Callable[[S, Ask, A], object]:
            def resolve(value: object, ask: Ask, given: Arguments, _info: Spot) -> object:
                assert isinstance(value, self.source), f"{self.name} got a {type(value).__name__}"
                assert isinstance(given, arguments)
                return function(value, ask, given)

            self._register(name, arguments, resolve)
            return function

        return register

    def _register(self, name: str, arguments: type[Arguments], resolve: Resolve) -> None:
        assert (self.name, name) not in RESOLVERS, f"{self.name}.{name} is registered twice"
        RESOLVERS[self.name, name] = (arguments, resolve)


def kind_of(value: object) -> str:
    """The GraphQL type of an object that stands where an interface or a union is asked for."""
    for _, matches, name in KINDS:
        if matches(value):
            return name
    raise Unserved(f"no GraphQL type is registered for {type(value).__name__}")


def attach(schema: GraphQLSchema) -> None:
    """Give every field of the schema its resolver, or one that raises."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = lambda value, _info, _kind: kind_of(value)
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                field.resolve = _resolver(kind.name, name)
    known = {(kind.name, name) for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType)
             for name in kind.fields}  # fmt: skip
    strangers = set(RESOLVERS) - known
    assert not strangers, f"resolvers for what the schema does not have: {sorted(strangers)}"


def _resolver(kind: str, field: str) -> FieldResolver:
    registered = RESOLVERS.get((kind, field)) or (_payload_reader(kind, field) if kind.endswith("Payload") else None)

    def resolve(value: object, info: Spot, **given: object) -> object:
        ask = info.context
        assert isinstance(ask, Ask)
        try:
            if registered is None:
                raise Unserved(f"{kind}.{field} has no resolver in the localhub")
            arguments = _arguments(kind, field, registered[0], given)
            arguments.check(info)
            result = registered[1](value, ask, arguments, info)
        except Unserved as error:
            ask.unserved.append(str(error))
            raise
        return _told(ask, result) if inspect.iscoroutine(result) else result

    return resolve


def _payload_reader(kind: str, field: str) -> tuple[type[Arguments], Resolve]:
    def read(value: object, _ask: Ask, _given: Arguments, _info: Spot) -> object:
        try:
            return PAYLOADS[0](value, field)
        except KeyError:
            raise Unserved(f"{kind}.{field} has no value in the localhub") from None

    return Nothing, read


async def _told(ask: Ask, result: Awaitable[object]) -> object:
    try:
        return await result
    except Unserved as error:
        ask.unserved.append(str(error))
        raise


def _arguments(kind: str, field: str, model: type[Arguments], given: dict[str, object]) -> Arguments:
    """The given arguments as their model; what is null counts as not given."""
    if model is Nothing and not given:
        return NOTHING
    try:
        return model.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        names = ", ".join(".".join(str(part) for part in one["loc"]) for one in error.errors())
        raise Unserved(f"{kind}.{field} does not honour {names}: {error}") from error
