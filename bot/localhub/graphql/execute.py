"""One GraphQL request against the hub: parse, validate, price, charge, execute.

Validation is the specification's but for one rule: GitHub lets fields of one name and different types stand in
different fragments (its own gh CLI asks for `state` of an issue or pull request so), which the rule
"overlapping fields can be merged" forbids.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    execute,
    parse,
    specified_rules,
    validate,
)
from pydantic import BaseModel, ConfigDict, JsonValue

from bot.localhub.graphql.ask import Ask, Cost
from bot.localhub.graphql.cost import cost_of
from bot.localhub.graphql.errors import formatted
from bot.localhub.graphql.read.query import Root
from bot.localhub.graphql.registry import Unserved
from bot.localhub.graphql.schema import served_schema
from bot.localhub.model.actor import Actor
from bot.localhub.model.errors import HubError
from bot.localhub.model.hub import Hub
from bot.localhub.model.versioned import as_of

RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
CREATES_CONTENT = {"addComment", "addPullRequestReview", "createIssue", "createPullRequest", "submitPullRequestReview"}
Answer = Mapping[str, JsonValue]


class Question(BaseModel):
    """The body of a GraphQL request."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    query: str
    variables: dict[str, JsonValue] | None = None
    operationName: str | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is well-formed, with its price."""

    question: Question
    document: DocumentNode
    operation: OperationDefinitionNode
    cost: Cost

    @property
    def name(self) -> str:
        """The operation's name, by which requests are counted."""
        return self.operation.name.value if self.operation.name is not None else "anonymous"

    @property
    def mutations(self) -> tuple[str, ...]:
        """The mutations in it, in order."""
        if self.operation.operation is not OperationType.MUTATION:
            return ()
        selections = self.operation.selection_set.selections
        return tuple(one.name.value for one in selections if isinstance(one, FieldNode))

    @property
    def content(self) -> tuple[str, ...]:
        """Those that create content, by GitHub's count."""
        return tuple(name for name in self.mutations if name in CREATES_CONTENT)


class Malformed(Exception):
    """Not a request that can be executed: the errors to answer with."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@lru_cache(maxsize=256)
def _valid(query: str) -> DocumentNode:
    """Parsed and validated: for a large query that takes longer than its execution, and a program asks the same
    text again and again. Raises `Malformed`."""
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        raise Malformed([error]) from error
    if errors := validate(served_schema(), document, RULES):
        raise Malformed(errors)
    return document


def learn(query: str) -> None:
    """Parse and validate `query` now, as a GitHub has that was asked it before. Raises `Malformed`."""
    _valid(query)


def prepare(question: Question) -> Prepared:
    """Parse, validate and price. Raises `Malformed`."""
    document = _valid(question.query)
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    named = [one for one in operations if one.name is not None and one.name.value == question.operationName]
    chosen = named or (operations if len(operations) == 1 and question.operationName is None else [])
    if not chosen:
        raise Malformed([GraphQLError(f"No operation named {question.operationName!r}")])
    try:
        cost = cost_of(document, chosen[0], question.variables or {})
    except HubError as error:
        raise Malformed([GraphQLError(error.message, original_error=error)]) from error
    return Prepared(question, document, chosen[0], cost)


async def carry_out(hub: Hub, actor: Actor, prepared: Prepared) -> Answer:
    """Execute a request that was charged. Raises what is a fault of the localhub's own, such as `Unserved`."""
    ask = Ask(hub, actor, prepared.cost, hub.meter.budget(actor.actor_id, "graphql"))
    with as_of(None if prepared.mutations else hub.reading_moment):
        result = execute(
            served_schema(),
            prepared.document,
            root_value=Root(),
            context_value=ask,
            variable_values=prepared.question.variables,
            operation_name=prepared.question.operationName,
        )
        if inspect.isawaitable(result):
            result = await result
    for error in result.errors or ():
        cause = error.original_error
        if cause is not None and not isinstance(cause, HubError | GraphQLError):
            raise cause
    if ask.unserved:
        raise Unserved("; ".join(ask.unserved))
    return answer_of(result)


def answer_of(result: ExecutionResult) -> Answer:
    """As GitHub answers: `errors` only where there are some."""
    answer: dict[str, JsonValue] = {"data": result.data}
    if result.errors:
        answer["errors"] = [dict(formatted(error)) for error in result.errors]
    return answer
