"""What is at home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from larder.ingredient import Ingredient
from larder.quantity import Quantity


class Pantry:
    """Quantities by name."""

    def __init__(self, stock: Iterable[Ingredient] = ()) -> None:
        self._stock: dict[str, Quantity] = {}
        for one in stock:
            self.add(one)

    @classmethod
    def read(cls, path: Path) -> Pantry:
        """One ingredient a line."""
        lines = path.read_text(encoding="utf-8").splitlines()
        return cls(Ingredient.parse(line) for line in lines if line.strip())

    @property
    def stock(self) -> Mapping[str, Quantity]:
        return dict(self._stock)

    def add(self, one: Ingredient) -> None:
        held = self._stock.get(one.name)
        self._stock[one.name] = one.quantity.base() if held is None else held + one.quantity

    def missing(self, wanted: Iterable[Ingredient]) -> list[Ingredient]:
        """What has to be bought, in the order in which it is wanted."""
        bought = []
        for one in wanted:
            held = self._stock.get(one.name)
            lacking = one.quantity.base() if held is None else one.quantity.less(held)
            if lacking.amount > 0:
                bought.append(Ingredient(one.name, lacking))
        return bought
