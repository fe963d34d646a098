"""The shopping list, as one takes it along."""

from __future__ import annotations

from collections.abc import Iterable

from larder.aisles import by_aisle
from larder.ingredient import Ingredient


def shopping_list(ingredients: Iterable[Ingredient]) -> str:
    """One block an aisle, with a box to tick for each ingredient."""
    blocks = []
    for aisle, there in by_aisle(ingredients).items():
        blocks.append("\n".join([aisle.upper(), *(f"  [ ] {one}" for one in there)]))
    return "\n\n".join(blocks) or "Nothing to buy."
