"""A recipe for more people, or for fewer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from larder.ingredient import Ingredient
from larder.recipe import Recipe


def scaled(recipe: Recipe, people: int) -> Recipe:
    """The recipe for `people`. ValueError for nobody."""
    if people < 1:
        raise ValueError(f"cannot cook {recipe.title} for {people} people")
    factor = Fraction(people, recipe.serves)
    ingredients = tuple(Ingredient(one.name, one.quantity * factor) for one in recipe.ingredients)
    return replace(recipe, serves=people, ingredients=ingredients)
