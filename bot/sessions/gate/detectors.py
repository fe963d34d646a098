"""The detectors of secrets: those of the scanner whose finds are worth a refusal, and one for keys of models.

The scanner can ask providers whether a key is good, so it brings an HTTP client along; nothing here asks. It takes a
tenth of a second to import, so `leaks` does that when there is something to look through.
"""

from __future__ import annotations

import re
from functools import partial

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


DETECTORS: tuple[RegexBasedDetector, ...] = (
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


def kinds_in(text: str) -> tuple[str, ...]:
    """The kinds of secrets in `text`, each once."""
    found = {str(detector.secret_type): None for detector in DETECTORS if any(detector.analyze_string(text))}
    return tuple(found)


def without_secrets(text: str, mask: str) -> str:
    """`text` with `mask` and its kind in the place of each secret."""
    for detector in DETECTORS:
        for pattern in detector.denylist:
            text = pattern.sub(partial(_masked, detector, mask), text)
    return text


def _masked(detector: RegexBasedDetector, mask: str, match: re.Match[str]) -> str:
    """A detector may look closer than its pattern does."""
    whole = match.group()
    return f"{mask} ({detector.secret_type})" if any(detector.analyze_string(whole)) else whole
