import unittest

from larder.ingredient import Ingredient
from larder.listing import shopping_list


class ShoppingListTest(unittest.TestCase):
    def test_one_block_an_aisle(self) -> None:
        wanted = [Ingredient.parse(line) for line in ("2 eggs", "800 g tomatoes", "1 dragon fruit")]
        expected = "VEGETABLES\n  [ ] 800 g tomato\n\nDAIRY\n  [ ] 2 egg\n\nOTHER\n  [ ] 1 dragon fruit"
        self.assertEqual(shopping_list(wanted), expected)

    def test_an_empty_list_says_so(self) -> None:
        self.assertEqual(shopping_list([]), "Nothing to buy.")
