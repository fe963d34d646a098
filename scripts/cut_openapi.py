"""Cut GitHub's published OpenAPI description to what the localhub serves and sends.

    python scripts/cut_openapi.py [--tarball octokit-openapi-X.tgz]

The source is the npm package `@octokit/openapi` (MIT): GitHub's own description of api.github.com,
published again by Octokit. One file of the package is read; prose, examples, and everything that no listed
operation or event reaches is left out, and the OpenAPI 3.0 dialect is turned into JSON Schema 2020-12:

* `nullable: true` becomes a type that allows null;
* `oneOf` becomes `anyOf`: GitHub's alternatives overlap, so "exactly one" would refuse real answers.

The result is byte-for-byte the same for the same package version, so a renewal shows as what changed.
Add an operation to `OPERATIONS` when the localhub learns to serve it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

from pydantic import JsonValue

PACKAGE = "@octokit/openapi"
VERSION = "23.0.2"
MEMBER = "package/generated/api.github.com.json"
TARGET = Path(__file__).parent.parent / "tests" / "localhub" / "openapi" / "github-api.json.gz"

REPO = "/repos/{owner}/{repo}"
OPERATIONS = (
    "POST /app-manifests/{code}/conversions",
    "GET /app",
    "GET /app/hook/config",
    "PATCH /app/hook/config",
    "GET /app/hook/deliveries",
    "GET /app/hook/deliveries/{delivery_id}",
    "POST /app/hook/deliveries/{delivery_id}/attempts",
    "GET /app/installations",
    "GET /app/installations/{installation_id}",
    "DELETE /app/installations/{installation_id}",
    "POST /app/installations/{installation_id}/access_tokens",
    "DELETE /installation/token",
    "GET /installation/repositories",
    "GET /apps/{app_slug}",
    f"GET {REPO}/installation",
    "GET /orgs/{org}/installation",
    "GET /users/{username}/installation",
    "GET /",
    "GET /meta",
    "GET /rate_limit",
    "GET /user",
    "GET /user/repos",
    "POST /user/repos",
    "GET /users/{username}",
    "GET /users/{username}/repos",
    "GET /orgs/{org}",
    "POST /orgs/{org}/repos",
    "GET /orgs/{org}/repos",
    "GET /search/issues",
    f"GET {REPO}",
    f"PATCH {REPO}",
    f"DELETE {REPO}",
    f"GET {REPO}/languages",
    f"GET {REPO}/topics",
    f"GET {REPO}/contributors",
    f"GET {REPO}/collaborators",
    f"GET {REPO}/collaborators/{{username}}",
    f"PUT {REPO}/collaborators/{{username}}",
    f"DELETE {REPO}/collaborators/{{username}}",
    f"GET {REPO}/collaborators/{{username}}/permission",
    f"GET {REPO}/assignees",
    f"GET {REPO}/assignees/{{assignee}}",
    f"GET {REPO}/branches",
    f"GET {REPO}/branches/{{branch}}",
    f"GET {REPO}/branches/{{branch}}/protection",
    f"PUT {REPO}/branches/{{branch}}/protection",
    f"DELETE {REPO}/branches/{{branch}}/protection",
    f"GET {REPO}/rules/branches/{{branch}}",
    f"GET {REPO}/rulesets",
    f"POST {REPO}/rulesets",
    f"GET {REPO}/rulesets/{{ruleset_id}}",
    f"PUT {REPO}/rulesets/{{ruleset_id}}",
    f"DELETE {REPO}/rulesets/{{ruleset_id}}",
    f"POST {REPO}/merges",
    f"GET {REPO}/commits",
    f"GET {REPO}/commits/{{ref}}",
    f"GET {REPO}/commits/{{commit_sha}}/pulls",
    f"GET {REPO}/commits/{{ref}}/check-runs",
    f"GET {REPO}/commits/{{ref}}/check-suites",
    f"GET {REPO}/commits/{{ref}}/status",
    f"GET {REPO}/commits/{{ref}}/statuses",
    f"GET {REPO}/compare/{{basehead}}",
    f"GET {REPO}/contents/{{path}}",
    f"PUT {REPO}/contents/{{path}}",
    f"DELETE {REPO}/contents/{{path}}",
    f"GET {REPO}/readme",
    f"GET {REPO}/tags",
    f"POST {REPO}/git/blobs",
    f"GET {REPO}/git/blobs/{{file_sha}}",
    f"POST {REPO}/git/commits",
    f"GET {REPO}/git/commits/{{commit_sha}}",
    f"POST {REPO}/git/trees",
    f"GET {REPO}/git/trees/{{tree_sha}}",
    f"POST {REPO}/git/tags",
    f"GET {REPO}/git/ref/{{ref}}",
    f"GET {REPO}/git/matching-refs/{{ref}}",
    f"POST {REPO}/git/refs",
    f"PATCH {REPO}/git/refs/{{ref}}",
    f"DELETE {REPO}/git/refs/{{ref}}",
    f"POST {REPO}/check-runs",
    f"GET {REPO}/check-runs/{{check_run_id}}",
    f"PATCH {REPO}/check-runs/{{check_run_id}}",
    f"GET {REPO}/check-runs/{{check_run_id}}/annotations",
    f"POST {REPO}/check-runs/{{check_run_id}}/rerequest",
    f"POST {REPO}/check-suites",
    f"GET {REPO}/check-suites/{{check_suite_id}}",
    f"GET {REPO}/check-suites/{{check_suite_id}}/check-runs",
    f"POST {REPO}/check-suites/{{check_suite_id}}/rerequest",
    f"POST {REPO}/statuses/{{sha}}",
    f"GET {REPO}/issues",
    f"POST {REPO}/issues",
    f"GET {REPO}/issues/{{issue_number}}",
    f"PATCH {REPO}/issues/{{issue_number}}",
    f"PUT {REPO}/issues/{{issue_number}}/lock",
    f"DELETE {REPO}/issues/{{issue_number}}/lock",
    f"POST {REPO}/issues/{{issue_number}}/assignees",
    f"DELETE {REPO}/issues/{{issue_number}}/assignees",
    f"GET {REPO}/issues/{{issue_number}}/comments",
    f"POST {REPO}/issues/{{issue_number}}/comments",
    f"GET {REPO}/issues/comments",
    f"GET {REPO}/issues/comments/{{comment_id}}",
    f"PATCH {REPO}/issues/comments/{{comment_id}}",
    f"DELETE {REPO}/issues/comments/{{comment_id}}",
    f"GET {REPO}/issues/comments/{{comment_id}}/reactions",
    f"POST {REPO}/issues/comments/{{comment_id}}/reactions",
    f"DELETE {REPO}/issues/comments/{{comment_id}}/reactions/{{reaction_id}}",
    f"GET {REPO}/issues/{{issue_number}}/events",
    f"GET {REPO}/issues/events",
    f"GET {REPO}/issues/events/{{event_id}}",
    f"GET {REPO}/issues/{{issue_number}}/timeline",
    f"GET {REPO}/issues/{{issue_number}}/reactions",
    f"POST {REPO}/issues/{{issue_number}}/reactions",
    f"DELETE {REPO}/issues/{{issue_number}}/reactions/{{reaction_id}}",
    f"GET {REPO}/issues/{{issue_number}}/labels",
    f"POST {REPO}/issues/{{issue_number}}/labels",
    f"PUT {REPO}/issues/{{issue_number}}/labels",
    f"DELETE {REPO}/issues/{{issue_number}}/labels",
    f"DELETE {REPO}/issues/{{issue_number}}/labels/{{name}}",
    f"GET {REPO}/issues/{{issue_number}}/parent",
    f"GET {REPO}/issues/{{issue_number}}/sub_issues",
    f"POST {REPO}/issues/{{issue_number}}/sub_issues",
    f"DELETE {REPO}/issues/{{issue_number}}/sub_issue",
    f"PATCH {REPO}/issues/{{issue_number}}/sub_issues/priority",
    f"GET {REPO}/issues/{{issue_number}}/dependencies/blocked_by",
    f"POST {REPO}/issues/{{issue_number}}/dependencies/blocked_by",
    f"DELETE {REPO}/issues/{{issue_number}}/dependencies/blocked_by/{{issue_id}}",
    f"GET {REPO}/issues/{{issue_number}}/dependencies/blocking",
    f"GET {REPO}/labels",
    f"POST {REPO}/labels",
    f"GET {REPO}/labels/{{name}}",
    f"PATCH {REPO}/labels/{{name}}",
    f"DELETE {REPO}/labels/{{name}}",
    f"GET {REPO}/milestones",
    f"POST {REPO}/milestones",
    f"GET {REPO}/milestones/{{milestone_number}}",
    f"PATCH {REPO}/milestones/{{milestone_number}}",
    f"DELETE {REPO}/milestones/{{milestone_number}}",
    f"GET {REPO}/pulls",
    f"POST {REPO}/pulls",
    f"GET {REPO}/pulls/{{pull_number}}",
    f"PATCH {REPO}/pulls/{{pull_number}}",
    f"GET {REPO}/pulls/{{pull_number}}/commits",
    f"GET {REPO}/pulls/{{pull_number}}/files",
    f"GET {REPO}/pulls/{{pull_number}}/merge",
    f"PUT {REPO}/pulls/{{pull_number}}/merge",
    f"PUT {REPO}/pulls/{{pull_number}}/merge-async",
    f"GET {REPO}/pulls/{{pull_number}}/merge-async/{{uuid}}",
    f"PUT {REPO}/pulls/{{pull_number}}/update-branch",
    f"GET {REPO}/pulls/{{pull_number}}/requested_reviewers",
    f"POST {REPO}/pulls/{{pull_number}}/requested_reviewers",
    f"DELETE {REPO}/pulls/{{pull_number}}/requested_reviewers",
    f"GET {REPO}/pulls/{{pull_number}}/reviews",
    f"POST {REPO}/pulls/{{pull_number}}/reviews",
    f"GET {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}",
    f"PUT {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}",
    f"DELETE {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}",
    f"GET {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}/comments",
    f"PUT {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}/dismissals",
    f"POST {REPO}/pulls/{{pull_number}}/reviews/{{review_id}}/events",
    f"GET {REPO}/pulls/{{pull_number}}/comments",
    f"POST {REPO}/pulls/{{pull_number}}/comments",
    f"POST {REPO}/pulls/{{pull_number}}/comments/{{comment_id}}/replies",
    f"GET {REPO}/pulls/comments",
    f"GET {REPO}/pulls/comments/{{comment_id}}",
    f"PATCH {REPO}/pulls/comments/{{comment_id}}",
    f"DELETE {REPO}/pulls/comments/{{comment_id}}",
    f"GET {REPO}/pulls/comments/{{comment_id}}/reactions",
    f"POST {REPO}/pulls/comments/{{comment_id}}/reactions",
    f"DELETE {REPO}/pulls/comments/{{comment_id}}/reactions/{{reaction_id}}",
)

EVENTS = (
    "check_run",
    "check_suite",
    "create",
    "delete",
    "installation",
    "installation_repositories",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "label",
    "ping",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "repository",
    "status",
    "sub_issues",
)

WITHOUT_ACTION = frozenset({"create", "delete", "ping", "push", "status"})
FORMATS = frozenset({"date", "date-time", "email", "uri", "uuid"})
KEPT = frozenset(
    {
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "type",
        "uniqueItems",
    }
)


def entries(value: JsonValue) -> dict[str, JsonValue]:
    """The value as a JSON object. Raises TypeError where the description is not shaped as expected."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {value!r:.80}")
    return value


class Cut:
    """One pass over the description; remembers which shared schemas it has met."""

    def __init__(self, description: JsonValue) -> None:
        self.description = entries(description)
        self.components = entries(self.description["components"])
        self.schemas: dict[str, JsonValue] = {}

    def whole(self, package_license: str) -> dict[str, JsonValue]:
        operations: dict[str, JsonValue] = {name: self.operation(name) for name in OPERATIONS}
        webhooks: dict[str, JsonValue] = {event: self.webhook(event) for event in EVENTS}
        cut: dict[str, JsonValue] = {
            "source": {
                "package": PACKAGE,
                "version": VERSION,
                "file": MEMBER.removeprefix("package/"),
                "license": package_license,
                "notice": "GitHub's own description (github/rest-api-description, MIT); see scripts/cut_openapi.py",
            },
            "operations": operations,
            "webhooks": webhooks,
            "schemas": dict(sorted(self.schemas.items())),
        }
        return entries(Sharing(cut).rewritten())

    def resolve(self, value: JsonValue) -> dict[str, JsonValue]:
        """Follow a reference into `components` of any kind but schemas."""
        found = entries(value)
        reference = found.get("$ref")
        if not isinstance(reference, str):
            return found
        kind, name = reference.removeprefix("#/components/").split("/", 1)
        return entries(entries(self.components[kind])[name])

    def operation(self, name: str) -> JsonValue:
        method, path = name.split(" ", 1)
        item = entries(entries(self.description["paths"])[path])
        found = entries(item[method.lower()])
        cut: dict[str, JsonValue] = {"id": found["operationId"]}
        query: dict[str, JsonValue] = {}
        parameters = found.get("parameters", [])
        for parameter in parameters if isinstance(parameters, list) else []:
            described = self.resolve(parameter)
            if described["in"] == "query":
                query[str(described["name"])] = self.schema(described["schema"])
        if query:
            cut["query"] = query
        if "requestBody" in found and (body := self.json_schema(found["requestBody"])) is not None:
            cut["request"] = body
            cut["request_required"] = bool(self.resolve(found["requestBody"]).get("required", False))
        cut["responses"] = {
            status: self.json_schema(response) for status, response in entries(found["responses"]).items()
        }
        return cut

    def json_schema(self, message: JsonValue) -> JsonValue:
        """The schema of a body: None where the description names none."""
        content = entries(self.resolve(message).get("content", {}))
        for media in ("application/json", "application/scim+json"):
            if media in content:
                return self.schema(entries(content[media]).get("schema", {}))
        return None

    def webhook(self, event: str) -> JsonValue:
        prefix = event.replace("_", "-")
        hooks = entries(self.description["x-webhooks"])
        if event in WITHOUT_ACTION:
            return {"": self.payload(hooks[prefix])}
        found: dict[str, JsonValue] = {}
        for hook in hooks.values():
            # The hook's own name does not tell `repository` + `advisory-published` apart from its neighbours.
            documented, _, action = str(entries(entries(hook)["post"])["operationId"]).partition("/")
            if documented == prefix:
                found[action.replace("-", "_")] = self.payload(hook)
        return found

    def payload(self, hook: JsonValue) -> JsonValue:
        return self.json_schema(entries(entries(hook)["post"])["requestBody"])

    def schema(self, value: JsonValue) -> JsonValue:
        """The schema without prose, in JSON Schema 2020-12."""
        found = entries(value)
        reference = found.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix("#/components/schemas/")
            if name not in self.schemas:
                self.schemas[name] = None  # breaks the cycle of schemas that mention themselves
                self.schemas[name] = self.schema(entries(self.components["schemas"])[name])
            return {"$ref": f"#/schemas/{name}"}
        cut: dict[str, JsonValue] = {}
        for key in sorted(KEPT & found.keys()):
            self.keyword(cut, key, found[key])
        return nullable(cut) if found.get("nullable") is True else cut

    def keyword(self, cut: dict[str, JsonValue], key: str, value: JsonValue) -> None:
        if key == "properties":
            cut[key] = {name: self.schema(part) for name, part in entries(value).items()}
        elif key == "items" or (key == "additionalProperties" and isinstance(value, dict)):
            cut[key] = self.schema(value)
        elif key in ("allOf", "anyOf", "oneOf") and isinstance(value, list):
            cut["anyOf" if key == "oneOf" else key] = [self.schema(part) for part in value]
        elif key != "format" or value in FORMATS:
            cut[key] = value


class Sharing:
    """GitHub repeats large schemas in place, webhook after webhook; each is kept once, named by its hash."""

    LEAST_CHARACTERS = 240

    def __init__(self, document: dict[str, JsonValue]) -> None:
        self.document = document
        self.seen: Counter[str] = Counter()
        self.shared: dict[str, JsonValue] = {}

    def rewritten(self) -> JsonValue:
        self.count(self.document)
        document = {key: self.replace(value) for key, value in self.document.items()}
        return {**document, "schemas": {**entries(document["schemas"]), **dict(sorted(self.shared.items()))}}

    def count(self, value: JsonValue) -> None:
        if isinstance(value, dict):
            if self.is_large_schema(value):
                self.seen[fingerprint(value)] += 1
            for part in value.values():
                self.count(part)
        elif isinstance(value, list):
            for part in value:
                self.count(part)

    def replace(self, value: JsonValue) -> JsonValue:
        if isinstance(value, list):
            return [self.replace(part) for part in value]
        if not isinstance(value, dict):
            return value
        if self.is_large_schema(value) and self.seen[name := fingerprint(value)] > 1:
            if name not in self.shared:
                self.shared[name] = None
                self.shared[name] = {key: self.replace(part) for key, part in value.items()}
            return {"$ref": f"#/schemas/{name}"}
        return {key: self.replace(part) for key, part in value.items()}

    def is_large_schema(self, value: dict[str, JsonValue]) -> bool:
        return "properties" in value and "type" in value and len(json.dumps(value)) >= self.LEAST_CHARACTERS


def fingerprint(value: JsonValue) -> str:
    return "shared-" + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def nullable(schema: dict[str, JsonValue]) -> JsonValue:
    """The same schema, also true of null."""
    if isinstance(schema.get("type"), str) and not {"allOf", "anyOf"} & schema.keys():
        schema["type"] = [schema["type"], "null"]
        choices = schema.get("enum")
        if isinstance(choices, list) and None not in choices:
            schema["enum"] = [*choices, None]
        return schema
    return {"anyOf": [{"type": "null"}, schema]} if schema else schema


def fetched(directory: Path) -> Path:
    """The package's tarball, by npm's own client."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    name = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout.split()[-1]
    return directory / name


def read_member(tarball: Path, member: str) -> JsonValue:
    with tarfile.open(tarball) as archive:
        stream = archive.extractfile(member)
        if stream is None:
            raise FileNotFoundError(f"{member} is not in {tarball}")
        read: JsonValue = json.load(stream)
        return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tarball", type=Path, help=f"a downloaded {PACKAGE}@{VERSION}, instead of npm pack")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tarball = arguments.tarball or fetched(Path(directory))
        package = entries(read_member(tarball, "package/package.json"))
        if package["version"] != VERSION:
            raise SystemExit(f"{tarball} holds {package['version']}, not {VERSION}")
        cut = Cut(read_member(tarball, MEMBER)).whole(str(package["license"]))
    text = json.dumps(cut, separators=(",", ":"), ensure_ascii=False).encode()
    TARGET.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(f"{TARGET.name}: {len(OPERATIONS)} operations, {len(EVENTS)} events, {len(text):,} bytes")


if __name__ == "__main__":
    main()
