"""Errors as GitHub's GraphQL words them: `type`, `path`, `locations`, `message` side by side."""

import re
from collections.abc import Mapping

from graphql import GraphQLError
from pydantic import JsonValue

from bot.localhub.graphql.ask import Refused
from bot.localhub.model.errors import FieldError, Forbidden, HubError, NotFound, Validation

_UNKNOWN_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'\.")
_SENTENCES = {"already_exists": "has already been taken", "missing_field": "can't be blank", "invalid": "is invalid"}


def kind_of_error(error: HubError) -> str:
    """GraphQL's `type` for a refusal of the model."""
    if isinstance(error, Refused):
        return error.kind
    if isinstance(error, NotFound):
        return "NOT_FOUND"
    return "FORBIDDEN" if isinstance(error, Forbidden) else "UNPROCESSABLE"


def sentence(error: HubError) -> str:
    """The refusal in one sentence: GraphQL has no list of field errors."""
    if not isinstance(error, Validation) or not error.errors:
        return error.message
    return ", ".join(_one(each) for each in error.errors)


def _one(error: FieldError | str) -> str:
    if isinstance(error, str):
        return error
    if error.message is not None:
        return error.message
    return f"{(error.field or error.resource).capitalize()} {_SENTENCES.get(error.code, error.code)}"


def _words(message: str) -> tuple[str, dict[str, JsonValue]]:
    """GitHub's words for graphql-core's, and what it adds."""
    unknown = _UNKNOWN_FIELD.match(message)
    if unknown is None:
        return message, {}
    extensions: JsonValue = {"code": "undefinedField", "typeName": unknown[2], "fieldName": unknown[1]}
    return f"Field '{unknown[1]}' doesn't exist on type '{unknown[2]}'", {"extensions": extensions}


def formatted(error: GraphQLError) -> Mapping[str, JsonValue]:
    """One entry of `errors`."""
    cause = error.original_error
    found: dict[str, JsonValue] = {}
    if isinstance(cause, HubError):
        found["type"] = kind_of_error(cause)
        message = sentence(cause)
    else:
        message, extra = _words(error.message)
        found.update(extra)
    if error.path is not None:
        found["path"] = list(error.path)
    if error.locations:
        found["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    found["message"] = message
    return found
