"""The log of webhook deliveries."""

from __future__ import annotations

import json

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.model.delivery import Delivery
from bot.localhub.pages.site import Site

MOST_SHOWN = 200


def routes(site: Site) -> list[BaseRoute]:
    """`/_deliveries` and one of them."""

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

    return [site.route("/_deliveries", log), site.route("/_deliveries/{delivery:int}", one)]


def indented(payload: bytes) -> str:
    """JSON for people; what is not JSON as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload.decode(errors="replace")
