import unittest

from larder.ingredient import Ingredient, IngredientError
from larder.quantity import Quantity
from larder.recipe import Recipe, RecipeError

TOAST = "# Toast\nserves 2\n\n4 slices bread\n20 g butter\n\nToast, then butter."


class IngredientTest(unittest.TestCase):
    def test_amount_unit_and_name(self) -> None:
        self.assertEqual(Ingredient.parse("250 g flour"), Ingredient("flour", Quantity.of(250, "g")))

    def test_pieces_are_named_in_the_singular(self) -> None:
        self.assertEqual(Ingredient.parse("4 Tomatoes").name, "tomato")
        self.assertEqual(Ingredient.parse("1/2 onion").quantity, Quantity.of("1/2"))

    def test_a_line_without_an_amount_is_refused(self) -> None:
        with self.assertRaisesRegex(IngredientError, "does not start with an amount"):
            Ingredient.parse("some salt")


class RecipeTest(unittest.TestCase):
    def test_title_servings_ingredients_and_method(self) -> None:
        recipe = Recipe.parse(TOAST)
        self.assertEqual((recipe.title, recipe.serves, len(recipe.ingredients)), ("Toast", 2, 2))
        self.assertEqual(recipe.method, "Toast, then butter.")

    def test_servings_are_required(self) -> None:
        with self.assertRaisesRegex(RecipeError, "serves N"):
            Recipe.parse("# Toast\n\n4 slices bread")
