"""Signing as the App itself, with a JSON web token ("Generating a JSON Web Token (JWT) for a GitHub App").

GitHub takes one that was issued in its past and ends within its next ten minutes. By a machine's clock that is ten
minutes off neither holds, so the times are those of GitHub's clock. As long as it was not heard from, the first
answer (a 401 is one) tells it, and the paced client sends the request once more, with another.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import jwt
from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.github.clock import GitHubClock
from bot.github.errors import Refused

BEFORE = timedelta(minutes=1)
AFTER = timedelta(minutes=8)


@cache
def read_key(text: str) -> RSAPrivateKey:
    """The key in a PEM text. Raises Refused where it is no RSA key, or one with a password, or does not sign as GitHub
    expects it. It is the operator's own, so it is tried out, in a millisecond; to look whether its primes are primes,
    as for a stranger's, takes fifty at each start."""
    try:
        key = load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError) as error:
        raise Refused(401, f"the App's private key cannot be read: {error}") from None
    if not isinstance(key, RSAPrivateKey):
        raise Refused(401, "the App's private key is no RSA key")
    try:
        key.public_key().verify(key.sign(b"tried", PKCS1v15(), SHA256()), b"tried", PKCS1v15(), SHA256())
    except (InternalError, InvalidSignature, ValueError):
        raise Refused(401, "the App's private key is damaged: what it signs does not fit it") from None
    return key


class AppKey:
    """The App's private key, as PEM text. Raises Refused where it is no RSA key."""

    def __init__(self, app_id: int, private_key: str, clock: GitHubClock) -> None:
        self._app_id = app_id
        self._key = read_key(private_key)
        self._clock = clock

    async def token(self) -> str:
        """A JWT that is good for some minutes."""
        now = self._clock.now()
        claims = {
            "iss": str(self._app_id),
            "iat": int((now - BEFORE).timestamp()),
            "exp": int((now + AFTER).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm="RS256")

    def forget(self, token: str) -> None:
        """No JWT is kept."""
