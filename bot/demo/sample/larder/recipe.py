"""Recipes, and the plain text that they are written in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from larder.ingredient import Ingredient


class RecipeError(ValueError):
    """A text is not a recipe."""


@dataclass(frozen=True)
class Recipe:
    """A dish for `serves` people."""

    title: str
    serves: int
    ingredients: tuple[Ingredient, ...]
    method: str

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """A title line with `#`, a line `serves N`, the ingredients, a blank line, the method."""
        blocks = [block.strip() for block in text.strip().split("\n\n", 2)]
        if len(blocks) < 2 or not blocks[0].startswith("#"):
            raise RecipeError("a recipe starts with a line '# Title'")
        head = blocks[0].splitlines()
        words = head[1].split() if len(head) > 1 else []
        if len(words) != 2 or words[0] != "serves" or not words[1].isdigit():
            raise RecipeError("the second line of a recipe is 'serves N'")
        ingredients = tuple(Ingredient.parse(line) for line in blocks[1].splitlines())
        return cls(head[0].lstrip("# ").strip(), int(words[1]), ingredients, blocks[2] if len(blocks) > 2 else "")

    @classmethod
    def read(cls, path: Path) -> Recipe:
        return cls.parse(path.read_text(encoding="utf-8"))

    def __str__(self) -> str:
        lines = [f"{self.title} (serves {self.serves})", *(f"  {one}" for one in self.ingredients)]
        return "\n".join([*lines, "", self.method]).strip()
