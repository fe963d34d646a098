"""How much may be spent, and how much was: wall time, commits, turns, tokens and money, each counted for itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.model.frozen import Frozen


class Metric(StrEnum):
    """What is counted. The value is the field of `Caps` and of `Spend`."""

    USD = "usd"
    TOKENS = "tokens"
    """Read and written together, as far as the agent tells."""
    TURNS = "turns"
    """Answers of the model."""
    COMMITS = "commits"
    SECONDS = "seconds"
    """Wall time of the agent."""


class Caps(Frozen):
    """The most that may be spent; None where nothing bounds it."""

    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    commits: int | None = None
    seconds: int | None = None

    def of(self) -> Mapping[Metric, float]:
        """Those that are set."""
        values = (self.usd, self.tokens, self.turns, self.commits, self.seconds)
        return {metric: float(value) for metric, value in zip(Metric, values, strict=True) if value is not None}

    def lowered(self, caps: Mapping[Metric, float]) -> Caps:
        """The lower of each; money to a hundredth of a cent, everything else in whole numbers, at least 1."""
        least = dict(self.of())
        for metric, cap in caps.items():
            least[metric] = min(cap, least.get(metric, cap))
        whole = {m: max(1, int(cap)) for m, cap in least.items() if m is not Metric.USD}
        return Caps(
            usd=round(least[Metric.USD], 4) if Metric.USD in least else None,
            tokens=whole.get(Metric.TOKENS),
            turns=whole.get(Metric.TURNS),
            commits=whole.get(Metric.COMMITS),
            seconds=whole.get(Metric.SECONDS),
        )

    def replaced(self, other: Caps) -> Caps:
        """With what `other` sets instead."""
        return self.model_copy(update=other.model_dump(exclude_none=True))


UNBOUNDED = Caps()


def in_words(metric: Metric, value: float) -> str:
    """``$5``, ``$5.12``, ``45k tokens``, ``90 minutes``."""
    match metric:
        case Metric.USD:
            return f"${value:.0f}" if value == int(value) else f"${value:.2f}"
        case Metric.TOKENS:
            return f"{_short(value)} tokens"
        case Metric.SECONDS:
            return _counted(value / 60, "minute")
        case _:
            return _counted(value, metric.value.removesuffix("s"))


def _short(value: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            text = f"{value / size:.1f}".removesuffix(".0")
            return f"{text}{letter}"
    return f"{value:.0f}"


def _counted(value: float, what: str) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text} {what}" if text == "1" else f"{text} {what}s"
