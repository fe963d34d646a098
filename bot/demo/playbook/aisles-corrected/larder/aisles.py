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
OTHER = "other"


def aisle_of(name: str) -> str:
    """The aisle of an ingredient; `other` for one that no aisle lists."""
    return {one: aisle for aisle, names in AISLES.items() for one in names}.get(name, OTHER)


def by_aisle(ingredients: Iterable[Ingredient]) -> dict[str, list[Ingredient]]:
    """The ingredients of each aisle, aisles in walking order, without empty ones."""
    wanted = list(ingredients)
    found = {aisle: [one for one in wanted if aisle_of(one.name) == aisle] for aisle in (*AISLES, OTHER)}
    return {aisle: there for aisle, there in found.items() if there}
