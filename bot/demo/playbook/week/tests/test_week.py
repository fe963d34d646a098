import tempfile
import unittest
from pathlib import Path

from larder.week import Week, WeekError


class WeekTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "toast.txt").write_text("# Toast\nserves 2\n\n20 g butter")

    def week(self, text: str) -> Week:
        path = self.folder / "week.txt"
        path.write_text(text)
        return Week.read(path)

    def test_meals_are_scaled_to_those_who_eat(self) -> None:
        week = self.week("monday: toast.txt for 4\n\nFriday: toast.txt for 1\n")
        self.assertEqual([meal.day for meal in week.meals], ["monday", "friday"])
        self.assertEqual([str(one) for one in week.ingredients()], ["40 g butter", "10 g butter"])

    def test_a_day_must_exist(self) -> None:
        with self.assertRaisesRegex(WeekError, "'someday: toast.txt for 4' is not of the form"):
            self.week("someday: toast.txt for 4")
