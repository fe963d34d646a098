"""A pack of few objects, made without a process: gitformat-pack(5), every object whole."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


@dataclass(frozen=True, slots=True)
class PlainObject:
    """An object of git: its kind (commit, tree, blob, tag) and its content without header."""

    kind: str
    payload: bytes


def make_pack(objects: Sequence[PlainObject]) -> bytes:
    parts = [b"PACK", (2).to_bytes(4), len(objects).to_bytes(4)]
    for one in objects:
        parts += [_header(_KINDS[one.kind], len(one.payload)), zlib.compress(one.payload, 1)]
    pack = b"".join(parts)
    return pack + hashlib.sha1(pack, usedforsecurity=False).digest()


def _header(kind: int, size: int) -> bytes:
    """Three bits of kind and a size of any length, its lowest bits first."""
    octets = [kind << 4 | size & 0x0F]
    size >>= 4
    while size:
        octets[-1] |= 0x80
        octets.append(size & 0x7F)
        size >>= 7
    return bytes(octets)
