"""Where in the shop an ingredient is found."""

from __future__ import annotations

from collections.abc import Iterable

from larder.ingredient import Ingredient

AISLES = {
    "vegetables": ("onion", "tomato", "garlic", "potato", "carrot"),
    "dairy": ("milk", "butter", "egg", "cheese", "cream"),
    "dry goods": ("flour", "salt", "sugar", "rice", "olive oil"),
}
"""Aisles in the order in which one walks past them."""


def aisle_of(name: str) -> str:
    """The aisle of an ingredient."""
    return {one: aisle for aisle, names in AISLES.items() for one in names}[name]


def by_aisle(ingredients: Iterable[Ingredient]) -> dict[str, list[Ingredient]]:
    """The ingredients of each aisle, aisles in walking order, without empty ones."""
    wanted = list(ingredients)
    found = {aisle: [one for one in wanted if aisle_of(one.name) == aisle] for aisle in AISLES}
    return {aisle: there for aisle, there in found.items() if there}
