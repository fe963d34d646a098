"""The delivery log of an App's webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.localhub.model.app import App, Installation
    from bot.localhub.model.repository import Repository


@dataclass(eq=False, kw_only=True)
class Delivery:
    """One attempt to deliver one event. A redelivery is another delivery with the same `guid`."""

    id: int
    guid: str
    app: "App"
    event: str
    action: str | None
    installation: "Installation | None"
    repository: "Repository | None"
    url: str
    request_headers: Mapping[str, str]
    payload: bytes
    """The exact bytes that are sent."""
    redelivery: bool = False
    created_at: datetime
    delivered_at: datetime | None = None
    duration: float = 0.0
    status: str = "pending"
    """`OK`, `Invalid HTTP Response: 500`, `timed out`, `failed to connect to host`; and what GitHub shows nobody:
    `pending`, `payload too large`, `lost` (a fault)."""
    status_code: int = 0
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: str = ""

    @property
    def succeeded(self) -> bool:
        """The receiver answered 2xx in time."""
        return 200 <= self.status_code < 300

    @property
    def in_log(self) -> bool:
        """It was attempted, so the App can see it and have it redelivered."""
        return self.delivered_at is not None
