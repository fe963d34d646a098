"""Secrets in text and data that leave a session: masked, wherever they stand.

An agent may repeat what it was given, and what it found: a key in the repository, in a fixture, in the output of a
command. The gate looks for both in files, and refuses a commit whose message has a key that is not the server's;
everything else that an agent says reaches GitHub through here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter

from bot.sessions.gate.leaks import masked

MASK = "***"

T = TypeVar("T")


class Mask:
    """Of `secrets`, the server's, the longest first where one holds another; as they are, and as they stand in JSON."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._forms = tuple({form: None for secret in secrets for form in (secret, json.dumps(secret)[1:-1])})

    def __call__(self, text: str) -> str:
        """For what leaves this machine: also others' secrets, as far as the gate would know them in a file."""
        return masked(self.own(text), MASK)

    def own(self, text: str) -> str:
        """For what stays on this machine, or is looked through by the gate: the server's alone."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def data(self, value: T, adapter: TypeAdapter[T]) -> T:
        """`value` with every text in it masked: however its author had escaped a secret, it is read by now. Raises
        ValidationError where that is no such value any more."""
        plain: JsonValue = adapter.dump_python(value, mode="json")
        clean = self._clean(plain)
        return value if clean == plain else adapter.validate_python(clean)

    def _clean(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        if isinstance(value, dict):
            return {self(name): self._clean(item) for name, item in value.items()}
        return value
