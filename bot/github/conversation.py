"""The comments of an objective: the first and the last of them come with the look, those between on further pages.

Whatever the bot said must be seen again, however much others say after it: what it does not see, it says once more.
Anybody can talk, so the pages are bounded: what lies beyond `MOST` comments of a conversation is not seen.
"""

from __future__ import annotations

from pydantic import JsonValue

from bot.github.client import PacedClient
from bot.github.errors import NotThere
from bot.github.graphql import document, with_parts
from bot.github.shapes import CommentNode, ObjectiveNode, Page, Shape
from bot.journal import NOT_ALL_SEEN, tell
from bot.model.identity import RepositoryName

MOST = 1_150
"""A look at a conversation of that length costs ten requests more."""
WITH_A_LOOK = 150
PAGE = 100


class _Issue(Shape):
    comments: Page[CommentNode]


class _Repository(Shape):
    issue: _Issue | None = None


class _Comments(Shape):
    repository: _Repository | None = None


async def comments_of(
    client: PacedClient, name: RepositoryName, objective: int, node: ObjectiveNode
) -> tuple[CommentNode, ...]:
    """Oldest first, each once. Raises GitHubError."""
    found = {one.full_database_id: one for one in (*node.first_comments.seen(), *node.last_comments.seen())}
    missing = min(node.first_comments.total_count, MOST) - WITH_A_LOOK
    page = node.first_comments.page_info
    while missing > 0 and page.has_next_page:
        variables: dict[str, JsonValue] = {
            "owner": name.owner,
            "name": name.name,
            "number": objective,
            "after": page.end_cursor,
        }
        reply = await client.query("observe", with_parts(document("comments")), variables)
        data = reply.as_data(_Comments)
        if data.repository is None or data.repository.issue is None:
            raise NotThere(404, f"{name}#{objective}")
        further = data.repository.issue.comments
        found.update((one.full_database_id, one) for one in further.seen())
        page, missing = further.page_info, missing - PAGE
    if node.first_comments.total_count > MOST:
        tell(NOT_ALL_SEEN, comments=node.first_comments.total_count)
    return tuple(found[number] for number in sorted(found))
