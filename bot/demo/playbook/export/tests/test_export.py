import json
import unittest

from larder.export import as_csv, as_json
from larder.ingredient import Ingredient

WANTED = [Ingredient.parse("1.5 kg flour"), Ingredient.parse("2 eggs")]


class ExportTest(unittest.TestCase):
    def test_csv_has_a_head_line_and_base_units(self) -> None:
        self.assertEqual(as_csv(WANTED).splitlines(), ["name,amount,unit", "flour,1500.0,g", "egg,2.0,"])

    def test_json_has_the_same_fields(self) -> None:
        self.assertEqual(json.loads(as_json(WANTED))[0], {"name": "flour", "amount": 1500.0, "unit": "g"})
