"""How a mutation is registered: its input as a model, its payload as named values.

Mutations of one request run one after another. One that is refused is null with an error, and the next ones
run all the same, because every root field is nullable in GitHub's schema.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import create_model

from bot.localhub.graphql.ask import Ask, unresolved_node
from bot.localhub.graphql.read.query import Root, node
from bot.localhub.graphql.registry import PAYLOADS, RESOLVERS, Arguments, Spot

I = TypeVar("I", bound="Input")  # noqa: E741
T = TypeVar("T")


class Input(Arguments):
    """The input of a mutation. What the localhub does not honour is not declared, and refused when given."""

    client_mutation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """What a mutation answers with."""

    client_mutation_id: str | None
    values: Mapping[str, object]


Carry = Callable[[Ask, I], Awaitable[Mapping[str, object]]]


def mutation(name: str, form: type[I]) -> Callable[[Carry[I]], Carry[I]]:
    """Register a mutation. Its function answers with the values of the payload's fields."""
    arguments = create_model(f"{form.__name__}Arguments", __base__=Given, input=(form, ...))

    def register(function: Carry[I]) -> Carry[I]:
        async def resolve(value: object, ask: Ask, given: Arguments, _info: Spot) -> Payload:
            assert isinstance(value, Root)
            asked = getattr(given, "input", None)
            assert isinstance(asked, form)
            return Payload(asked.client_mutation_id, await function(ask, asked))

        RESOLVERS["Mutation", name] = (arguments, resolve)
        return function

    return register


class Given(Arguments):
    """The one argument of a mutation, `input`."""


def payload_value(value: object, field: str) -> object:
    """A field of a payload; KeyError for one that the mutation did not answer with."""
    assert isinstance(value, Payload)
    return value.client_mutation_id if field == "clientMutationId" else value.values[field]


PAYLOADS.append(payload_value)


async def the(ask: Ask, kind: type[T], global_id: str) -> T:
    """The thing of this kind with this global id, or NotFound."""
    found = await node(ask, global_id)
    if not isinstance(found, kind):
        raise unresolved_node(global_id)
    return found
