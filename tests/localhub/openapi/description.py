"""GitHub's OpenAPI description, as a thing to ask: which operation is this request, is this body right?

`github-api.json.gz` is cut from the package `@octokit/openapi` by `scripts/cut_openapi.py`. Its schemas are
open: they name what GitHub sends, and say nothing against more. A localhub that sends a field GitHub does not
have would let a bot come to rely on it, so answers and webhooks are held against a *closed* reading, in which an
object has the described properties and no others; requests are held against the open one.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema_rs
from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

CUT = Path(__file__).parent / "github-api.json.gz"

# Parameters whose value may hold slashes; GitHub marks them so in its own description.
MANY_SEGMENTS = frozenset({"basehead", "branch", "path", "ref"})


NEW_VERSION = "2026-03-10"
GONE = {
    "full-repository": ("has_downloads", "use_squash_pr_title_as_default"),
    "issue": ("assignee",),
    "issue-search-result-item": ("assignee",),
    "nullable-issue": ("assignee",),
    "minimal-repository": ("has_downloads",),
    "nullable-repository": ("has_downloads", "master_branch", "use_squash_pr_title_as_default"),
    "pull-request": ("assignee", "merge_commit_sha"),
    "pull-request-simple": ("assignee", "merge_commit_sha"),
    "rate-limit-overview": ("rate",),
    "repository": ("has_downloads", "master_branch", "use_squash_pr_title_as_default"),
    "root": ("authorizations_url", "hub_url"),
}
ADDED = {"label": ("archived_at", "archived_by")}
"""The package describes the version 2022-11-28. This is how the schemas of 2026-03-10 differ, as githubkit's models of
that version do (`githubkit_schemas.v2026_03_10`), which hold every answer of that version a second time."""


class OperationCut(BaseModel):
    """One operation as the cut holds it; a response without a body has the schema None."""

    model_config = ConfigDict(frozen=True)

    id: str
    query: dict[str, JsonValue] = {}
    request: JsonValue = None
    request_required: bool = False
    responses: dict[str, JsonValue]


class Cut(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True)

    source: dict[str, str]
    operations: dict[str, OperationCut]
    webhooks: dict[str, dict[str, JsonValue]]
    schemas: dict[str, JsonValue]


@dataclass(frozen=True)
class Operation:
    """An operation that a request was found to be; `name` is the method and the path template."""

    name: str
    cut: OperationCut


@dataclass(frozen=True)
class Flaw:
    """Where a body differs from its schema: a JSON path such as `$.user.login`, and how."""

    path: str
    reason: str


class Description:
    """Answers from the cut; validators are compiled when first asked for."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self._templates = [(template(name), Operation(name, found)) for name, found in cut.operations.items()]
        # The template with the most words of its own wins: /pulls/comments before /pulls/{pull_number}.
        self._templates.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[1].name)))
        newer = in_new_version(cut.schemas)
        self._registry = jsonschema_rs.Registry(
            [
                ("urn:open", {"schemas": dict(cut.schemas)}),
                ("urn:closed", {"schemas": closed_schemas(cut.schemas), "parts": parts_of(cut.schemas)}),
                (f"urn:{NEW_VERSION}", {"schemas": closed_schemas(newer), "parts": parts_of(newer)}),
            ]
        )
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that `method` on `path` (without a query) is, None where GitHub describes none."""
        if path.endswith("/contents"):
            path += "/-"  # the root of the tree: the described path with an empty last part
        for pattern, operation in self._templates:
            if pattern.fullmatch(f"{method.upper()} {path}"):
                return operation
        return None

    def request_flaws(self, operation: Operation, body: JsonValue) -> list[Flaw]:
        return self._flaws(f"{operation.name} request", operation.cut.request, body, "urn:open")

    def response_flaws(self, operation: Operation, status: int, body: JsonValue, version: str = "") -> list[Flaw]:
        schema = operation.cut.responses[str(status)]
        base = f"urn:{NEW_VERSION}" if version == NEW_VERSION else "urn:closed"
        return self._flaws(f"{operation.name} {status}", schema, body, base)

    def error_flaws(self, body: JsonValue) -> list[Flaw]:
        """An error that the operation does not list, as any operation may answer (401, 429, 502, …)."""
        return self._flaws("error", {"$ref": "#/schemas/basic-error"}, body, "urn:open")

    def webhook_flaws(self, event: str, action: str | None, body: JsonValue) -> list[Flaw] | None:
        """None where GitHub has no such event and action."""
        actions = self.cut.webhooks.get(event, {})
        schema = actions.get("", actions.get(action or ""))
        if schema is None:
            return None
        return self._flaws(f"webhook {event}.{action}", schema, body, "urn:closed")

    def _flaws(self, name: str, schema: JsonValue, body: JsonValue, base: str) -> list[Flaw]:
        key = f"{base} {name}"
        if key not in self._validators:
            whole = rebased(schema if base == "urn:open" else close(schema), base)
            if not isinstance(whole, dict):
                raise TypeError(f"{name} has no schema")
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                whole, registry=self._registry, validate_formats=True
            )
        return [flaw for error in self._validators[key].iter_errors(body) for flaw in explained(error)]


def template(name: str) -> re.Pattern[str]:
    """A pattern for `GET /repos/{owner}/{repo}`."""
    pieces = re.split(r"\{(\w+)\}", name)
    return re.compile(
        "".join(
            re.escape(piece) if place % 2 == 0 else (".+" if piece in MANY_SEGMENTS else "[^/]+")
            for place, piece in enumerate(pieces)
        )
    )


def in_new_version(schemas: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The schemas as of 2026-03-10."""
    changed = dict(schemas)
    for name in GONE.keys() | ADDED.keys():
        schema = schemas[name]
        if not isinstance(schema, dict):
            raise TypeError(f"{name} is not described as expected")
        properties, required = schema["properties"], schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise TypeError(f"{name} is not described as expected")
        gone = GONE.get(name, ())
        added: dict[str, JsonValue] = {each: {} for each in ADDED.get(name, ())}
        changed[name] = {
            **schema,
            "properties": {each: value for each, value in properties.items() if each not in gone} | added,
            "required": [each for each in required if each not in gone],
        }
    return changed


def closed_schemas(schemas: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: close(schema) for name, schema in schemas.items()}


def parts_of(schemas: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The same schemas as parts of an `allOf`: closed inside, while the whole says which properties it has."""
    return {name: close(schema, part=True) for name, schema in schemas.items()}


def close(schema: JsonValue, *, part: bool = False) -> JsonValue:
    """The schema, with objects that have the described properties and no others."""
    if isinstance(schema, list):
        return [close(each, part=part) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return {"$ref": reference.replace("#/schemas/", "#/parts/") if part else reference}
    found: dict[str, JsonValue] = {}
    together = "allOf" in schema
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: close(each) for name, each in value.items()}
        elif key in ("allOf", "anyOf"):
            found[key] = close(value, part=part or together)
        elif key in ("items", "additionalProperties"):
            found[key] = close(value)
        else:
            found[key] = value
    if not part and "additionalProperties" not in schema and (together or "properties" in schema):
        found["unevaluatedProperties"] = False
    return found


def rebased(schema: JsonValue, base: str) -> JsonValue:
    """The schema with its references made absolute."""
    if isinstance(schema, list):
        return [rebased(each, base) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: base + value if key == "$ref" and isinstance(value, str) else rebased(value, base)
        for key, value in schema.items()
    }


def explained(error: jsonschema_rs.ValidationError) -> Iterator[Flaw]:
    """The error in the words of its deepest cause: of several alternatives, the one that fits best."""
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        fitting = [branch for branch in error.kind.context if not refuses_kind(branch, error)]
        if fitting:
            for deeper in min(fitting, key=distance):
                yield from explained(deeper)
            return
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    yield Flaw(path, error.message if len(error.message) <= 300 else f"{error.message[:120]} … {error.message[-170:]}")


def distance(branch: list[jsonschema_rs.ValidationError]) -> tuple[int, int]:
    """How far an alternative is from the value, in wrong names; of two equally far the one flawed deeper is nearer."""
    named = (
        jsonschema_rs.ValidationErrorKind.UnevaluatedProperties,
        jsonschema_rs.ValidationErrorKind.AdditionalProperties,
    )
    wrong = sum(len(error.kind.unexpected) if isinstance(error.kind, named) else 1 for error in branch)
    return wrong, -max(len(error.instance_path) for error in branch)


def refuses_kind(branch: list[jsonschema_rs.ValidationError], whole: jsonschema_rs.ValidationError) -> bool:
    """Whether an alternative does not take this kind of value at all (null for an object, say)."""
    return any(
        isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Type) and error.instance_path == whole.instance_path
        for error in branch
    )


@cache
def description() -> Description:
    """The one description, read once a process."""
    return Description(TypeAdapter(Cut).validate_python(json.loads(gzip.decompress(CUT.read_bytes()))))
