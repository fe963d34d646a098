import unittest

from larder.recipe import Recipe
from larder.scaling import scaled

TOAST = Recipe.parse("# Toast\nserves 2\n\n4 slices bread\n20 g butter")


class ScalingTest(unittest.TestCase):
    def test_amounts_follow_the_number_of_people(self) -> None:
        lines = [str(one) for one in scaled(TOAST, 5).ingredients]
        self.assertEqual(lines, ["10 slices bread", "50 g butter"])

    def test_the_recipe_itself_stays(self) -> None:
        scaled(TOAST, 5)
        self.assertEqual(TOAST.serves, 2)

    def test_nobody_cannot_be_cooked_for(self) -> None:
        with self.assertRaisesRegex(ValueError, "cannot cook Toast for 0 people"):
            scaled(TOAST, 0)
