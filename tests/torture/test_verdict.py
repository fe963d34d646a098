"""What decides how `make torture` ends: a report in which everything held, and one planted flaw after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.torture.__main__ import played
from tests.torture.verdict import Json, verdict

LOAD: dict[str, Json] = {
    "answers": {"202": 30000},
    "p99, ms": 12.5,
    "p99 of the sixth more, ms": 11.0,
    "objectives": 4,
    "and in the end": 4,
    "errors in the log": 0,
}
SOAK: dict[str, Json] = {
    "answers": {"202": 100000},
    "megabytes after each tenth": [90.0, 99.0, 100.0, 101.0, 104.0],
    "processor milliseconds a delivery": [0.5, 0.4, 0.4, 0.4, 0.5],
    "an objective afterwards": "closed",
    "errors in the log": 0,
}
GOOD: dict[str, Json] = {
    "crashes": {"every": {"runs": 9, "failed": []}, "pairs": {"failed": [], "crashed twice or more": 9, "wanted": 9}},
    "planted faults": {"it forgets": "python -m tests.torture --shape review"},
    "people": {"seeds": 200, "failed": []},
    "day": {"ratio": 1.1, "limits_hit": 0, "problems": []},
    "endpoint": {"load": LOAD, "soak": SOAK},
}


def test_nothing_is_wrong_where_everything_held() -> None:
    assert verdict(GOOD) == []
    assert verdict({}) == []


@pytest.mark.parametrize(
    ("part", "flaw", "says"),
    [
        ("people", {"failed": [7]}, "[7]"),
        ("people", {"exception": "KeyError: 'x'"}, "KeyError"),
        ("crashes", {"every": {"failed": ["--crash 7"]}}, "--crash 7"),
        ("crashes", {"pairs": {"failed": [], "crashed twice or more": 8, "wanted": 9}}, "8 runs"),
        ("planted faults", {"it forgets": "not found"}, "it forgets"),
        ("day", {"ratio": 1.21}, "1.21"),
        ("day", {"limits_hit": 1}, "limits"),
        ("day", {"problems": ["one"]}, "one"),
        ("endpoint", {"load": LOAD | {"p99, ms": 1000.0}}, "1000.0"),
        ("endpoint", {"load": LOAD | {"answers": {"202": 1, "503": 1}}}, "503"),
        ("endpoint", {"load": LOAD | {"and in the end": 3}}, "3 of 4"),
        ("endpoint", {"soak": SOAK | {"errors in the log": 1}}, "1 errors"),
        ("endpoint", {"soak": SOAK | {"an objective afterwards": "open"}}, "open"),
        ("endpoint", {"soak": SOAK | {"megabytes after each tenth": [9.0, 9.0, 100.0, 131.0]}}, "megabytes"),
        ("endpoint", {"soak": SOAK | {"processor milliseconds a delivery": [1.0, 1.0, 0.4, 0.6]}}, "processor"),
        ("endpoint", {"soak": {}}, "answers were {}"),
    ],
)
def test_each_flaw_is_told(part: str, flaw: Mapping[str, Json], says: str) -> None:
    good = GOOD[part]
    assert isinstance(good, dict)
    wrong = verdict(GOOD | {part: good | dict(flaw)})
    assert wrong
    assert any(says in line for line in wrong), wrong


def test_a_part_that_breaks_is_told_and_the_others_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks() -> dict[str, Json]:
        raise ValueError("no more")

    parts: dict[str, Callable[[], dict[str, Json]]] = {"people": breaks, "two bots": lambda: {"failed": []}}
    report: dict[str, Json] = {}
    for name, part in parts.items():
        report[name] = played(name, part)
    assert report["two bots"] == {"failed": [], "real seconds": 0}
    assert verdict(report) == ["people broke: ValueError: no more"]
    assert '"two bots"' in capsys.readouterr().err
