"""What can be set about a hub: its limits and its faults."""

from dataclasses import dataclass, field
from enum import Enum


@dataclass(slots=True)
class Limits:
    """GitHub's numbers ("Rate limits for the REST API", "… GraphQL API"). `enforced=False` only counts."""

    enforced: bool = True
    primary_per_hour: int = 5_000
    """Requests (REST) and, counted apart, points (GraphQL) of one installation or user."""
    concurrent: int = 100
    rest_points_per_minute: int = 900
    graphql_points_per_minute: int = 2_000
    content_per_minute: int = 80
    content_per_hour: int = 500
    webhook_timeout: float = 10.0
    """Seconds a receiver has to answer a delivery."""


@dataclass(slots=True)
class BadGateway:
    """Answer 502 to the next `times` requests whose "METHOD path" matches `pattern` (a regular expression)."""

    pattern: str
    times: int = 1
    after_write: bool = False
    """True: the request is carried out first, and only its answer is lost."""


@dataclass(slots=True)
class WebhookFaults:
    """Probabilities (0 to 1) for each delivery, drawn from a generator seeded with `seed`."""

    seed: int = 0
    lose: float = 0.0
    """Lost for good: never sent, in no log, and nobody can have it redelivered."""
    fail: float = 0.0
    """Sent, but the receiver is not reached: it is in the log as failed, and can be redelivered (or fail again)."""
    repeat: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 1.0
    delay_varies: bool = False
    """Each delay is drawn anew, from none to `delay_seconds`, so that deliveries arrive in any order."""
    reorder: float = 0.0
    """A delivery that is reordered waits until the next one has gone out (or `delay_seconds` passed)."""


class Outage(Enum):
    """How all of GitHub is down, git included. That nobody listens any more is for `Address.door` to play."""

    BAD_GATEWAY = "every request is answered 502"
    SILENCE = "no request is ever answered"


@dataclass(slots=True)
class Faults:
    """What goes wrong on purpose. All off at first; may be changed at any time."""

    webhooks: WebhookFaults = field(default_factory=WebhookFaults)
    outage: Outage | None = None
    bad_gateways: list[BadGateway] = field(default_factory=list)
    bad_gateway_probability: float = 0.0
    bad_gateway_after_probability: float = 0.0
    seed: int = 0
    """For the two probabilities above, and for reads that lag differently."""
    secondary_limit_hits: int = 0
    """The next so many requests are answered with the secondary limit's 403."""
    secondary_limit_retry_after: int | None = 60
    """Seconds for `retry-after`; None leaves the header out, as GitHub sometimes does."""
    expired_tokens: int = 0
    """The next so many requests with an installation token are answered 401, and that token is revoked."""
    tokens_expired_for_git: int = 0
    """The next so many fetches and pushes are admitted, and then find their token expired: 401 to the request that
    brings or takes the objects."""
    base_modified: int = 0
    """The next so many merges are answered 405 "Base branch was modified"."""
    partial_answers: int = 0
    """The next so many GraphQL queries are answered with one root field lost: null, and an error beside it."""
    read_lag: float = 0.0
    """Seconds by which reads lag behind writes."""
    read_lag_varies: bool = False
    """Each read comes from another replica, which lags by a time from none to `read_lag`: what one read showed, the
    next may not show yet."""
    mergeable_unknown_asks: int = 1
    """How often `mergeable` is answered null after a change before it is known. 0: known at once."""


@dataclass(slots=True)
class HubSettings:
    """The settings of a hub."""

    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    max_body: int = 65_536
    max_title: int = 256
    max_labels: int = 100
    max_annotations: int = 50
    max_sub_issues: int = 100
    max_sub_issue_depth: int = 8
    max_dependencies: int = 50
