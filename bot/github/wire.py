"""One long-lived connection pool that speaks githubkit.

githubkit keeps its httpx client in a ContextVar, which another task does not see; it would then open a new
connection for each request. So the client is ours, and githubkit is told to use it. Its retries are off (they
repeat a POST after a 5xx), its token cache is not used (process-global, keyed without the base URL), and none of
its generated models are touched (they cost up to 300 MB).

Redirects are not followed: httpx would turn a redirected POST into a GET.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Self

import httpx
from githubkit import GitHubCore
from githubkit.auth import BaseAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.exception import RequestError, RequestFailed
from pydantic import JsonValue

from bot.github.reach import Reach

API_VERSION = "2022-11-28"
USER_AGENT = "crewline"
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-github-request-id")


def trust_for(address: str) -> ssl.SSLContext:
    """What is trusted on the way to `address`: the certificates of the machine, or of ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR``; none where the way is not encrypted (a localhub), since they take long to read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if address.startswith("http:") else _certificates()


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class NoAnswer(Exception):
    """No answer came. `sent` says whether the request may have reached GitHub."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class _Kit(GitHubCore[BaseAuthStrategy]):
    """githubkit over a client that it does not own."""

    def __init__(
        self, auth: BaseAuthStrategy, base_url: str, timeout: float, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        # A cache of its own: githubkit's default one is shared by the whole process and knows no base URL.
        cache = MemCacheStrategy()
        super().__init__(
            auth, base_url=base_url, auto_retry=False, http_cache=False, timeout=timeout, cache_strategy=cache
        )
        self.client = httpx.AsyncClient(
            auth=auth.get_auth_flow(self),
            base_url=self.config.base_url,
            headers={
                "user-agent": USER_AGENT,
                "accept": "application/vnd.github+json",
                "x-github-api-version": API_VERSION,
            },
            timeout=self.config.timeout,
            follow_redirects=False,
            transport=transport,
            verify=trust_for(base_url),
        )

    @asynccontextmanager
    async def get_async_client(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        yield self.client


class Wire:
    """Sends one request and gives its answer back, whatever the status. `timeout` is in seconds for each step.
    `transport` carries the requests; the network where it is None. `reach` is told what came of them."""

    def __init__(
        self,
        auth: BaseAuthStrategy,
        base_url: str,
        *,
        timeout: float = ANSWER_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
        reach: Reach | None = None,
    ) -> None:
        self.reach = reach or Reach()
        self._kit = _Kit(auth, base_url, timeout, transport)
        self._graphql = _graphql_url(base_url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._kit.client.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JsonValue = None,
        token: str | None = None,
    ) -> Exchange:
        """`path` is relative to the REST interface's root, without a slash in front. Without a token the wire signs by
        its own `auth`. Raises NoAnswer."""
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        sent = self.reach.clock.machine.now()
        try:
            url = self._graphql if path == "graphql" else path
            answer = await self._kit.arequest(method, url, params=params, content=content, headers=headers)
        except RequestFailed as failed:
            answer = failed.response
        except RequestError as failed:
            unsent = isinstance(failed.exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            self.reach.silent(type(failed.exc).__name__)
            raise NoAnswer(f"{type(failed.exc).__name__}: {failed.exc}", not unsent) from failed
        exchange = Exchange(answer.status_code, dict(answer.headers), answer.content)
        self.reach.answered(exchange.status, exchange.headers, sent)
        return exchange


def _graphql_url(base_url: str) -> str:
    """Where GraphQL lives: beside REST on github.com, at ``/api/graphql`` on an Enterprise host (``/api/v3``)."""
    base = base_url.rstrip("/")
    return base.removesuffix("v3") + "graphql" if base.endswith("/api/v3") else f"{base}/graphql"
