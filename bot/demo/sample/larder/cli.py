"""The command line: `show` and `missing`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from larder.pantry import Pantry
from larder.recipe import Recipe


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="larder", description="Recipes, pantry, shopping.")
    commands = top.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="print a recipe")
    show.add_argument("recipe", type=Path)
    missing = commands.add_parser("missing", help="print what a recipe needs and the pantry lacks")
    missing.add_argument("recipe", type=Path)
    missing.add_argument("--pantry", type=Path, required=True)
    return top


def main(arguments: Sequence[str]) -> int:
    given = parser().parse_args(arguments)
    try:
        print(answer(given))
    except (OSError, ValueError) as error:
        print(f"larder: {error}", file=sys.stderr)
        return 1
    return 0


def answer(given: argparse.Namespace) -> str:
    """What the command prints."""
    recipe = Recipe.read(given.recipe)
    if given.command == "show":
        return str(recipe)
    return "\n".join(str(one) for one in Pantry.read(given.pantry).missing(recipe.ingredients)) or "nothing is missing"
