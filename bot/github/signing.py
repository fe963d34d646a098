"""Signing as the App itself, with a JSON web token ("Generating a JSON Web Token (JWT) for a GitHub App").

GitHub takes one that was issued in its past and ends within its next ten minutes. By a machine's clock that is ten
minutes off neither holds, so the times are those of GitHub's clock. As long as it was not heard from, the first
answer (a 401 is one) tells it, and the paced client sends the request once more, with another.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.github.clock import GitHubClock
from bot.github.errors import Refused

BEFORE = timedelta(minutes=1)
AFTER = timedelta(minutes=8)


@cache
def read_key(text: str) -> RSAPrivateKey:
    """The key in a PEM text; read once, since its primes are checked, which takes long. Raises Refused where it is no
    RSA key, or one with a password."""
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError) as error:
        raise Refused(401, f"the App's private key cannot be read: {error}") from None
    if not isinstance(key, RSAPrivateKey):
        raise Refused(401, "the App's private key is no RSA key")
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
