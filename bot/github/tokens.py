"""Installation tokens: asked for with the App's JWT, kept until shortly before they run out.

They live an hour and look like ``ghs_…`` of any length ("Authenticating as a GitHub App installation"). The same
token serves the API and git (``x-access-token:TOKEN``).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pydantic import BaseModel

from bot.github.clock import Clock
from bot.github.errors import NotThere, Refused, Unavailable
from bot.github.signing import AppKey
from bot.github.wire import NoAnswer, Wire

RENEW_BEFORE = timedelta(minutes=5)


class _Token(BaseModel):
    token: str
    expires_at: datetime


class InstallationTokens:
    """The tokens of one installation. Concurrent callers cause one request."""

    def __init__(self, app: Wire, key: AppKey, installation: int, clock: Clock) -> None:
        self._app = app
        self._key = key
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
        try:
            answer = await self._key.send(self._app, "POST", self._path, body={})
        except NoAnswer as none:
            raise Unavailable(f"no installation token: {none}", self._later()) from None
        if answer.status == 404:
            raise NotThere(404, "the installation")
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"no installation token: GitHub answered {answer.status}", self._later())
        if answer.status >= 300:
            raise Refused(answer.status, f"no installation token: {answer.content[:200].decode(errors='replace')}")
        return _Token.model_validate_json(answer.content)

    def _later(self) -> datetime:
        return self._clock.now() + self._app.reach.pause()
