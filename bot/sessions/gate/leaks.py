"""Secrets in text: what a maintained scanner knows, keys of model providers, and the server's own.

Only patterns that name their kind count. Entropy and words like ``password =`` find too much that is none, and a task
that is refused for nothing costs an attempt. The scanner's allow-list comments are not heeded: the agent writes the
file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

OURS = "a credential of this server"
LEAST = 8
"""Characters: a shorter value of the server's is no secret, and would be found everywhere."""


def leaks(added: str, own: Sequence[str] = ()) -> tuple[str, ...]:
    """The kinds of secrets in `added`, each once; the values are told to nobody. `own` are the server's."""
    from bot.sessions.gate.detectors import kinds_in  # it takes a tenth of a second, for which no start has to wait

    found = (OURS,) if any(len(value) >= LEAST and value in added for value in own) else ()
    return (*found, *kinds_in(added))


def masked(text: str, mask: str) -> str:
    """`text` with `mask` in the place of each secret that is not the server's."""
    from bot.sessions.gate.detectors import without_secrets  # as above

    return without_secrets(text, mask)


def prepare() -> None:
    """Import the detectors, which the first to look for leaks would wait for otherwise."""
    leaks("")


def shown(path: str) -> str:
    """`path` for people, unless it is a secret itself."""
    return "a file with a secret for its name" if leaks(path) else path


def added_text(old: str, new: str) -> str:
    """The lines of `new` that `old` does not have, in their order."""
    known = set(_lines(old))
    return "\n".join(line for line in _lines(new) if line not in known)


def _lines(text: str) -> Iterable[str]:
    return text.split("\n")
