"""What a session may reach where its network is `model-only`, and what takes the place of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

WEB = (443, 80)


@dataclass(frozen=True, slots=True)
class Reach:
    """`hosts` may be connected to: a name (`pypi.org`, on the ports of the web), a name with its port
    (`models.example.com:8443`), or all names below one (`*.example.com`). Requests that are made to the proxy itself
    go to `upstream`, the model, and there each of the `keys` (what stands in for one → the key) is put in its place.
    """

    hosts: tuple[str, ...] = ()
    upstream: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    def allows(self, host: str, port: int) -> bool:
        return any(_matches(entry.lower(), host.lower().rstrip("."), port) for entry in self.hosts)

    def with_keys(self, value: bytes) -> bytes:
        """A header's value as the model is to have it."""
        for stand_in, key in self.keys.items():
            value = value.replace(stand_in.encode(), key.encode())
        return value


def _matches(entry: str, host: str, port: int) -> bool:
    name, _, wanted = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if port not in WEB if not wanted else wanted != str(port):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def split_target(target: str) -> tuple[str, int] | None:
    """Host and port of what a CONNECT names."""
    try:
        parts = urlsplit(f"//{target}")
        return (parts.hostname, parts.port or 443) if parts.hostname else None
    except ValueError:
        return None
