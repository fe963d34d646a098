"""`/budget amount`: how much may be spent."""

from __future__ import annotations

import re

from bot.decide.budget import caps_of, spent_by
from bot.decide.commands.command import CommandRule, Done, Refused, Request
from bot.decide.situation import Situation
from bot.model.budget import Caps, Metric, in_words

_AMOUNT = re.compile(
    r"^\$?(?P<number>\d{1,12}(?:\.\d{1,4})?)(?P<size>[kM]?)\s*"
    r"(?P<unit>\$|usd|dollars?|tokens?|turns?|commits?|minutes?|hours?)?$",
    re.IGNORECASE,
)
_SIZES = {"": 1, "k": 1_000, "m": 1_000_000}
_UNITS = {"token": Metric.TOKENS, "turn": Metric.TURNS, "commit": Metric.COMMITS}
GRAMMAR = (
    "say how much may be spent in all: `/budget 10` (dollars), `/budget 500k tokens`, `/budget 90 minutes`, "
    "`/budget 50 turns`, `/budget 20 commits`; `/budget default` goes back to the settings."
)


def read_amount(text: str) -> Caps | None:
    """One amount as people type it; None where it is none."""
    match = _AMOUNT.match(text.strip())
    if match is None:
        return None
    amount = float(match["number"]) * _SIZES[match["size"].lower()]
    unit = (match["unit"] or "usd").lower()
    metric = _UNITS.get(unit.rstrip("s"), Metric.USD)
    if unit.startswith(("minute", "hour")):
        metric, amount = Metric.SECONDS, amount * (60 if unit.startswith("minute") else 3600)
    elif unit not in ("usd", "$", "dollar", "dollars") and metric is Metric.USD:
        return None
    if amount < (0.01 if metric is Metric.USD else 1):
        return None
    return Caps().lowered({metric: amount})


def _budget(situation: Situation, request: Request) -> Done | Refused:
    ledger, key = situation.ledger, request.task
    if request.argument.strip().lower() == "default":
        ledger = ledger.allow(key, Caps())
        return Done(situation.recording(ledger, f"{key or 'objective'}: its budget is that of the settings"))
    granted = read_amount(request.argument)
    if granted is None:
        return Refused(GRAMMAR)
    ((metric, cap),) = granted.of().items()
    spent = spent_by(ledger.sessions if key is None else ledger.sessions_of(key)).get(metric, 0.0)
    if cap <= spent:
        words = in_words(metric, spent)
        return Refused(f"{words} are spent already: say more than that, since `/budget` says how much in all.")
    ledger = ledger.allow(key, ledger.record(key).budget.replaced(granted))
    situation = situation.recording(ledger, f"{key or 'objective'}: its budget is {in_words(metric, cap)}")
    above = caps_of(situation, None).of().get(metric) if key is not None else None
    reply = None
    if above is not None and above < cap:
        reply = f"granted; but the whole objective may spend only {in_words(metric, above)}."
    return Done(situation, reply)


BUDGET = CommandRule(
    name="budget",
    arguments="amount",
    text="How much may be spent in all, on the task or, where it stands on the objective, on the whole of it: "
    "`/budget 10` (dollars), `/budget 500k tokens`, `/budget 90 minutes`. What waits because its budget is spent goes "
    "on. `/budget default` goes back to the settings.",
    carry_out=_budget,
)
