"""Counting what everybody asks for as GitHub counts it, and refusing beyond its limits.

Numbers and words from "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL
API": an hourly primary limit, REST requests and GraphQL points apart; secondary limits on concurrency, on
points a minute (reads 1, writes 5) and on requests that create content. The hub's clock decides.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot.localhub.model.clock import Clock
from bot.localhub.model.errors import Forbidden
from bot.localhub.model.settings import Limits

Resource = Literal["core", "graphql"]
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of Service"
)
ANONYMOUS = "anonymous"
ANONYMOUS_PER_HOUR = 60


class RateLimited(Forbidden):
    """403 with the headers that say until when."""

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = dict(headers)


@dataclass
class Usage:
    """What was asked, by kind. Grows only; take a copy to compare."""

    rest: Counter[str] = field(default_factory=Counter)
    """Requests by "METHOD /route/{template}"."""
    graphql: Counter[str] = field(default_factory=Counter)
    """Requests by operation name."""
    git: Counter[str] = field(default_factory=Counter)
    """`fetch` and `push` requests that did work, and `refs` advertisements."""
    graphql_costs: Counter[str] = field(default_factory=Counter)
    """Points of the hourly limit by operation name."""
    secondary: Counter[str] = field(default_factory=Counter)
    """Points of the limit a minute, reads 1 and writes 5, by the names of `rest` and of `graphql`."""
    content_creating: Counter[str] = field(default_factory=Counter)
    not_modified: int = 0
    """304 answers; they cost nothing."""
    refused: int = 0
    """Requests over a limit."""

    @property
    def rest_requests(self) -> int:
        return self.rest.total()

    @property
    def graphql_points(self) -> int:
        return self.graphql_costs.total()

    @property
    def secondary_points(self) -> int:
        return self.secondary.total()

    @property
    def content_requests(self) -> int:
        return self.content_creating.total()

    @property
    def rest_writes(self) -> int:
        return sum(count for name, count in self.rest.items() if not name.startswith(("GET ", "HEAD ")))


@dataclass(frozen=True)
class Budget:
    """An hourly budget as the `x-ratelimit-*` headers and `/rate_limit` tell it."""

    resource: Resource
    limit: int
    used: int
    reset_at: datetime

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(int(self.reset_at.timestamp())),
            "x-ratelimit-resource": self.resource,
        }


class _Window:
    """What was spent within the last `span`."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._spent: deque[tuple[datetime, int]] = deque()
        self._total = 0

    def total(self, now: datetime) -> int:
        while self._spent and self._spent[0][0] <= now - self._span:
            self._total -= self._spent.popleft()[1]
        return self._total

    def spend(self, now: datetime, amount: int) -> None:
        self._spent.append((now, amount))
        self._total += amount

    def free_in(self, now: datetime) -> int:
        """Seconds until the oldest spending is forgotten, at least one."""
        if not self._spent:
            return 1
        return max(1, int((self._spent[0][0] + self._span - now).total_seconds()) + 1)


class _Account:
    """The windows of one actor."""

    def __init__(self) -> None:
        self.used: dict[Resource, int] = {"core": 0, "graphql": 0}
        self.reset: dict[Resource, datetime] = {}
        self.minute: dict[Resource, _Window] = {
            "core": _Window(timedelta(minutes=1)),
            "graphql": _Window(timedelta(minutes=1)),
        }
        self.content_minute = _Window(timedelta(minutes=1))
        self.content_hour = _Window(timedelta(hours=1))
        self.concurrent = 0
        self.per_hour: int | None = None


class Meter:
    """Counts and refuses."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._accounts: dict[str, _Account] = {}
        self.usage = Usage()
        """Everybody's."""
        self.usage_by_actor: dict[str, Usage] = {}
        """By `Actor.actor_id`."""

    def usage_of(self, actor_id: str) -> Usage:
        """What one actor asked for."""
        return self.usage_by_actor.setdefault(actor_id, Usage())

    def scale(self, actor_id: str, repositories: int) -> None:
        """An installation gets 50 more an hour for each repository above 20, up to 12,500."""
        more = 50 * max(0, repositories - 20)
        self._account(actor_id).per_hour = max(
            self._limits.primary_per_hour, min(12_500, self._limits.primary_per_hour + more)
        )

    def budget(self, actor_id: str, resource: Resource) -> Budget:
        """What is left this hour."""
        account, now = self._account(actor_id), self._clock.now()
        if resource not in account.reset or account.reset[resource] <= now:
            account.reset[resource], account.used[resource] = now + timedelta(hours=1), 0
        limit = account.per_hour or self._limits.primary_per_hour
        if actor_id == ANONYMOUS:
            limit = ANONYMOUS_PER_HOUR
        return Budget(resource, limit, account.used[resource], account.reset[resource])

    @contextmanager
    def concurrently(self, actor_id: str) -> Iterator[None]:
        """Counts a request while it runs; refuses the one beyond the limit."""
        account = self._account(actor_id)
        account.concurrent += 1
        try:
            if self._limits.enforced and account.concurrent > self._limits.concurrent:
                self._refuse(actor_id, 60)
            yield
        finally:
            account.concurrent -= 1

    def charge_rest(self, actor_id: str, method: str, route: str, *, content: bool = False) -> None:
        """Count a REST request; RateLimited when it is one too many."""
        read = method in ("GET", "HEAD", "OPTIONS")
        name = f"{method} {route}"
        self._charge(actor_id, "core", name, 1, 1 if read else 5, [name] if content else [])
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.rest[name] += 1

    def charge_graphql(
        self, actor_id: str, operation: str, points: int, *, mutations: int = 0, content: tuple[str, ...] = ()
    ) -> None:
        """Count a GraphQL request of so many points. `content`: the content-creating mutations in it."""
        self._charge(actor_id, "graphql", operation, points, 5 if mutations else 1, list(content))
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.graphql[operation] += 1
            usage.graphql_costs[operation] += points

    def count_git(self, actor_id: str, kind: Literal["refs", "fetch", "push"]) -> None:
        """Count a request of git's."""
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.git[kind] += 1

    def forgive(self, actor_id: str) -> None:
        """The request was answered 304: give its primary point back."""
        account = self._account(actor_id)
        account.used["core"] = max(0, account.used["core"] - 1)
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.not_modified += 1

    def secondary_refusal(self, retry_after: int | None) -> RateLimited:
        """The 403 of a secondary limit."""
        return RateLimited(SECONDARY, {"retry-after": str(retry_after)} if retry_after is not None else {})

    def _account(self, actor_id: str) -> _Account:
        return self._accounts.setdefault(actor_id, _Account())

    def _refuse(self, actor_id: str, retry_after: int) -> None:
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.refused += 1
        raise self.secondary_refusal(retry_after)

    def _charge(self, actor_id: str, resource: Resource, name: str, cost: int, points: int, content: list[str]) -> None:
        account, now, limits = self._account(actor_id), self._clock.now(), self._limits
        budget = self.budget(actor_id, resource)
        per_minute = limits.rest_points_per_minute if resource == "core" else limits.graphql_points_per_minute
        if limits.enforced:
            if budget.remaining < cost:
                self.usage.refused += 1
                self.usage_of(actor_id).refused += 1
                kind, _, name = actor_id.partition(":")
                raise RateLimited(f"API rate limit exceeded for {kind} ID {name}.", budget.headers)
            minute = account.minute[resource]
            if minute.total(now) + points > per_minute:
                self._refuse(actor_id, minute.free_in(now))
            if content and account.content_minute.total(now) + len(content) > limits.content_per_minute:
                self._refuse(actor_id, account.content_minute.free_in(now))
            if content and account.content_hour.total(now) + len(content) > limits.content_per_hour:
                self._refuse(actor_id, account.content_hour.free_in(now))
        account.used[resource] += cost
        account.minute[resource].spend(now, points)
        account.content_minute.spend(now, len(content))
        account.content_hour.spend(now, len(content))
        for usage in (self.usage, self.usage_of(actor_id)):
            usage.secondary[name] += points
            usage.content_creating.update(content)
