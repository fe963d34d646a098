"""Pages follow the hub: they ask every second whether something changed.

A long poll would be quicker by half a second, and would hold up the end of the server for as long as a page is open.
"""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.localhub.model.events import Event
from bot.localhub.pages.site import HEADERS, HERE, Site

KINDS = {"css": "text/css", "js": "text/javascript"}


class Changes:
    """Counts what happens on the hub."""

    def __init__(self, site: Site) -> None:
        self.count = 0
        site.hub.events.listen(self._hear)

    def _hear(self, _: Event) -> None:
        self.count += 1

    async def answer(self, request: Request) -> Response:
        """The count, to be compared with the last one."""
        return JSONResponse({"count": self.count}, headers=HEADERS)


def routes(site: Site) -> list[BaseRoute]:
    """The poll, and the pages' own files."""
    mermaid = (HERE / "static" / "mermaid.js.gz").read_bytes()

    async def static(request: Request) -> Response:
        name = str(request.path_params["name"])
        cached = HEADERS | {"Cache-Control": "max-age=60"}
        if name == "mermaid.js":
            if "gzip" in request.headers.get("accept-encoding", ""):
                zipped = cached | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
                return Response(mermaid, media_type="text/javascript", headers=zipped)
            return Response(gzip.decompress(mermaid), media_type="text/javascript", headers=cached)
        path = HERE / "static" / name
        kind = KINDS.get(path.suffix.removeprefix("."))
        if kind is None or path.parent != HERE / "static" or not path.is_file():
            return Response(status_code=404)
        return Response(path.read_bytes(), media_type=kind, headers=cached)

    return [site.route("/_changes", Changes(site).answer), site.route("/_static/{name}", static)]
