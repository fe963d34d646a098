"""The App about itself: installations and their tokens, its deliveries, its creation from a manifest; limits."""

import json
from datetime import timedelta

from bot.localhub.model.app import Installation
from bot.localhub.model.delivery import Delivery
from bot.localhub.model.errors import Forbidden, NotFound, Validation
from bot.localhub.render.accounts import api, app_json, installation_json
from bot.localhub.render.json import Json, JsonObject, old_version, time
from bot.localhub.render.repositories import repository_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint
from bot.localhub.webhooks.sender import redeliver

DELIVERIES_KEPT = timedelta(days=3)


class TokenBody(Body):
    repositories: tuple[str, ...] | None = None
    repository_ids: tuple[int, ...] | None = None
    permissions: dict[str, str] | None = None


async def get_app(call: Call) -> Answer:
    app = call.app
    return Answer({**app_json(app), "installations_count": len(app.installations)})


async def get_public_app(call: Call) -> Answer:
    for app in call.hub.apps.values():
        if app.slug == call.part("app_slug"):
            return Answer(app_json(app))
    raise NotFound


async def list_installations(call: Call) -> Answer:
    return call.page(call.app.installations, installation_json)


def _installation(call: Call) -> Installation:
    found = call.hub.installations.get(call.number("installation_id"))
    if found is None or found.target_app is not call.app:
        raise NotFound
    return found


async def get_installation(call: Call) -> Answer:
    return Answer(installation_json(_installation(call)))


async def delete_installation(call: Call) -> Answer:
    call.hub.uninstall(_installation(call), call.app.owner)
    return NO_CONTENT


async def repository_installation(call: Call) -> Answer:
    app = call.app
    repository = call.hub.find_repository(f"{call.part('owner')}/{call.part('repo')}")
    for one in app.installations:
        if repository is not None and repository in one.repositories:
            return Answer(installation_json(one))
    raise NotFound


async def user_installation(call: Call) -> Answer:
    organizations = call.path.startswith("/orgs/")
    for one in call.app.installations:
        if organizations and one.target.type != "Organization":
            continue
        if one.target.login.casefold() == call.part("username").casefold():
            return Answer(installation_json(one))
    raise NotFound


async def create_token(call: Call) -> Answer:
    installation, asked = _installation(call), call.body(TokenBody)
    repositories = None
    if asked.repositories is not None or asked.repository_ids is not None:
        wanted, ids = set(asked.repositories or ()), set(asked.repository_ids or ())
        repositories = [one for one in installation.repositories if one.name in wanted or one.id in ids]
        if len(repositories) < len(wanted) + len(ids):
            raise Validation(
                message="There is at least one repository that does not exist or is not accessible to the parent "
                "installation."
            )
    made = call.hub.create_installation_token(installation, permissions=asked.permissions, repositories=repositories)
    found: JsonObject = {
        "token": made.token,
        "expires_at": time(made.expires_at),
        "permissions": dict(made.actor.permissions),
        "repository_selection": "selected" if repositories else installation.repository_selection,
    }
    if repositories:
        found["repositories"] = [repository_json(one) for one in repositories]
    return Answer(found, 201)


async def revoke_token(call: Call) -> Answer:
    header = call.request.headers["authorization"].partition(" ")[2].strip()
    if call.hub.installation_tokens.pop(header, None) is None:
        raise Forbidden
    return NO_CONTENT


# Deliveries


def _item_json(delivery: Delivery) -> JsonObject:
    return {
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": time(delivery.delivered_at or delivery.created_at),
        "redelivery": delivery.redelivery,
        "duration": round(delivery.duration, 2),
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation.id if delivery.installation is not None else None,
        "repository_id": delivery.repository.id if delivery.repository is not None else None,
        "throttled_at": None,
    }


def _deliveries(call: Call) -> list[Delivery]:
    since = call.hub.now() - DELIVERIES_KEPT
    app = call.app
    return [one for one in reversed(call.hub.deliveries) if one.app is app and one.in_log and one.created_at >= since]


async def list_deliveries(call: Call) -> Answer:
    """Newest first; `cursor` is the id to go on from."""
    size = min(int(call.query("per_page", "30")), 100)
    cursor, status = call.query("cursor"), call.query("status")
    found = [one for one in _deliveries(call) if status in ("", "success" if one.succeeded else "failure")]
    if cursor:
        found = [one for one in found if one.id <= int(cursor)]
    headers: dict[str, str] = {}
    if len(found) > size:
        url = f"{api(call.hub)}/app/hook/deliveries?per_page={size}&cursor={found[size].id}"
        headers["link"] = f'<{url}>; rel="next"'
    return Answer([_item_json(one) for one in found[:size]], 200, headers)


def _delivery(call: Call) -> Delivery:
    wanted = call.number("delivery_id")
    for one in _deliveries(call):
        if one.id == wanted:
            return one
    raise NotFound


async def get_delivery(call: Call) -> Answer:
    delivery = _delivery(call)
    payload: Json = json.loads(delivery.payload)
    return Answer(
        {
            **_item_json(delivery),
            "url": delivery.url,
            "request": {"headers": dict(delivery.request_headers), "payload": payload},
            "response": {"headers": dict(delivery.response_headers), "payload": delivery.response_body},
        }
    )


async def attempt_again(call: Call) -> Answer:
    redeliver(call.hub, _delivery(call))
    return Answer({}, 202)


async def hook_config(call: Call) -> Answer:
    app = call.app
    return Answer(
        {
            "content_type": "json",
            "insecure_ssl": "0",
            "url": app.webhook_url or "",
            **({"secret": "********"} if app.webhook_secret else {}),
        }
    )


class HookConfig(Body):
    url: str | None = None
    secret: str | None = None
    content_type: str | None = None


async def set_hook_config(call: Call) -> Answer:
    app, asked = call.app, call.body(HookConfig)
    app.webhook_url = asked.url or app.webhook_url
    app.webhook_secret = asked.secret or app.webhook_secret
    return await hook_config(call)


# The manifest flow, and limits


async def convert_manifest(call: Call) -> Answer:
    app = call.hub.manifest_codes.pop(call.part("code"), None)
    if app is None or app.created_at < call.hub.now() - timedelta(hours=1):
        raise NotFound
    return Answer(
        {
            **app_json(app),
            "client_secret": app.client_secret,
            "webhook_secret": app.webhook_secret,
            "pem": app.private_key_pem,
        },
        201,
    )


async def rate_limit(call: Call) -> Answer:
    core = call.hub.meter.budget(call.caller.charged, "core")
    graphql = call.hub.meter.budget(call.caller.charged, "graphql")
    resources: JsonObject = {}
    for name, budget in (("core", core), ("search", core), ("graphql", graphql)):
        resources[name] = {
            "limit": budget.limit,
            "used": budget.used,
            "remaining": budget.remaining,
            "reset": int(budget.reset_at.timestamp()),
        }
    return Answer({"resources": resources, **({"rate": resources["core"]} if old_version() else {})})


async def meta(call: Call) -> Answer:
    return Answer({"verifiable_password_authentication": False})


ENDPOINTS = [
    Endpoint("GET", "/app", get_app),
    Endpoint("GET", "/apps/{app_slug}", get_public_app),
    Endpoint("GET", "/app/installations", list_installations),
    Endpoint("GET", "/app/installations/{installation_id}", get_installation),
    Endpoint("DELETE", "/app/installations/{installation_id}", delete_installation),
    Endpoint("POST", "/app/installations/{installation_id}/access_tokens", create_token),
    Endpoint("DELETE", "/installation/token", revoke_token),
    Endpoint("GET", "/repos/{owner}/{repo}/installation", repository_installation),
    Endpoint("GET", "/users/{username}/installation", user_installation),
    Endpoint("GET", "/orgs/{username}/installation", user_installation),
    Endpoint("GET", "/app/hook/config", hook_config),
    Endpoint("PATCH", "/app/hook/config", set_hook_config),
    Endpoint("GET", "/app/hook/deliveries", list_deliveries),
    Endpoint("GET", "/app/hook/deliveries/{delivery_id}", get_delivery),
    Endpoint("POST", "/app/hook/deliveries/{delivery_id}/attempts", attempt_again),
    Endpoint("POST", "/app-manifests/{code}/conversions", convert_manifest),
    Endpoint("GET", "/rate_limit", rate_limit),
    Endpoint("GET", "/meta", meta),
]
