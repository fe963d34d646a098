"""Installation tokens: asked for with the App's JWT, kept until shortly before they run out.

They live an hour and look like ``ghs_…`` of any length ("Authenticating as a GitHub App installation"). The same
token serves the API and git (``x-access-token:TOKEN``).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pydantic import BaseModel

from bot.github.client import PacedClient, Request, parsed
from bot.github.clock import Clock

RENEW_BEFORE = timedelta(minutes=5)


class _Token(BaseModel):
    token: str
    expires_at: datetime


class InstallationTokens:
    """The tokens of one installation. Concurrent callers cause one request."""

    def __init__(self, app: PacedClient, installation: int, clock: Clock) -> None:
        """`app` signs as the App itself."""
        self._app = app
        self._path = f"app/installations/{installation}/access_tokens"
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: _Token | None = None

    async def token(self) -> str:
        """A token that is valid for some minutes at least. Raises NotThere (the App was uninstalled), Refused
        (suspended, or a wrong key) and Unavailable."""
        async with self._lock:
            if self._token is None or self._clock.now() > self._token.expires_at - RENEW_BEFORE:
                self._token = await self._ask()
            return self._token.token

    def forget(self, token: str) -> None:
        """The next caller gets another one than `token`."""
        if self._token is not None and self._token.token == token:
            self._token = None

    async def _ask(self) -> _Token:
        """It makes no content and may be sent twice, so it waits for no turn to write."""
        answer = await self._app.send(Request("installation token", "POST", self._path, body={}, harmless=True))
        return parsed(_Token, answer.content)
