"""GraphQL answers: data, errors and cost, before anybody knows what the data is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from bot.github.errors import Refused

_BROKEN = re.compile(r"something went wrong|timed? ?out|couldn't respond", re.IGNORECASE)
_SPREAD = re.compile(r"\.\.\.(\w+)")
Model = TypeVar("Model", bound=BaseModel)


class GraphQLError(BaseModel):
    """One entry of ``errors``. GitHub adds `type`, such as NOT_FOUND, FORBIDDEN or RATE_LIMITED."""

    message: str
    type: str | None = None
    path: tuple[str | int, ...] = ()


class Reply(BaseModel):
    """A whole answer; both parts may be there at once."""

    data: dict[str, JsonValue] | None = None
    errors: tuple[GraphQLError, ...] = ()

    def rate_limited(self) -> str | None:
        """GitHub's words where the answer is only that the limit is reached. It comes with HTTP 200."""
        return next((error.message for error in self.errors if error.type == "RATE_LIMITED"), None)

    def broken(self) -> str | None:
        """GitHub's words where it broke down or ran out of its ten seconds: then there is no data and no type."""
        return self.half() if self.data is None else None

    def half(self) -> str | None:
        """GitHub's words where some of the data is missing because it broke down or ran out of time over it."""
        return next((e.message for e in self.errors if e.type is None and _BROKEN.search(e.message)), None)

    def cost(self) -> int:
        """The points that the answer says it took; 1, the least, where it does not say."""
        limit = (self.data or {}).get("rateLimit")
        cost = limit.get("cost") if isinstance(limit, dict) else None
        return cost if isinstance(cost, int) else 1

    def as_data(self, model: type[Model], missing_allowed: Sequence[tuple[str | int, ...]] = ()) -> Model:
        """The data. Raises Refused for any error but a NOT_FOUND at one of the paths `missing_allowed`: a partial
        answer would otherwise look as if things had vanished."""
        serious = [e for e in self.errors if not (e.type == "NOT_FOUND" and e.path in missing_allowed)]
        if serious or self.data is None:
            lines = tuple(f"{error.message}{_at(error.path)}" for error in serious)
            raise Refused(200, "the query was not answered whole", lines[:5])
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Refused(200, f"an answer of an unexpected form: {where}: {first['msg']}") from None


@cache
def document(name: str) -> str:
    """The text of ``queries/<name>.graphql``."""
    return files("bot.github").joinpath("queries", f"{name}.graphql").read_text()


def with_parts(text: str) -> str:
    """`text` with those fragments of ``queries/parts.graphql`` that it uses, directly or through others: GraphQL
    refuses a document with a fragment that nobody uses."""
    fragments = {part.split()[1]: part for part in document("parts").split("\n\n")}
    wanted: dict[str, None] = {}
    seen = [text]
    while seen:
        for name in _SPREAD.findall(seen.pop()):
            if name not in wanted:
                wanted[name] = None
                seen.append(fragments[name])
    return "\n".join((text, *(fragments[name] for name in wanted)))


def _at(path: tuple[str | int, ...]) -> str:
    return f" (at {'.'.join(str(part) for part in path)})" if path else ""
