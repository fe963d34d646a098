"""The App's delivery log: which webhooks GitHub could not deliver, and how to have them delivered again.

What GitHub documents ("Handling failed webhook deliveries", "Redelivering webhooks", "REST API endpoints for GitHub
App webhooks"): a failed delivery is never repeated by itself; the log reaches three days back; a redelivery is a
delivery of its own with the GUID of the first; listing and redelivering take the App's JWT and no permission. An
older GitHub that does not know the parameter `status` answers with all deliveries, so each one is asked for its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bot.github.client import PacedClient, Request
from bot.github.errors import NotThere, Refused
from bot.github.shares import Urgency
from bot.journal import NOT_REDELIVERED, tell

PATH = "app/hook/deliveries"
PAGE = 100
MOST_PAGES = 10
"""A thousand deliveries at a time; what lies further back is left to the sweep."""
_NEXT = re.compile(r'[?&]cursor=([^&>]+)[^>]*>\s*;\s*rel="next"')


class Delivery(BaseModel):
    """One attempt to deliver one event. `guid` is the same for all attempts of one event."""

    model_config = ConfigDict(frozen=True)

    id: int
    guid: str
    event: str
    action: str | None = None
    delivered_at: datetime
    redelivery: bool = False
    status: str = ""
    status_code: int = 0

    @property
    def succeeded(self) -> bool:
        return self.status == "OK" or 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True)
class Listed:
    """Deliveries, the newest first: all of those after `back_to`; None where the log's end was reached."""

    deliveries: tuple[Delivery, ...] = ()
    back_to: datetime | None = None


class DeliveryLog:
    """`client` signs as the App itself. Every method raises GitHubError: NotThere where there is no such log."""

    def __init__(self, client: PacedClient) -> None:
        self._client = client

    async def listed(self, outcome: Literal["success", "failure"], since: datetime | None) -> Listed:
        """The deliveries of one outcome back to `since` (None: as far as the log goes), at most a thousand."""
        found: list[Delivery] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page, cursor = await self._page(outcome, cursor)
            found += page
            if cursor is None or not page:
                return Listed(tuple(one for one in found if one.succeeded == (outcome == "success")))
            if since is not None and page[-1].delivered_at < since:
                break
        wanted = tuple(one for one in found if one.succeeded == (outcome == "success"))
        return Listed(wanted, found[-1].delivered_at)

    async def redeliver(self, delivery: int) -> bool:
        """Have GitHub deliver it once more, soon. False where GitHub does not keep it any more."""
        path = f"{PATH}/{delivery}/attempts"
        request = Request("redeliver", "POST", path, harmless=True, writes=True, urgency=Urgency.HOUSEKEEPING)
        try:
            await self._client.send(request)
        except (NotThere, Refused) as error:
            tell(NOT_REDELIVERED, id=delivery, reason=str(error))
            return False
        return True

    async def _page(self, outcome: str, cursor: str | None) -> tuple[list[Delivery], str | None]:
        params = {"per_page": str(PAGE), "status": outcome} | ({} if cursor is None else {"cursor": cursor})
        answer = await self._client.send(Request("deliveries", "GET", PATH, params, harmless=True))
        try:
            page = TypeAdapter(list[Delivery]).validate_json(answer.content)
        except ValidationError as error:
            raise Refused(answer.status, f"an answer of an unexpected form: {error.error_count()} errors") from None
        following = _NEXT.search(answer.headers.get("link", ""))
        return page, following.group(1) if following else None
