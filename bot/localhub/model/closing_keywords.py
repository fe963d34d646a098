"""Closing keywords and mentions ("Linking a pull request to an issue" of GitHub's documentation)."""

import re
from collections.abc import Iterator

_CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+"
    r"(?:(?P<repo>[\w.-]+/[\w.-]+)?#|https?://\S+?/(?P<url>[\w.-]+/[\w.-]+)/issues/)(?P<number>\d+)\b",
    re.IGNORECASE,
)
_MENTION = re.compile(r"(?<![\w/&])#(\d+)\b")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def closing_references(text: str | None) -> Iterator[tuple[str | None, int]]:
    """The issues that this text closes: repository (`owner/name`, None for the same one) and number."""
    for match in _CLOSING.finditer(_CODE.sub("", text or "")):
        yield match["repo"] or match["url"], int(match["number"])


def mentioned_numbers(text: str | None) -> set[int]:
    """The issue numbers written as `#n`."""
    return {int(number) for number in _MENTION.findall(_CODE.sub("", text or ""))}
