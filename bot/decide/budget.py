"""What may still be spent by a task, by its objective, and in the repository today.

Spend is what the ledger's sessions had cost when they ended, so it survives whatever happens to a server. A session
that runs is granted a part of what is left, in the push that claims it; until it ends, all of that counts as reserved.
So sessions side by side cannot spend together what only one of them may; an agent overshoots its own part by a call of
its model at most. What is left of the objective and of the day is shared among the tasks that could run at once.

Where a task or an objective has spent its budget a person is asked once; the question is withdrawn as soon as more
is granted, by `/budget` or by the settings. Where the day has, nothing starts before midnight UTC. What is done is
reviewed only where that can be paid, and merged in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from bot.decide.situation import Situation
from bot.model.budget import Caps, Metric, in_words
from bot.model.session import SessionRecord

_LEAST = {Metric.USD: 0.005, Metric.SECONDS: 1.0}
"""Less than that is nothing; of everything else less than one."""

Amounts = Mapping[Metric, float]


class Level(StrEnum):
    TASK = "task"
    OBJECTIVE = "objective"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Overdrawn:
    """A budget that is spent."""

    level: Level
    metric: Metric
    cap: float
    spent: float

    @property
    def text(self) -> str:
        """``its budget of $5 is spent ($5.12)``."""
        whose = "the day's budget" if self.level is Level.DAY else "its budget"
        return f"{whose} of {in_words(self.metric, self.cap)} is spent ({in_words(self.metric, self.spent)})"

    def question(self, where: str) -> str:
        """What a person is asked; the command is to be written on `where`."""
        more = in_words(self.metric, max(2 * self.cap, 1.5 * self.spent)).removeprefix("$")
        return f"{self.text}; `/budget {more}` on {where} continues it"


@dataclass(frozen=True, slots=True)
class Account:
    """One budget: what may be spent, what is spent, and what running sessions may still spend."""

    level: Level
    caps: Amounts
    spent: Amounts
    reserved: Amounts

    def overdrawn(self) -> Overdrawn | None:
        for metric, cap in self.caps.items():
            if cap - self.spent.get(metric, 0.0) < _LEAST.get(metric, 1.0):
                return Overdrawn(self.level, metric, cap, self.spent.get(metric, 0.0))
        return None

    def left(self, metric: Metric) -> float:
        return self.caps[metric] - self.spent.get(metric, 0.0) - self.reserved.get(metric, 0.0)


def grant(situation: Situation, key: str | None, shares: int) -> Caps | None:
    """What the next session of task `key` (of the planner, for None) may spend, where `shares` could start now; None
    where nothing is left for it."""
    most: dict[Metric, float] = {}
    for account in _accounts(situation, key):
        for metric in account.caps:
            least, left = _LEAST.get(metric, 1.0), account.left(metric)
            if left < least:
                return None
            share = left if account.level is Level.TASK else max(least, left / max(1, shares))
            most[metric] = min(share, most.get(metric, share))
    return situation.config.budget.session.caps().lowered(most)


def overdrawn(situation: Situation, key: str | None) -> Overdrawn | None:
    """The budget of task `key`, or (None) of the objective, if it is spent."""
    level = Level.OBJECTIVE if key is None else Level.TASK
    return next((a.overdrawn() for a in _accounts(situation, key) if a.level is level), None)


def why_nothing_starts(situation: Situation, key: str | None) -> str | None:
    """Why the next session of task `key` has to wait for its budget, if so."""
    accounts = [account for account in _accounts(situation, key) if account.caps]
    for account in accounts:
        if (found := account.overdrawn()) is not None:
            return f"waits until midnight UTC: {found.text}" if account.level is Level.DAY else f"waits: {found.text}"
    for account in accounts:
        for metric, cap in account.caps.items():
            if account.left(metric) < _LEAST.get(metric, 1.0):
                whose = "the day's budget" if account.level is Level.DAY else "the budget"
                return f"waits for what the running sessions leave of {whose} of {in_words(metric, cap)}"
    return None


def day_ends(situation: Situation) -> datetime | None:
    """When the next day begins, where today's budget is spent or reserved."""
    account = _day(situation)
    if all(account.left(metric) >= _LEAST.get(metric, 1.0) for metric in account.caps):
        return None
    today = situation.now.astimezone(UTC).date()
    return datetime.combine(today + timedelta(days=1), time(tzinfo=UTC))


def caps_of(situation: Situation, key: str | None) -> Caps:
    """The budget of task `key`, or of the objective."""
    budget = situation.config.budget
    configured = budget.objective.caps() if key is None else budget.task.caps()
    return configured.replaced(situation.ledger.record(key).budget)


def spent_by(sessions: Iterable[SessionRecord]) -> dict[Metric, float]:
    """What they cost together, each metric for itself; those that run still cost nothing."""
    total: dict[Metric, float] = {}
    for session in sessions:
        for metric, value in session.spend.of().items():
            total[metric] = total.get(metric, 0.0) + value
    return total


def reserved_by(sessions: Iterable[SessionRecord]) -> dict[Metric, float]:
    """What those of them that run may still spend."""
    total: dict[Metric, float] = {}
    for session in sessions:
        for metric, value in session.granted.of().items() if session.outcome is None else ():
            total[metric] = total.get(metric, 0.0) + value
    return total


def of_day(sessions: Iterable[SessionRecord], now: datetime) -> Iterator[SessionRecord]:
    """Those that ended on the day of `now` (UTC), and those that run."""
    today = now.astimezone(UTC).date()
    for session in sessions:
        if session.ended_at is None or session.ended_at.astimezone(UTC).date() == today:
            yield session


def spend_text(situation: Situation) -> str | None:
    """``$1.20 of $5, 45k tokens``, where anything was spent that costs. Money that no agent told is named."""
    reckoned = sum(session.spend.reckoned_usd or 0.0 for session in situation.ledger.sessions)
    spent, caps = spent_by(situation.ledger.sessions), caps_of(situation, None).of()
    shown = []
    for metric in Metric:
        costs = metric in (Metric.USD, Metric.TOKENS) or metric in caps
        if not costs or not spent.get(metric):
            continue
        words = f"${spent[metric]:.2f}" if metric is Metric.USD else in_words(metric, spent[metric])
        if metric is Metric.USD and reckoned:
            words += f" (${reckoned:.2f} of it by list prices)"
        if metric in caps:
            words += f" of {f'${caps[metric]:.2f}' if metric is Metric.USD else in_words(metric, caps[metric])}"
        shown.append(words)
    return ", ".join(shown) or None


def _accounts(situation: Situation, key: str | None) -> list[Account]:
    """Those that a session of task `key` is paid from."""
    ledger = situation.ledger
    keys = [None] if key is None else [key, None]
    accounts = []
    for one in keys:
        caps = caps_of(situation, one).of()
        sessions = (ledger.sessions if one is None else ledger.sessions_of(one)) if caps else ()
        level = Level.OBJECTIVE if one is None else Level.TASK
        accounts.append(Account(level, caps, spent_by(sessions), reserved_by(sessions)))
    return [*accounts, _day(situation)]


def _day(situation: Situation) -> Account:
    caps = situation.config.budget.day.caps().of()
    today = list(of_day(situation.ledger.sessions, situation.now)) if caps else []
    elsewhere = situation.snapshot.elsewhere
    spent, reserved = spent_by(today), reserved_by(today)
    return Account(Level.DAY, caps, _sum(spent, elsewhere.spent), _sum(reserved, elsewhere.reserved))


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return {metric: one.get(metric, 0.0) + other.get(metric, 0.0) for metric in Metric}
