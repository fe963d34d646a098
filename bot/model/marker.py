"""The hidden tags by which the bot recognises what it wrote: ``<!-- crewline:task=12.parser -->``.

A tag counts only in a text that the bot itself wrote; anybody can type one.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<!-- crewline:(?P<kind>[a-z]+)=(?P<value>[A-Za-z0-9._-]+) -->")


def tag(kind: str, value: str) -> str:
    """The tag to put on the first line of a body."""
    return f"<!-- crewline:{kind}={value} -->"


def tagged(body: str, kind: str) -> str | None:
    """The value of the first tag of `kind` in `body`."""
    return next((match["value"] for match in _TAG.finditer(body) if match["kind"] == kind), None)


def without_tags(body: str) -> str:
    """`body` as a person sees it; text from people can carry no tag of ours into a body that we write."""
    while body != (less := _TAG.sub("", body)):  # what is left and right of a tag may be one
        body = less
    return body
