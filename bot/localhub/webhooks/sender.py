"""Sending webhooks: rendered and signed in the moment of the event, sent once, logged, redelivered when asked.

Each App's deliveries start in the order of their events but run side by side, so a slow receiver sees
later ones first, as with GitHub. There is no retry. Faults lose, fail, repeat, delay and reorder.
"""

import asyncio
import hashlib
import hmac
import json
import ssl
import time as wall
from collections.abc import Iterable
from functools import cache

import httpx

from bot.localhub.model.app import App, Installation
from bot.localhub.model.chance import Chance
from bot.localhub.model.check import CheckRun, CheckSuite
from bot.localhub.model.delivery import Delivery
from bot.localhub.model.errors import NotFound
from bot.localhub.model.events import Event
from bot.localhub.model.hub import Hub
from bot.localhub.render.accounts import api, organization_json, user_json
from bot.localhub.render.json import API_VERSION, OLD_VERSION, JsonObject
from bot.localhub.render.repositories import repository_json
from bot.localhub.webhooks.shape import as_webhook
from bot.localhub.webhooks.subjects import Payload, render

# The permission an App needs to be sent an event ("Webhook events and payloads").
NEEDED: dict[str, tuple[str, ...]] = {
    "issues": ("issues",), "issue_comment": ("issues", "pull_requests"), "sub_issues": ("issues",),
    "issue_dependencies": ("issues",), "label": ("issues", "pull_requests", "metadata"),
    "milestone": ("issues", "pull_requests"), "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",), "pull_request_review_comment": ("pull_requests",),
    "pull_request_review_thread": ("pull_requests",), "check_run": ("checks",), "check_suite": ("checks",),
    "status": ("statuses",), "push": ("contents",), "create": ("contents",), "delete": ("contents",),
    "repository": ("metadata",),
}  # fmt: skip
ALWAYS = ("installation", "installation_repositories", "ping")
"""Sent to every App, subscribed or not."""
OWN_ONLY = ("requested", "rerequested", "requested_action")
"""Actions on checks that only the App that owns the check is told."""
MAX_PAYLOAD = 25 * 1024 * 1024
LOST = "lost"


@cache
def trusted_certificates() -> ssl.SSLContext:
    """Read once: it takes longer than all else that starting a hub costs."""
    return httpx.create_ssl_context(trust_env=False)


class Sender:
    """Listens to a hub and delivers to its Apps. Runs within `run`."""

    def __init__(self, hub: Hub, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` carries the deliveries; the network where it is None."""
        self._hub = hub
        self._transport = transport
        self._chance = Chance()
        self._client: httpx.AsyncClient | None = None
        self._held: list[Delivery] = []
        hub.sender = self
        hub.events.listen(self._on)

    async def start(self) -> None:
        """Open the client."""
        self._client = httpx.AsyncClient(
            timeout=self._hub.settings.limits.webhook_timeout,
            trust_env=False,
            verify=trusted_certificates(),
            transport=self._transport,
            # Each request asks each idle connection whether it is still there, twice. And httpcore 1.0 closes those
            # that are not one after the other: cancelled meanwhile by asyncio, it loses all but the first.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=1),
        )

    async def stop(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _on(self, event: Event) -> None:
        if event.name == "app.created" and isinstance(event.subject, App):
            self._ping(event.subject)
            return
        receivers = self._receivers(event)
        if not receivers:
            return
        asked = API_VERSION.set(OLD_VERSION)  # what a request chose for its answer is not what a webhook is in
        try:
            for payload in render(event):
                for app, installation in receivers:
                    if _wants(app, installation, event, payload):
                        self._deliver(self._delivery(app, installation, event, payload))
        finally:
            API_VERSION.reset(asked)

    def _receivers(self, event: Event) -> list[tuple[App, Installation]]:
        if isinstance(event.subject, Installation):
            installations: Iterable[Installation] = [event.subject]
        elif event.repository is not None:
            installations = self._hub.installations_on(event.repository)
        else:
            installations = ()
        return [
            (one.target_app, one)
            for one in installations
            if one.target_app.webhook_url is not None and one.target_app.webhook_active
        ]

    def _delivery(self, app: App, installation: Installation, event: Event, payload: Payload) -> Delivery:
        hub = self._hub
        body: JsonObject = {"action": payload.action} if payload.action is not None else {}
        body.update(payload.body)
        if event.repository is not None:
            body["repository"] = repository_json(event.repository)
            if event.repository.owner.type == "Organization":
                body["organization"] = organization_json(hub, event.repository.owner)
        sender = event.actor.account if event.actor is not None else installation.target
        body["sender"] = user_json(hub, sender)
        body.setdefault("installation", {"id": installation.id, "node_id": f"MDIz{installation.id}"})
        return self._new(app, payload.event, payload.action, body, installation, event)

    def _ping(self, app: App) -> None:
        url = f"{api(self._hub)}/app/hook"
        hook: JsonObject = {
            "type": "App", "id": app.hook_id, "name": "web", "active": True, "events": list(app.events),
            "config": {"content_type": "json", "url": app.webhook_url, "insecure_ssl": "0"},
            "updated_at": app.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "created_at": app.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "app_id": app.id, "deliveries_url": f"{url}/deliveries",
        }  # fmt: skip
        body: JsonObject = {"zen": "Keep it logically awesome.", "hook_id": app.hook_id, "hook": hook}
        self._deliver(self._new(app, "ping", None, body, None, None))

    def _new(
        self,
        app: App,
        name: str,
        action: str | None,
        body: JsonObject,
        installation: Installation | None,
        event: Event | None,
    ) -> Delivery:
        payload = json.dumps(as_webhook(body), ensure_ascii=False, separators=(",", ":")).encode()
        guid = self._hub.new_uuid()
        assert app.webhook_url is not None
        return Delivery(
            id=self._hub.next_id("delivery"), guid=guid, app=app, event=name, action=action, installation=installation,
            repository=event.repository if event is not None else None, url=app.webhook_url, payload=payload,
            request_headers=_headers(app, name, guid, payload), created_at=self._hub.now(),
        )  # fmt: skip

    # Faults decide what becomes of a delivery

    def _deliver(self, delivery: Delivery) -> None:
        hub, faults = self._hub, self._hub.faults.webhooks
        hub.deliveries.append(delivery)
        if len(delivery.payload) > MAX_PAYLOAD:
            delivery.status = "payload too large"
            return
        if self._happens(faults.lose):
            delivery.status = LOST
            hub.emit("webhook.lost", delivery)
            return
        if self._happens(faults.reorder):
            self._held.append(delivery)
            hub.background(self._release_later(delivery, faults.delay_seconds))
            return
        hub.background(self._send(delivery, self._delay()))
        if self._happens(faults.repeat):
            hub.background(self._send(copy_of(hub, delivery), self._delay()))
        for held in self._held:
            hub.background(self._send(held, 0.0))
        self._held.clear()

    def _happens(self, probability: float) -> bool:
        return self._chance.drawn(self._hub.faults.webhooks.seed) < probability

    def _delay(self) -> float:
        """Seconds that a delivery is late."""
        faults = self._hub.faults.webhooks
        if not self._happens(faults.delay):
            return 0.0
        return faults.delay_seconds * (self._chance.drawn(faults.seed) if faults.delay_varies else 1.0)

    async def _release_later(self, delivery: Delivery, seconds: float) -> None:
        """A held delivery that no later one overtook goes out after all."""
        await self._hub.clock.sleep(seconds)
        if delivery in self._held:
            self._held.remove(delivery)
            await self._send(delivery, 0.0)

    def redeliver(self, delivery: Delivery) -> None:
        """Send the same bytes with the same GUID again, as a delivery of its own. NotFound where it is in no log."""
        if not delivery.in_log:
            raise NotFound
        again = copy_of(self._hub, delivery)
        again.redelivery = True
        self._hub.deliveries.append(again)
        self._hub.background(self._send(again, self._delay()))

    async def _send(self, delivery: Delivery, delay: float) -> None:
        if delay:
            await self._hub.clock.sleep(delay)
        if self._client is None:
            return
        start = wall.monotonic()
        try:
            if self._happens(self._hub.faults.webhooks.fail):
                raise httpx.ConnectError("a fault")
            async with asyncio.timeout(self._hub.settings.limits.webhook_timeout):
                response = await self._client.post(
                    delivery.url, content=delivery.payload, headers=dict(delivery.request_headers)
                )
            delivery.status_code = response.status_code
            delivery.status = "OK" if delivery.succeeded else f"Invalid HTTP Response: {response.status_code}"
            delivery.response_headers = dict(response.headers)
            delivery.response_body = response.text[:65_536]
        except (TimeoutError, httpx.TimeoutException):
            delivery.status = "timed out"
        except (httpx.HTTPError, httpx.InvalidURL):
            delivery.status, delivery.status_code = "failed to connect to host", 502
        delivery.duration = wall.monotonic() - start
        delivery.delivered_at = self._hub.now()
        self._hub.emit("webhook.delivered" if delivery.succeeded else "webhook.failed", delivery)


def redeliver(hub: Hub, delivery: Delivery) -> None:
    """Ask for a redelivery."""
    assert isinstance(hub.sender, Sender)
    hub.sender.redeliver(delivery)


def copy_of(hub: Hub, delivery: Delivery) -> Delivery:
    """Another delivery of the same event: same GUID, same bytes."""
    return Delivery(
        id=hub.next_id("delivery"),
        guid=delivery.guid,
        app=delivery.app,
        event=delivery.event,
        action=delivery.action,
        installation=delivery.installation,
        repository=delivery.repository,
        url=delivery.app.webhook_url or delivery.url,
        payload=delivery.payload,
        request_headers=delivery.request_headers,
        created_at=hub.now(),
    )


def _wants(app: App, installation: Installation, event: Event, payload: Payload) -> bool:
    if payload.event in ALWAYS:
        return True
    if payload.event not in installation.events:
        return False
    if payload.action in OWN_ONLY and isinstance(event.subject, CheckRun | CheckSuite):
        return event.subject.app is app and installation.permissions.get("checks") == "write"
    return any(name in installation.permissions for name in NEEDED.get(payload.event, ()))


def _headers(app: App, event: str, guid: str, payload: bytes) -> dict[str, str]:
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/10ca1b0",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(app.hook_id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    if app.webhook_secret:
        key = app.webhook_secret.encode()
        headers["X-Hub-Signature"] = "sha1=" + hmac.new(key, payload, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(key, payload, hashlib.sha256).hexdigest()
    return headers
