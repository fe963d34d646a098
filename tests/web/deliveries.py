"""Webhook deliveries as GitHub sends them, and an app that remembers what it accepted."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from starlette.applications import Starlette

from bot.model.view import ObjectiveView, StandbyView
from bot.web.app import Accepted, create_app
from bot.web.body import BodyReader
from bot.web.session_events import Events, no_events

SECRET = b"a secret of the App"

LABELLED = json.dumps(
    {
        "action": "labeled",
        "issue": {"number": 12, "id": 1012, "node_id": "I_12", "title": "Add a cart", "state": "open"},
        "label": {"id": 1, "name": "crewline"},
        "repository": {
            "id": 5,
            "name": "shop",
            "full_name": "acme/shop",
            "owner": {"login": "acme", "id": 3, "type": "Organization"},
            "default_branch": "main",
        },
        "installation": {"id": 7},
        "sender": {"login": "ann", "id": 9, "type": "User"},
    }
).encode()
"""Somebody labelled issue 12 of acme/shop."""


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


BEGUN = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature(b'')}\r\n".encode()
"""The beginning of a delivery that may be a signed one: its body is worth reading."""


def headers(body: bytes, event: str = "issues", secret: bytes = SECRET) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": signature(body, secret),
    }


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """The app under test, and what it handed on."""

    shown: tuple[ObjectiveView, ...] = ()
    standing_by: tuple[StandbyView, ...] = ()
    bodies: BodyReader | None = None
    events: Events = no_events
    accepted: list[Accepted] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return create_app(
            webhook_secret=SECRET,
            accept=self.accepted.append,
            views=lambda: self.shown,
            standing_by=lambda: self.standing_by,
            clock=lambda: NOW,
            bodies=self.bodies,
            events=self.events,
        )

    def client(self, peer: str = "127.0.0.1", base: str = "http://127.0.0.1:8646") -> httpx.AsyncClient:
        """Somebody whose connection comes from address `peer`."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(peer, 50000))
        return httpx.AsyncClient(transport=transport, base_url=base)
