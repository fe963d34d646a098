import contextlib
import io
import unittest
from pathlib import Path

from larder.cli import main

EXAMPLES = Path(__file__).parent.parent / "examples"


def printed(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        main(arguments)
    return output.getvalue()


class CommandLineTest(unittest.TestCase):
    def test_show_prints_the_recipe(self) -> None:
        self.assertIn("Pancakes (serves 4)", printed("show", str(EXAMPLES / "pancakes.txt")))

    def test_missing_leaves_out_what_is_at_home(self) -> None:
        lines = printed("missing", str(EXAMPLES / "pancakes.txt"), "--pantry", str(EXAMPLES / "pantry.txt"))
        self.assertIn("2 egg", lines)
        self.assertNotIn("flour", lines)
