"""What a fetch and a push over HTTP have in common: gitprotocol-http(5), gitprotocol-common(5)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx

FLUSH = b"0000"
DELIMITER = b"0001"
AGENT = "agent=crewline"


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository is, with what token it is talked to, and how many seconds it may be silent."""

    client: httpx.AsyncClient
    url: str
    token: str = field(repr=False)
    seconds: float


def headers(service: Literal["git-receive-pack", "git-upload-pack"], token: str) -> Mapping[str, str]:
    """GitHub tells git from a browser by the name with which it comes."""
    given = {
        "content-type": f"application/x-{service}-request",
        "accept": f"application/x-{service}-result",
        "user-agent": "git/2.38 (crewline)",
    }
    if token:
        given["authorization"] = f"Basic {b64encode(f'x-access-token:{token}'.encode()).decode()}"
    return given


def packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def packets(content: bytes) -> Iterator[bytes]:
    """Without those that only separate. Raises ValueError where they are not well-formed."""
    position = 0
    while position + 4 <= len(content):
        length = int(content[position : position + 4], 16)
        if length < 4:
            position += 4
            continue
        if position + length > len(content):
            raise ValueError("a packet that was cut off")
        yield content[position + 4 : position + length]
        position += length
