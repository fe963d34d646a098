"""Pull requests on which more was said than comes with a look: a hundred reviews, a hundred checks of the head.

A check that is not seen may be the one that failed, and what the bot does not see of its own it says once more. So the
rest is read, for all pull requests of the look in one request a page; where nothing is crowded this costs nothing. A
filter by author or App would be cheaper, but does not show the checks of others, and these are waited for.

Checks are asked for by the commit that the look showed, since the head may have moved meanwhile. Anybody who may read
can review: what lies beyond `MOST_PAGES` is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from bot.github.client import PacedClient
from bot.github.graphql import document, with_parts
from bot.github.shapes import BackwardPage, CheckRunNode, Page, PullRequestNode, ReviewNode, Rollup, Shape, StatusNode
from bot.journal import NOT_ALL_SEEN, tell
from bot.model.identity import RepositoryName

MOST_PAGES = 10
REVIEWS = """    reviews{n}: pullRequest(number: $number{n}) {{
      reviews(last: 100, before: $before{n}) {{
        nodes {{ ...ReviewParts }}
        pageInfo {{ hasPreviousPage startCursor }}
      }}
    }}
"""
CHECKS = """    checks{n}: object(oid: $head{n}) {{
      ... on Commit {{
        statusCheckRollup {{
          contexts(first: 100, after: $after{n}) {{
            nodes {{ ...CheckParts }}
            pageInfo {{ hasNextPage endCursor }}
          }}
        }}
      }}
    }}
"""


class _Reviews(Shape):
    reviews: BackwardPage[ReviewNode] | None = None


class _Checks(Shape):
    status_check_rollup: Rollup | None = None


async def read_whole(
    client: PacedClient, name: RepositoryName, pulls: Sequence[PullRequestNode]
) -> tuple[PullRequestNode, ...]:
    """The same, with all their reviews and checks. Raises GitHubError."""
    for _ in range(MOST_PAGES):
        if not any(_more_reviews(pull) or _more_checks(pull) for pull in pulls):
            return tuple(pulls)
        reply = await client.query("observe", crowded_document(pulls), _variables(name, pulls))
        reply.as_data(Shape)
        parts = (reply.data or {}).get("repository")
        pulls = [_longer(pull, n, parts if isinstance(parts, dict) else {}) for n, pull in enumerate(pulls)]
    for pull in pulls:
        if _more_reviews(pull) or _more_checks(pull):
            tell(NOT_ALL_SEEN, pull_request=pull.number)
    return tuple(pulls)


def crowded_document(pulls: Sequence[PullRequestNode]) -> str:
    """The query for the next page of whatever has more."""
    declared, aliases = "", ""
    for n, pull in enumerate(pulls):
        if _more_reviews(pull):
            declared += f", $number{n}: Int!, $before{n}: String"
            aliases += REVIEWS.format(n=n)
        if _more_checks(pull):
            declared += f", $head{n}: GitObjectID!, $after{n}: String"
            aliases += CHECKS.format(n=n)
    opened, closing = document("crowded").split("# the aliases of the pull requests\n")
    return with_parts(opened.replace("$name: String!", f"$name: String!{declared}", 1) + aliases + closing)


def _variables(name: RepositoryName, pulls: Sequence[PullRequestNode]) -> dict[str, JsonValue]:
    variables: dict[str, JsonValue] = {"owner": name.owner, "name": name.name}
    for n, pull in enumerate(pulls):
        if (reviews := _more_reviews(pull)) is not None:
            variables |= {f"number{n}": pull.number, f"before{n}": reviews.page_info.start_cursor}
        if (checks := _more_checks(pull)) is not None:
            variables |= {f"head{n}": pull.head_ref_oid, f"after{n}": checks.page_info.end_cursor}
    return variables


def _longer(pull: PullRequestNode, n: int, parts: Mapping[str, JsonValue]) -> PullRequestNode:
    """With the next page before its reviews and after its checks; what is gone meanwhile ends there."""
    changed: dict[str, BackwardPage[ReviewNode] | Rollup] = {}
    if (reviews := _more_reviews(pull)) is not None:
        read = _Reviews.model_validate(parts.get(f"reviews{n}") or {}).reviews
        seen = BackwardPage[ReviewNode].model_validate({"pageInfo": {"hasPreviousPage": False}})
        page = read or seen
        changed["reviews"] = page.model_copy(update={"nodes": (*page.nodes, *reviews.nodes)})
    if (checks := _more_checks(pull)) is not None:
        rollup = _Checks.model_validate(parts.get(f"checks{n}") or {}).status_check_rollup
        none = Page[CheckRunNode | StatusNode].model_validate({"pageInfo": {"hasNextPage": False}})
        further = rollup.contexts if rollup is not None else none
        changed["status_check_rollup"] = Rollup(
            contexts=further.model_copy(update={"nodes": (*checks.nodes, *further.nodes)})
        )
    return pull.model_copy(update=changed)


def _more_reviews(pull: PullRequestNode) -> BackwardPage[ReviewNode] | None:
    return pull.reviews if pull.reviews is not None and pull.reviews.page_info.has_previous_page else None


def _more_checks(pull: PullRequestNode) -> Page[CheckRunNode | StatusNode] | None:
    rollup = pull.status_check_rollup
    return rollup.contexts if rollup is not None and rollup.contexts.page_info.has_next_page else None
