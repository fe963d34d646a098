"""American kitchen measures, in metric ones."""

from __future__ import annotations

from fractions import Fraction

from larder.ingredient import Ingredient
from larder.quantity import Quantity

METRIC = {
    "cup": ("ml", Fraction("236.6")),
    "tbsp": ("ml", Fraction("14.8")),
    "tsp": ("ml", Fraction("4.9")),
    "oz": ("g", Fraction("28.35")),
    "lb": ("g", Fraction("453.6")),
}
"""Measure to the metric unit and how many of those it is."""


def metric(one: Ingredient) -> Ingredient:
    """The same ingredient in metric units; anything else is returned as it is."""
    unit, factor = METRIC.get(one.quantity.unit, (one.quantity.unit, Fraction(1)))
    return Ingredient(one.name, Quantity(one.quantity.amount * factor, unit))
