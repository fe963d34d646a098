"""What is wrong in a report of the whole torture, by the numbers that it has to reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Json = str | int | float | bool | dict[str, "Json"] | list["Json"]

RATIO = 1.2
"""Of a day's hours to the least that GitHub's limits allow."""
P99 = 1000.0
"""Milliseconds within which 99 of 100 deliveries are acknowledged."""
FLAT = 1.3
"""The last tenth of the soak may cost so many times what the third did: by then all that is kept is kept."""
EXCEPTION = "exception"
"""What stands in a part's place where it broke."""


def verdict(report: Mapping[str, Json]) -> list[str]:
    """All that is wrong, a line each; nothing where everything held. A part that was not played is not missed."""
    found: list[str] = []
    for name, part in report.items():
        if not isinstance(part, dict):
            continue
        found += _failed(name, part)
        judge = {"planted faults": _planted, "day": _day, "endpoint": _endpoint}.get(name)
        if judge is not None and EXCEPTION not in part:
            found += judge(part)
    return found


def _failed(name: str, part: Mapping[str, Json]) -> Iterator[str]:
    """What any part may have: that it broke, cases that failed, fewer of them than were wanted."""
    if EXCEPTION in part:
        yield f"{name} broke: {part[EXCEPTION]}"
    failed = part.get("failed")
    if failed:
        yield f"{name}: failed: {failed}"
    wanted, had = part.get("wanted", 0), part.get("crashed twice or more", 0)
    if _number(had) < _number(wanted):
        yield f"{name}: {had} runs were crashed twice or more, not {wanted}"
    for inner, value in part.items():
        if isinstance(value, dict):
            yield from _failed(f"{name}: {inner}", value)


def _planted(part: Mapping[str, Json]) -> Iterator[str]:
    yield from (f"planted: {name!r} is not found" for name, how in part.items() if how == "not found")


def _day(part: Mapping[str, Json]) -> Iterator[str]:
    if not _number(part.get("ratio")) <= RATIO:
        yield f"day: it took {part.get('ratio')} times what the limits ask for"
    if part.get("limits_hit") != 0:
        yield f"day: limits were hit {part.get('limits_hit')} times"
    if part.get("problems"):
        yield f"day: {part['problems']}"


def _endpoint(part: Mapping[str, Json]) -> Iterator[str]:
    load, soak = _of(part, "load"), _of(part, "soak")
    for name, one in (("load", load), ("soak", soak)):
        answers = _of(one, "answers")
        if set(answers) != {"202"}:
            yield f"endpoint, {name}: answers were {answers}"
        if one.get("errors in the log") != 0:
            yield f"endpoint, {name}: {one.get('errors in the log')} errors in the log"
    for name in ("p99, ms", "p99 of the sixth more, ms"):
        if not _number(load.get(name)) < P99:
            yield f"endpoint, load: {name}: {load.get(name)}"
    if load.get("and in the end") != load.get("objectives"):
        yield f"endpoint, load: {load.get('and in the end')} of {load.get('objectives')} objectives were closed"
    if soak.get("an objective afterwards") != "closed":
        yield f"endpoint, soak: an objective afterwards is {soak.get('an objective afterwards')}"
    for name in ("megabytes after each tenth", "processor milliseconds a delivery"):
        tenths = soak.get(name)
        if not isinstance(tenths, list) or len(tenths) < 3 or not _number(tenths[-1]) <= FLAT * _number(tenths[2]):
            yield f"endpoint, soak: {name} is not flat: {tenths}"


def _of(part: Mapping[str, Json], name: str) -> dict[str, Json]:
    found = part.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: Json | None) -> float:
    """What is not a number is worse than any."""
    return float(value) if isinstance(value, int | float) else float("inf")
