"""The log of webhook deliveries."""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from bot.localhub.model.delivery import Delivery
from bot.localhub.pages.site import HEADERS, Site
from bot.localhub.webhooks.sender import Sender, redeliver

MOST_SHOWN = 200


def routes(site: Site) -> list[BaseRoute]:
    """`/_deliveries`, one of them, and sending it again."""

    def find(request: Request) -> Delivery:
        wanted = str(request.path_params["delivery"])
        found = next((one for one in site.hub.deliveries if str(one.id) == wanted), None)
        if found is None:
            raise HTTPException(404)
        return found

    async def log(request: Request) -> Response:
        newest = site.hub.deliveries[: -MOST_SHOWN - 1 : -1]
        return site.page("deliveries.html", deliveries=newest, total=len(site.hub.deliveries))

    async def one(request: Request) -> Response:
        delivery = find(request)
        return site.page("delivery.html", delivery=delivery, payload=indented(delivery.payload))

    async def again(request: Request) -> Response:
        # A page of somebody else's could send this form too; browsers say where it came from.
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise HTTPException(403, "Only this hub's own pages may ask for a redelivery.")
        if not isinstance(site.hub.sender, Sender):
            raise HTTPException(409, "This hub sends no webhooks.")
        delivery = find(request)
        if not delivery.in_log:
            raise HTTPException(409, "This one never went out; nobody can have it sent again.")
        redeliver(site.hub, delivery)
        return RedirectResponse("/_deliveries", 303, HEADERS)

    return [
        site.route("/_deliveries", log),
        site.route("/_deliveries/{delivery:int}", one),
        site.route("/_deliveries/{delivery:int}/redeliver", again, "POST"),
    ]


def indented(payload: bytes) -> str:
    """JSON for people; what is not JSON as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload.decode(errors="replace")
