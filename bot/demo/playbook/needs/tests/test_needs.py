import unittest

from larder.ingredient import Ingredient
from larder.needs import needs
from larder.pantry import Pantry
from larder.recipe import Recipe
from larder.week import Meal, Week

SOUP = Recipe.parse("# Soup\nserves 2\n\n1 cup milk\n400 g tomatoes")
SAUCE = Recipe.parse("# Sauce\nserves 2\n\n100 ml milk\n200 g tomatoes")


class NeedsTest(unittest.TestCase):
    def test_meals_add_up_across_measures(self) -> None:
        week = Week((Meal("monday", SOUP), Meal("tuesday", SAUCE)))
        self.assertEqual([str(one) for one in needs(week, Pantry())], ["336.6 ml milk", "600 g tomato"])

    def test_the_pantry_is_used_up_first(self) -> None:
        pantry = Pantry([Ingredient.parse("1 kg tomatoes")])
        self.assertEqual([one.name for one in needs(Week((Meal("monday", SOUP),)), pantry)], ["milk"])
