import unittest

from larder.imperial import metric
from larder.ingredient import Ingredient


class ImperialTest(unittest.TestCase):
    def test_cups_are_millilitres(self) -> None:
        self.assertEqual(str(metric(Ingredient.parse("2 cup milk"))), "473.2 ml milk")

    def test_pounds_are_grams(self) -> None:
        self.assertEqual(str(metric(Ingredient.parse("1/2 lb butter"))), "226.8 g butter")

    def test_metric_units_and_pieces_stay(self) -> None:
        for line in ("250 g flour", "3 eggs"):
            self.assertEqual(metric(Ingredient.parse(line)), Ingredient.parse(line))
