import contextlib
import io
import json
import unittest
from pathlib import Path

from larder.cli import main

EXAMPLES = Path(__file__).parent.parent / "examples"


def shop(*options: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        main(["shop", str(EXAMPLES / "week.txt"), "--pantry", str(EXAMPLES / "pantry.txt"), *options])
    return output.getvalue()


class ShopTest(unittest.TestCase):
    def test_the_list_of_a_week(self) -> None:
        lines = shop().splitlines()
        self.assertEqual(lines[0], "VEGETABLES")
        self.assertIn("  [ ] 1.6 kg tomato", lines)
        self.assertIn("  [ ] 4 egg", lines)
        self.assertNotIn("flour", shop())

    def test_the_same_for_programs(self) -> None:
        self.assertEqual(shop("--format", "csv").splitlines()[0], "name,amount,unit")
        self.assertIn("tomato", [row["name"] for row in json.loads(shop("--format", "json"))])
