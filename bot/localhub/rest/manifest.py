"""The form that a manifest is posted to. Not REST: a page's address, for a browser.

Who is signed in in that browser is not modelled: the App is registered for the first person of the hub.
"""

from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.localhub.model.errors import HubError
from bot.localhub.model.hub import Hub
from bot.localhub.model.manifest import parse_manifest, register


def routes(hub: Hub) -> list[BaseRoute]:
    """The form of people, and that of organizations."""

    async def new_app(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        try:
            manifest = parse_manifest(form.get("manifest", [""])[0])
            login = request.path_params.get("login")
            people = [one for one in hub.users.values() if one.type == "User" and one is not hub.ghost]
            owner = hub.user(str(login)) if login is not None else (people or [hub.ghost])[0]
            app, code = register(hub, owner, manifest)
        except HubError as error:
            reasons = [one if isinstance(one, str) else f"{one.field}: {one.message}" for one in error.errors]
            return PlainTextResponse("\n".join([error.message, *reasons]), error.status)
        target = manifest.redirect_url or f"{hub.base_url}/apps/{app.slug}"
        state = request.query_params.get("state")
        query = urlencode({"code": code, **({"state": state} if state is not None else {})})
        return RedirectResponse(f"{target}{'&' if '?' in target else '?'}{query}", 302)

    paths = ("/settings/apps/new", "/organizations/{login}/settings/apps/new")
    return [Route(path, new_app, methods=["POST"]) for path in paths]
