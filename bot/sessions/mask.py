"""Secrets of the server's in text and data that leave a session: masked, wherever they stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter

MASK = "***"

T = TypeVar("T")


class Mask:
    """Of `secrets`, the longest first where one holds another; as they are, and as they stand in JSON."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._forms = tuple({form: None for secret in secrets for form in (secret, json.dumps(secret)[1:-1])})

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def data(self, value: T, adapter: TypeAdapter[T]) -> T:
        """`value` with every text in it masked: however its author had escaped a secret, it is read by now. Raises
        ValidationError where that is no such value any more."""
        plain: JsonValue = adapter.dump_python(value, mode="json")
        masked = self._masked(plain)
        return value if masked == plain else adapter.validate_python(masked)

    def _masked(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, dict):
            return {self(name): self._masked(item) for name, item in value.items()}
        return value
