import unittest
from fractions import Fraction

from larder.quantity import Quantity, UnitError


class QuantityTest(unittest.TestCase):
    def test_units_of_one_kind_add_up(self) -> None:
        self.assertEqual(Quantity.of(1, "kg") + Quantity.of(250, "g"), Quantity.of(1250, "g"))

    def test_units_of_two_kinds_do_not(self) -> None:
        with self.assertRaisesRegex(UnitError, "cannot add ml to g"):
            Quantity.of(1, "g") + Quantity.of(1, "ml")

    def test_nothing_is_the_least_that_can_be_left(self) -> None:
        self.assertEqual(Quantity.of(2).less(Quantity.of(5)), Quantity(Fraction(0)))

    def test_it_prints_in_the_larger_unit(self) -> None:
        self.assertEqual(str(Quantity.of(1500, "ml")), "1.5 l")
        self.assertEqual(str(Quantity.of(3)), "3")
