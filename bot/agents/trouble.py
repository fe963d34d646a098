"""Whose fault an error is, read from what a program says of its model's interface.

The programs put the interface's status and message into text of their own, and every version words it anew. A guess
that misses costs a counted attempt, one that hits spares it; so only plain signs count.
"""

from __future__ import annotations

import re

from bot.model.session import Trouble

_STATUS = re.compile(
    r"\b(?:(?:status(?: code)?|API Error|HTTP(?:/\d\.\d)?|got status|code)\b\W{0,4}|provider\.\w+: )(\d{3})\b",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"insufficient.(?:quota|balance)|credit balance|out of credit|exceeded your current quota|billing|payment required",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"invalid.api.key|incorrect api key|api key not valid|please run /login|not logged in|authentication_?error"
    r"|unauthorized|unauthenticated",
    re.IGNORECASE,
)
_LIMITED = re.compile(r"rate.?limit|too many requests|resource.exhausted|usage limit reached", re.IGNORECASE)
_NOT_CONNECTED = re.compile(r"connection ?error", re.IGNORECASE)
"""Before the next, since LiteLLM calls it an InternalServerError."""
_OVERLOADED = re.compile(r"overloaded|service ?unavailable|bad ?gateway|internal ?server ?error", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"connection (?:refused|reset|to the API was lost)|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN"
    r"|fetch failed|stream disconnected|error sending request|unable to connect|could not resolve"
    r"|ended with Timeout|litellm\.Timeout|APITimeoutError|request timed out",
    re.IGNORECASE,
)


def trouble_of(text: str, status: int | None = None) -> Trouble | None:
    """What trouble of its provider `text` tells of; None where the error is the program's or the task's own."""
    found = _STATUS.search(text)
    status = status or (int(found[1]) if found else None)
    if status == 402 or _CREDIT.search(text):
        return Trouble.NO_CREDIT
    if status == 401 or _LOGIN.search(text):
        return Trouble.NOT_LOGGED_IN
    if status == 429 or _LIMITED.search(text):
        return Trouble.RATE_LIMITED
    if status is not None and 500 <= status <= 599:
        return Trouble.OVERLOADED
    if _NOT_CONNECTED.search(text):
        return Trouble.UNREACHABLE
    if _OVERLOADED.search(text):
        return Trouble.OVERLOADED
    return Trouble.UNREACHABLE if _UNREACHABLE.search(text) else None
