"""Which meal is cooked on which day, and for how many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from larder.ingredient import Ingredient
from larder.recipe import Recipe
from larder.scaling import scaled

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LINE = re.compile(r"(?P<day>\w+):\s*(?P<recipe>\S+)\s+for\s+(?P<people>\d+)")


class WeekError(ValueError):
    """A text is not a week."""


@dataclass(frozen=True)
class Meal:
    """A recipe, already scaled to the people who eat it."""

    day: str
    recipe: Recipe


@dataclass(frozen=True)
class Week:
    """The meals in the order in which they are written down."""

    meals: tuple[Meal, ...]

    @classmethod
    def read(cls, path: Path) -> Week:
        """Lines such as `monday: pancakes.txt for 6`; recipes lie beside the file."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls(tuple(_meal(line.strip(), path.parent) for line in lines if line.strip()))

    def ingredients(self) -> Iterator[Ingredient]:
        """All that is cooked with, meal by meal."""
        for meal in self.meals:
            yield from meal.recipe.ingredients


def _meal(line: str, folder: Path) -> Meal:
    match = _LINE.fullmatch(line)
    if match is None or match["day"].lower() not in DAYS:
        raise WeekError(f"{line!r} is not of the form 'monday: recipe.txt for 4'")
    recipe = Recipe.read(folder / match["recipe"])
    return Meal(match["day"].lower(), scaled(recipe, int(match["people"])))
