"""What a week needs and the pantry lacks."""

from __future__ import annotations

from larder.imperial import metric
from larder.ingredient import Ingredient
from larder.pantry import Pantry
from larder.quantity import Quantity
from larder.week import Week


def needs(week: Week, pantry: Pantry) -> list[Ingredient]:
    """What to buy, each ingredient once, in metric units and by name."""
    total: dict[str, Quantity] = {}
    for one in map(metric, week.ingredients()):
        total[one.name] = total[one.name] + one.quantity if one.name in total else one.quantity.base()
    return pantry.missing(Ingredient(name, total[name]) for name in sorted(total))
