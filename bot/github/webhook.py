"""Webhooks, without I/O: check the signature, and take the few fields that say what to look at.

A delivery is a hint and nothing else: what it says about the state of things is never believed. So the models
here hold names and numbers only, and accept whatever else GitHub adds. (githubkit's own webhook models refuse many
real payloads and cost some hundred megabytes.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated

from githubkit.webhooks import verify as signature_fits
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.model.identity import Login, RepositoryName

LARGEST_NUMBER = 2**31 - 1
"""GraphQL's ``Int``, by which issues are asked for."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about these issues, pull requests or branches may have changed. `numbers` mixes issues and pull
    requests, as GitHub numbers them together."""

    repository: RepositoryName
    installation: int | None
    sender: Login
    sender_is_bot: bool
    event: str
    action: str
    numbers: frozenset[int] = frozenset()
    branches: frozenset[str] = frozenset()
    label: str | None = None
    """The label that was set or taken away."""
    to_default_branch: bool = False
    """Whether it is a push that may have changed the repository's settings."""
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class RepositoriesChanged:
    """The App reaches other repositories now, or one has another name."""

    event: str
    action: str
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that concerns nothing of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not JSON, or not of the documented form."""

    reason: str


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Account(_Shape):
    login: str
    type: str = "User"


class _Id(_Shape):
    id: int


class _Repository(_Shape):
    full_name: str
    default_branch: str | None = None


class _Numbered(_Shape):
    number: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]


class _Head(_Shape):
    ref: str
    repo: _Repository | None = None


class _Pull(_Numbered):
    head: _Head


class _Suite(_Shape):
    head_branch: str | None = None
    pull_requests: tuple[_Numbered, ...] = ()


class _Run(_Shape):
    check_suite: _Suite | None = None
    pull_requests: tuple[_Numbered, ...] = ()


class _Branch(_Shape):
    name: str


class _Label(_Shape):
    name: str


class _Delivery(_Shape):
    """The parts of all handled events; each event has some of them."""

    action: str = ""
    repository: _Repository | None = None
    installation: _Id | None = None
    sender: _Account | None = None
    issue: _Numbered | None = None
    pull_request: _Pull | None = None
    check_run: _Run | None = None
    check_suite: _Suite | None = None
    parent_issue: _Numbered | None = None
    sub_issue: _Numbered | None = None
    blocked_issue: _Numbered | None = None
    blocking_issue: _Numbered | None = None
    ref: str | None = None
    branches: tuple[_Branch, ...] = ()
    label: _Label | None = None


@dataclass(frozen=True, slots=True)
class _Named:
    """What one delivery names."""

    numbers: Iterable[int] = ()
    branches: Iterable[str] = field(default=())


def _issue(delivery: _Delivery) -> _Named:
    return _Named(_numbers(delivery.issue))


def _linked_issues(delivery: _Delivery) -> _Named:
    return _Named(_numbers(delivery.parent_issue, delivery.sub_issue, delivery.blocked_issue, delivery.blocking_issue))


def _pull_request(delivery: _Delivery) -> _Named:
    """A fork's branch of the same name is not the repository's."""
    pull = delivery.pull_request
    if pull is None:
        return _Named()
    home = delivery.repository
    own = home is not None and pull.head.repo is not None and pull.head.repo.full_name == home.full_name
    return _Named((pull.number,), (pull.head.ref,) if own else ())


def _checks(delivery: _Delivery) -> _Named:
    run = delivery.check_run
    suite = delivery.check_suite or (run.check_suite if run else None)
    pulls = (*(run.pull_requests if run else ()), *(suite.pull_requests if suite else ()))
    return _Named(_numbers(*pulls), (suite.head_branch,) if suite and suite.head_branch else ())


def _status(delivery: _Delivery) -> _Named:
    return _Named(branches=[branch.name for branch in delivery.branches])


def _push(delivery: _Delivery) -> _Named:
    ref = delivery.ref or ""
    return _Named(branches=(ref.removeprefix("refs/heads/"),) if ref.startswith("refs/heads/") else ())


def _goes_to_default_branch(delivery: _Delivery) -> bool:
    default = delivery.repository.default_branch if delivery.repository else None
    return delivery.ref is not None and (default is None or delivery.ref == f"refs/heads/{default}")


def _nothing(delivery: _Delivery) -> _Named:
    return _Named()


EVENTS: dict[str, Callable[[_Delivery], _Named]] = {
    "check_run": _checks,
    "check_suite": _checks,
    "issue_comment": _issue,
    "issue_dependencies": _linked_issues,
    "issues": _issue,
    "pull_request": _pull_request,
    "pull_request_review": _pull_request,
    "push": _push,
    "repository": _nothing,
    "status": _status,
    "sub_issues": _linked_issues,
}
"""The events that are handled. ``app.yml`` subscribes to exactly these."""

ALWAYS_SENT = frozenset({"installation", "installation_repositories", "installation_target"})
"""Sent to every App without a subscription; each may change the set of repositories."""

RENAMING = frozenset({"created", "deleted", "renamed", "transferred"})
"""The actions of ``repository`` that change it as well."""


_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")


def could_fit(signature: str | None) -> bool:
    """Whether `signature` has the form of one. Says nothing about any body."""
    return signature is not None and _SIGNATURE.fullmatch(signature) is not None


def verify(secret: bytes, body: bytes, signature: str | None) -> bool:
    """Whether `signature` (``X-Hub-Signature-256``) is that of `body`, in constant time. SHA-1 does not count, and
    an empty secret verifies nothing."""
    if not secret or signature is None or not could_fit(signature):
        return False
    return signature_fits(secret.decode("utf-8", "surrogateescape"), body, signature)


def read(event: str, body: bytes, delivery: str = "") -> Hint | RepositoriesChanged | Ignored | Unreadable:
    """What a delivery that was verified says. Never raises."""
    if event not in EVENTS and event not in ALWAYS_SENT:
        return Ignored(f"event {event[:50]!r} is not handled")
    try:
        content = _Delivery.model_validate_json(body)
    except ValidationError as error:
        return Unreadable(_reason(error))
    if event in ALWAYS_SENT or (event == "repository" and content.action in RENAMING):
        return RepositoriesChanged(event, content.action, delivery)
    if content.repository is None or content.sender is None:
        return Unreadable("the body names no repository or no sender")
    try:
        repository = RepositoryName.parse(content.repository.full_name)
    except ValueError as error:
        return Unreadable(str(error))
    named = EVENTS[event](content)
    return Hint(
        repository=repository,
        installation=content.installation.id if content.installation else None,
        sender=Login(content.sender.login),
        sender_is_bot=content.sender.type == "Bot",
        event=event,
        action=content.action,
        numbers=frozenset(named.numbers),
        branches=frozenset(named.branches),
        label=content.label.name if content.label else None,
        to_default_branch=_goes_to_default_branch(content),
        delivery=delivery,
    )


def _numbers(*parts: _Numbered | None) -> tuple[int, ...]:
    return tuple(part.number for part in parts if part is not None)


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"the body is not what GitHub documents: {where + ': ' if where else ''}{first['msg']}"
