"""Text of agents and people where GitHub and its like would act on it: shown as text, it does nothing.

A mention notifies nobody, a closing keyword closes nothing, and no word of it keeps the checks from running: a check
that was not run would not stand in the way of a merge. Each keeps its look; a sign without width breaks it.
"""

from __future__ import annotations

import re

from bot.model.marker import without_tags

_NO_BREAK = "\N{ZERO WIDTH NON-JOINER}"
_MENTION = re.compile(r"(?<![\w`/])@(?=[A-Za-z0-9])")
_CLOSING = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:\s*|\s+)(?=#|GH-\d|\S+/\S+#|https?://)", re.IGNORECASE
)
_SKIPPING = re.compile(
    r"\[(?=\s*(?:skip[ _-]+[\w-]+|no[ _-]+(?:ci|build)|(?:ci|actions?)[ _-]+skip)\s*\])|\*\*\*(?=NO_CI\*\*\*)",
    re.IGNORECASE,
)
"""``[skip ci]``, ``[ci skip]``, ``[no ci]``, ``[skip actions]`` and ``[actions skip]`` ("Skipping workflow runs" of
GitHub's documentation), and those of other services."""
_TRAILER = re.compile(r"^([ \t]*skip-checks)(?=[ \t]*:)", re.IGNORECASE | re.MULTILINE)
"""``skip-checks: true`` as a commit's trailer (the same page)."""


def harmless(text: str) -> str:
    """`text` without tags of ours, mentions that notify, keywords that close issues, or words that skip checks."""
    text = _MENTION.sub(f"@{_NO_BREAK}", without_tags(text))
    text = _CLOSING.sub(rf"\1{_NO_BREAK}\2", text)
    return _TRAILER.sub(rf"\1{_NO_BREAK}", _SKIPPING.sub(rf"\g<0>{_NO_BREAK}", text))
