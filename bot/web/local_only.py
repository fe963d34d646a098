"""Who may see the dashboard: somebody at the machine that the server runs on.

The dashboard has no login yet and shows titles of private repositories, so it is answered only where the peer is a
loopback address, the request names a loopback host (a page on the internet that resolves its own name to 127.0.0.1
names its own), and no proxy says that it forwards for somebody else. A reverse proxy that hides itself cannot be
told from a local browser: it has to forward ``/webhook`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

Endpoint = Callable[[Request], Awaitable[Response]]

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def is_local(request: Request) -> bool:
    peer = request.client.host if request.client else ""
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(peer) and _is_loopback(_host_of(request.headers.get("host", "")))


def local_only(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, answered with 403 to everybody else."""

    async def guarded(request: Request) -> Response:
        if is_local(request):
            return await endpoint(request)
        return PlainTextResponse("The dashboard is shown only on the machine that runs Crewline.\n", status_code=403)

    return guarded


def _host_of(header: str) -> str:
    """The host of a Host header, without its port and without the brackets of an IPv6 address."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
