"""Amounts with a unit. Those of one kind can be added, compared and subtracted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

BASE = {"g": ("g", 1), "kg": ("g", 1000), "ml": ("ml", 1), "l": ("ml", 1000)}
"""Unit to the unit that its kind is counted in, and how many of those it is."""


class UnitError(ValueError):
    """Two units do not fit together."""


@dataclass(frozen=True, order=False)
class Quantity:
    """An amount of something, in a unit. The empty unit counts pieces."""

    amount: Fraction
    unit: str = ""

    @classmethod
    def of(cls, amount: int | float | str | Fraction, unit: str = "") -> Quantity:
        """A quantity from any number; floats are read as they print."""
        return cls(Fraction(str(amount)) if isinstance(amount, float) else Fraction(amount), unit)

    def base(self) -> Quantity:
        """The same amount in the unit that its kind is counted in."""
        unit, factor = BASE.get(self.unit, (self.unit, 1))
        return Quantity(self.amount * factor, unit)

    def __add__(self, other: Quantity) -> Quantity:
        mine, theirs = self.base(), other.base()
        if mine.unit != theirs.unit:
            raise UnitError(f"cannot add {other.unit or 'pieces'} to {self.unit or 'pieces'}")
        return Quantity(mine.amount + theirs.amount, mine.unit)

    def __mul__(self, factor: int | Fraction) -> Quantity:
        return Quantity(self.amount * factor, self.unit)

    def less(self, other: Quantity) -> Quantity:
        """What is left when `other` is taken away; never below nothing."""
        left = self + other * -1
        return Quantity(max(left.amount, Fraction(0)), left.unit)

    def __str__(self) -> str:
        shown = self.base()
        amount, unit = shown.amount, shown.unit
        if unit in ("g", "ml") and amount >= 1000:
            amount, unit = amount / 1000, "kg" if unit == "g" else "l"
        number = str(amount) if amount.denominator == 1 else f"{float(amount):.2f}".rstrip("0").rstrip(".")
        return f"{number} {unit}".strip()
