"""Ingredients for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from larder.ingredient import Ingredient

COLUMNS = ("name", "amount", "unit")


def as_csv(ingredients: Iterable[Ingredient]) -> str:
    """A head line, then one line an ingredient."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(one) for one in ingredients)
    return output.getvalue()


def as_json(ingredients: Iterable[Ingredient]) -> str:
    """A list of objects with the same fields."""
    rows = [dict(zip(COLUMNS, _row(one), strict=True)) for one in ingredients]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _row(one: Ingredient) -> tuple[str, float, str]:
    base = one.quantity.base()
    return one.name, round(float(base.amount), 2), base.unit
