"""The pages for people."""

from starlette.routing import BaseRoute

from bot.localhub.model.hub import Hub


def routes(hub: Hub) -> list[BaseRoute]:
    """The routes to mount for the pages."""
    return []
