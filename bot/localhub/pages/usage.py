"""What everybody asked the hub for, counted as GitHub would."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.pages.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """`/_usage`: all together, and by who asked."""

    async def usage(request: Request) -> Response:
        meter = site.hub.meter
        return site.page("usage.html", usage=meter.usage, by_actor=sorted(meter.usage_by_actor.items()), meter=meter)

    return [site.route("/_usage", usage)]
