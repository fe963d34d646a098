"""Secrets in added text: what a maintained scanner knows, keys of model providers, and the server's own.

Only patterns that name their kind count. Entropy and words like ``password =`` find too much that is none, and a task
that is refused for nothing costs an attempt. The scanner's allow-list comments are not heeded: the agent writes the
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

OURS = "a credential of this server"
LEAST = 8
"""Characters: a shorter value of the server's is no secret, and would be found everywhere."""


class ModelKeyDetector(RegexBasedDetector):
    """The keys with which agents ask their models, which the scanner does not know."""

    secret_type = "Model provider key"
    denylist = (
        re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
        re.compile(r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{40,}"),
        re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
        re.compile(r"\bgithub_pat_[A-Za-z0-9_]{40,}"),
        re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    )


@cache
def _detectors() -> tuple[RegexBasedDetector, ...]:
    return (
        AWSKeyDetector(),
        AzureStorageKeyDetector(),
        DiscordBotTokenDetector(),
        GitHubTokenDetector(),
        JwtTokenDetector(),
        MailchimpDetector(),
        ModelKeyDetector(),
        NpmDetector(),
        PrivateKeyDetector(),
        SendGridDetector(),
        SlackDetector(),
        SquareOAuthDetector(),
        StripeDetector(),
        TwilioKeyDetector(),
    )


def leaks(added: str, own: Sequence[str] = ()) -> tuple[str, ...]:
    """The kinds of secrets in `added`, each once; the values are told to nobody. `own` are the server's."""
    found = {OURS: None} if any(len(value) >= LEAST and value in added for value in own) else {}
    kinds = {str(detector.secret_type): None for detector in _detectors() if any(detector.analyze_string(added))}
    return tuple(found | kinds)


def shown(path: str) -> str:
    """`path` for people, unless it is a secret itself."""
    return "a file with a secret for its name" if leaks(path) else path


def added_text(old: str, new: str) -> str:
    """The lines of `new` that `old` does not have, in their order."""
    known = set(_lines(old))
    return "\n".join(line for line in _lines(new) if line not in known)


def _lines(text: str) -> Iterable[str]:
    return text.split("\n")
