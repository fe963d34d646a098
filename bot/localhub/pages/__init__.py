"""The pages for people: what is on the hub, and what it sent.

Whoever reaches the hub's port sees every repository here, private ones too: it is a GitHub for one machine.
"""

from __future__ import annotations

from starlette.routing import BaseRoute

from bot.localhub.model.hub import Hub
from bot.localhub.pages import commits, deliveries, files, issues, live, repositories, usage
from bot.localhub.pages.site import Site


def routes(hub: Hub) -> list[BaseRoute]:
    """The routes to mount for the pages; they take what no other face of the hub did, so mount them last."""
    site = Site(hub)
    rooms = (live, deliveries, usage, issues, commits, files, repositories)
    return [route for room in rooms for route in room.routes(site)]
