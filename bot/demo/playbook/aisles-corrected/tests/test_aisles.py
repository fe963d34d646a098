import unittest

from larder.aisles import aisle_of, by_aisle
from larder.ingredient import Ingredient


class AislesTest(unittest.TestCase):
    def test_each_has_its_aisle(self) -> None:
        self.assertEqual(aisle_of("milk"), "dairy")
        self.assertEqual(aisle_of("tomato"), "vegetables")

    def test_aisles_come_in_walking_order(self) -> None:
        wanted = [Ingredient.parse(line) for line in ("1 kg flour", "2 eggs", "3 onions")]
        self.assertEqual(list(by_aisle(wanted)), ["vegetables", "dairy", "dry goods"])

    def test_what_no_aisle_lists_comes_last(self) -> None:
        wanted = [Ingredient.parse(line) for line in ("1 dragon fruit", "2 eggs")]
        self.assertEqual(list(by_aisle(wanted)), ["dairy", "other"])
