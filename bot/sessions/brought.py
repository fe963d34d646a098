"""What an agent's repository holds of its own below a commit, read by ourselves: the usual few loose objects.

Git that reads an agent's repository is four processes; these are files. They are the agent's, so nothing of them is
believed: not that they are plain files, nor their size when unpacked, nor that what is in them is what their name
says. They are handed to ``git unpack-objects --strict`` of the mirror, which names every object anew by its content,
checks its form, and refuses it where what it refers to is not there.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from pathlib import Path

from bot.git.pack import PlainObject
from bot.git.trees import entries, tree_and_parents
from bot.model.identity import CommitSha

MOST_OBJECTS = 200
_LARGEST = 8_000_000
"""Bytes of all objects together, unpacked."""
_SHA = re.compile(r"^[0-9a-f]{40}$")
_HEADER = re.compile(rb"^(commit|tree|blob|tag) ([0-9]{1,12})$")
_GITLINK = "160000"


def brought(objects: Path, tip: CommitSha) -> list[PlainObject] | None:
    """The objects in the folder `objects` that `tip` is made of, itself included; what is not there is borrowed, or
    missing. None where they are packed, many, large or odd: then git has to read them."""
    if _has_packs(objects):
        return None
    found: list[PlainObject] = []
    seen: set[str] = set()
    left, room = [str(tip)], _LARGEST
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            one = _read(objects, name, room)
            if one is None:
                continue
            left += _below(one)
        except (OSError, ValueError, zlib.error):
            return None
        found.append(one)
        room -= len(one.payload)
        if len(found) > MOST_OBJECTS:
            return None
    return found or None


def _has_packs(objects: Path) -> bool:
    try:
        return any(name.endswith(".pack") for name in os.listdir(objects / "pack"))  # noqa: PTH208
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _below(one: PlainObject) -> list[str]:
    """Raises ValueError for what has not the form of its kind."""
    match one.kind:
        case "commit":
            tree, parents = tree_and_parents(one.payload)
            below = [tree, *parents]
        case "tree":
            below = [entry.sha for entry in entries(one.payload).values() if entry.mode != _GITLINK]
        case "blob":
            below = []
        case _:
            raise ValueError("a tag")
    if not all(_SHA.match(name) for name in below):
        raise ValueError("not the name of an object")
    return below


def _read(objects: Path, name: str, room: int) -> PlainObject | None:
    """None where there is none. Raises OSError, ValueError and zlib.error."""
    try:
        descriptor = os.open(objects / name[:2] / name[2:], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > room:
            raise ValueError("no plain file, or too large")
        data = zlib.decompressobj().decompress(file.read(), room + 100)
    header, _, payload = data.partition(b"\0")
    match = _HEADER.match(header)
    if match is None or int(match[2]) != len(payload):
        raise ValueError("cut off, or no object")
    return PlainObject(match[1].decode(), payload)
