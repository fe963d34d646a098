"""One REST request as a handler sees it, and what it may answer.

A handler is `async def name(call: Call) -> Answer`; each file of this room lists its handlers as
`ENDPOINTS`. Refusals are the model's errors: nothing here builds an error body.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from starlette.requests import Request

from bot.localhub.authentication import Caller
from bot.localhub.model.actor import Actor, Level, Role, require, require_sight
from bot.localhub.model.app import App
from bot.localhub.model.errors import BadRequest, Moved, NotFound, Unauthorized, Validation, invalid
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.render.accounts import api
from bot.localhub.render.json import Json

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
T = TypeVar("T")
BodyT = TypeVar("BodyT", bound="Body")


class Body(BaseModel):
    """What a request's JSON body may hold; what is not named is ignored, as GitHub does."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


@dataclass(frozen=True)
class Answer:
    """Status, JSON (None: no body) and headers beyond those that every answer has."""

    json: Json = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: bytes | None = None
    """A body that is not JSON (a diff); its type is in `headers`."""


NO_CONTENT = Answer(status=204)
Handler = Callable[["Call"], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """A method and path template with its handler. `content`: it creates content, by GitHub's count."""

    method: Method
    path: str
    handler: Handler
    content: bool = False


@dataclass(frozen=True)
class Call:
    """One request."""

    hub: Hub
    caller: Caller
    request: Request
    raw: bytes
    path: str
    """Below the API's root."""

    # Who

    @property
    def actor(self) -> Actor:
        """Who acts. Unauthorized for nobody and for an App without an installation."""
        if self.caller.actor is None:
            if self.caller.app is not None:
                raise Unauthorized("A JSON web token could not be decoded")
            raise Unauthorized("Requires authentication")
        return self.caller.actor

    @property
    def app(self) -> App:
        """The App whose JWT this is."""
        if self.caller.app is None:
            raise Unauthorized("A JSON web token could not be decoded")
        return self.caller.app

    # What

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A numeric part of the path, or NotFound."""
        value = self.part(name)
        if not value.isdecimal():
            raise NotFound
        return int(value)

    @property
    def repository(self) -> Repository:
        """The repository of the path, if the caller may know it. Moved for an old name."""
        name = f"{self.part('owner')}/{self.part('repo')}"
        found = self.hub.find_repository(name)
        if found is None:
            renamed = self.hub.renamed_repository(name)
            if renamed is None or renamed.id not in self.hub.repositories:
                raise NotFound
            require_sight(self.caller.actor, renamed)
            rest = self.path.split("/", 4)[4:]
            raise Moved("/".join([f"/repositories/{renamed.id}", *rest]))
        require_sight(self.caller.actor, found)
        return found

    def readable(self, *permissions: str) -> Repository:
        """The same, if the caller may read one of these kinds of things there."""
        repository = self.repository
        if self.caller.actor is not None:
            require(self.caller.actor, repository, role=Role.READ, permissions=permissions, level=Level.READ)
        return repository

    @property
    def issue(self) -> Issue:
        """The issue (or pull request) of the path."""
        return self.readable("issues", "pull_requests").issue(self.number("issue_number"))

    @property
    def pull(self) -> PullRequest:
        """The pull request of the path."""
        return self.readable("pull_requests").pull_request(self.number("pull_number"))

    def users(self, logins: Sequence[str], resource: str = "Issue", name: str = "assignees") -> tuple[User, ...]:
        """The accounts of these logins; 422 when there is none of a name."""
        try:
            return tuple(self.hub.user(one) for one in logins)
        except NotFound as error:
            raise invalid(resource, name) from error

    def body(self, form: type[BodyT]) -> BodyT:
        """The JSON body. 400 when it is not JSON, 422 when it does not fit."""
        try:
            return form.model_validate_json(self.raw or b"{}", strict=False)
        except ValidationError as error:
            raise _refused_body(error) from error

    # Lists

    def query(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query_params.get(name, default)

    def page(self, items: Sequence[T], render: Callable[[T], Json], *, wrap: str | None = None) -> Answer:
        """One page of a list, with its `link` header. `wrap`: as an object with `total_count` and this key."""
        size = _whole(self.query("per_page"), 30, most=100)
        page = _whole(self.query("page"), 1)
        last = max(1, -(-len(items) // size))
        shown = [render(one) for one in items[(page - 1) * size : page * size]]
        links: dict[str, int] = {}
        if page > 1:
            links.update(prev=min(page - 1, last), first=1)
        if page < last:
            links.update(next=page + 1, last=last)
        header = ", ".join(f'<{self._page_url(target)}>; rel="{name}"' for name, target in links.items())
        headers = {"link": header} if header else {}
        return Answer({"total_count": len(items), wrap: shown} if wrap is not None else shown, 200, headers)

    def _page_url(self, page: int) -> str:
        query = [(key, value) for key, value in parse_qsl(self.request.url.query) if key != "page"]
        return f"{api(self.hub)}{self.path}?{urlencode([*query, ('page', str(page))])}"


def _whole(text: str, default: int, *, most: int | None = None) -> int:
    value = int(text) if text.isdecimal() and int(text) > 0 else default
    return min(value, most) if most is not None else value


def _refused_body(error: ValidationError) -> BadRequest | Validation:
    first = error.errors(include_url=False, include_context=False, include_input=True)[0]
    if first["type"] == "json_invalid":
        return BadRequest("Problems parsing JSON")
    where = "/".join(str(one) for one in first["loc"] if not str(one).startswith("function-"))
    if first["type"] == "missing":
        return Validation(message=f'Invalid request.\n\n"{where}" wasn\'t supplied.')
    shown: JsonValue = first["input"]
    value = "nil" if shown is None else repr(shown)
    return Validation(message=f"Invalid request.\n\nFor 'properties/{where}', {value} is not valid: {first['msg']}.")
