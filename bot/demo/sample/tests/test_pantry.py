import unittest

from larder.ingredient import Ingredient
from larder.pantry import Pantry


def parsed(*lines: str) -> list[Ingredient]:
    return [Ingredient.parse(line) for line in lines]


class PantryTest(unittest.TestCase):
    def test_only_what_is_lacking_is_missing(self) -> None:
        pantry = Pantry(parsed("1 kg flour", "2 eggs"))
        missing = pantry.missing(parsed("250 g flour", "4 eggs", "500 ml milk"))
        self.assertEqual([str(one) for one in missing], ["2 egg", "500 ml milk"])

    def test_stock_adds_up(self) -> None:
        pantry = Pantry(parsed("1 kg flour", "500 g flour"))
        self.assertEqual(str(pantry.stock["flour"]), "1.5 kg")
