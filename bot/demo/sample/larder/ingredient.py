"""One line of a recipe: how much of what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from larder.quantity import Quantity

UNITS = ("g", "kg", "ml", "l", "pinch", "clove", "cloves")
_LINE = re.compile(r"(?P<amount>\d+(?:[./]\d+)?)\s+(?P<rest>\S.*)")


class IngredientError(ValueError):
    """A line is not an ingredient."""


@dataclass(frozen=True)
class Ingredient:
    """How much of what. Names are in the singular and in lower case, so that they can be compared."""

    name: str
    quantity: Quantity

    @classmethod
    def parse(cls, line: str) -> Ingredient:
        """`250 g flour`, `4 eggs`, `1/2 onion`."""
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise IngredientError(f"{line!r} does not start with an amount")
        first, _, rest = match["rest"].partition(" ")
        unit, name = (first, rest) if first in UNITS and rest else ("", match["rest"])
        return cls(singular(name), Quantity.of(match["amount"], "clove" if unit == "cloves" else unit))

    def __str__(self) -> str:
        return f"{self.quantity} {self.name}"


def singular(name: str) -> str:
    """The name of one of them."""
    name = " ".join(name.lower().split())
    if name.endswith("oes"):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
