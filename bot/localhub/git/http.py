"""git over HTTP: `git upload-pack` and `git receive-pack` behind the hub's tokens.

What `git http-backend` would put around them (gitprotocol-http(5)) is put around them here: it is little, and
one process less for each request.

Fetches are streamed. A push is streamed in while `writing` is held, its answer (a short report) is kept
back until the push was told to the world, and the reasons of refused refs are put in GitHub's words: git
itself only knows "hook declined".
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import IO, Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.localhub.authentication import Caller, authenticate
from bot.localhub.git.hooks import Policy
from bot.localhub.git.offer import capabilities_of, push_offer
from bot.localhub.git.report import FLUSH, packet, with_reasons
from bot.localhub.model.actor import Level, Role, require, require_sight
from bot.localhub.model.errors import Forbidden, HubError, NotFound, Unauthorized
from bot.localhub.model.hub import Hub
from bot.localhub.model.push import moves_between, refs_moved
from bot.localhub.model.refs import may_change_workflows, protected
from bot.localhub.model.repository import Repository

CHUNK = 64 * 1024
LARGE = 4_000_000
"""Bytes of a push from which it is kept on the disk until it was judged."""
Service = Literal["git-upload-pack", "git-receive-pack"]
WHO = {"GIT_COMMITTER_NAME": "localhub", "GIT_COMMITTER_EMAIL": "localhub@http.invalid"}


class _Service:
    """One run of `git upload-pack` or `git receive-pack`, as `git http-backend` runs them."""

    def __init__(self, process: asyncio.subprocess.Process, unzip: bool) -> None:
        self.process = process
        self._unzip = zlib.decompressobj(wbits=31) if unzip else None

    @classmethod
    async def start(
        cls, repository: Repository, request: Request, service: Service, env: Mapping[str, str], *flags: str
    ) -> "_Service":
        protocol = request.headers.get("git-protocol")
        process = await asyncio.create_subprocess_exec(
            "git",
            service.removeprefix("git-"),
            "--stateless-rpc",
            *flags,
            ".",
            cwd=repository.git.path,
            env={**repository.git.env, **({"GIT_PROTOCOL": protocol} if protocol else {}), **WHO, **env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process, unzip=request.headers.get("content-encoding") in ("gzip", "x-gzip"))

    async def feed(self, request: Request, kept: IO[bytes] | None = None) -> None:
        """Pass the body on, to its end, and write it to `kept` as well."""
        stdin = self.process.stdin
        assert stdin is not None
        try:
            async for chunk in request.stream():
                plain = self._unzip.decompress(chunk) if self._unzip is not None else chunk
                if kept is not None:
                    kept.write(plain)
                stdin.write(plain)
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError, zlib.error):
            pass
        finally:
            stdin.close()

    async def feed_again(self, kept: IO[bytes]) -> None:
        """Pass on what was kept of a body."""
        stdin = self.process.stdin
        assert stdin is not None
        try:
            while chunk := kept.read(CHUNK):
                stdin.write(chunk)
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            stdin.close()

    async def body(self) -> AsyncIterator[bytes]:
        """Its output; reaps it at the end."""
        assert self.process.stdout is not None
        try:
            while chunk := await self.process.stdout.read(CHUNK):
                yield chunk
        finally:
            await self.end()

    async def end(self) -> None:
        """See that it has ended."""
        if self.process.returncode is None and self.process.stdout is not None and not self.process.stdout.at_eof():
            self.process.kill()
        await self.process.wait()


class GitFace:
    """The three addresses of smart HTTP, with and without `.git`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._fetch_offer: bytes | None = None
        self._push_capabilities: bytes | None = None

    def routes(self) -> list[BaseRoute]:
        """To be mounted before the pages."""
        return [
            Route("/{owner}/{repo}/info/refs", self.info_refs, methods=["GET"]),
            Route("/{owner}/{repo}/git-upload-pack", self.upload_pack, methods=["POST"]),
            Route("/{owner}/{repo}/git-receive-pack", self.receive_pack, methods=["POST"]),
        ]

    async def info_refs(self, request: Request) -> Response:
        """Advertise refs for a fetch or a push."""
        asked = request.query_params.get("service", "")
        if asked not in ("git-upload-pack", "git-receive-pack"):
            return _refusal(403, "Please upgrade your git client.")
        service: Service = "git-upload-pack" if asked == "git-upload-pack" else "git-receive-pack"
        try:
            repository, caller = self._admit(request, push=service == "git-receive-pack")
        except HubError as error:
            return _refused(error)
        self._hub.meter.count_git(caller.charged, "refs")
        content = await self._offer(repository, request, service)
        if "version=2" not in request.headers.get("git-protocol", ""):
            content = packet(f"# service={service}\n".encode()) + FLUSH + content
        return Response(content, 200, _headers(service, "advertisement"))

    async def _offer(self, repository: Repository, request: Request, service: Service) -> bytes:
        """What git says first. In version 2 a fetch's is the same for every repository of ours; a push's is made of
        the refs. The rest is asked of git."""
        protocol = request.headers.get("git-protocol", "")
        if service == "git-upload-pack" and protocol == "version=2" and self._fetch_offer is not None:
            return self._fetch_offer
        if service == "git-receive-pack" and "version=1" not in protocol and self._push_capabilities is not None:
            return push_offer(await repository.git.refs(), self._push_capabilities)
        backend = await _Service.start(repository, request, service, {}, "--http-backend-info-refs")
        assert backend.process.stdin is not None
        backend.process.stdin.close()
        content = b"".join([chunk async for chunk in backend.body()])
        if service == "git-upload-pack" and protocol == "version=2" and content.startswith(packet(b"version 2\n")):
            self._fetch_offer = content
        if service == "git-receive-pack" and "version=1" not in protocol:
            self._push_capabilities = capabilities_of(content)
        return content

    async def upload_pack(self, request: Request) -> Response:
        """A fetch."""
        try:
            self._expire_token(request)
            repository, caller = self._admit(request, push=False)
        except HubError as error:
            return _refused(error)
        self._hub.meter.count_git(caller.charged, "fetch")
        backend = await _Service.start(repository, request, "git-upload-pack", {})
        try:
            await backend.feed(request)
        except BaseException:
            await backend.end()
            raise
        return StreamingResponse(backend.body(), 200, _headers("git-upload-pack", "result"))

    async def receive_pack(self, request: Request) -> Response:
        """A push: refs before, git, refs after, and what follows from the difference."""
        try:
            self._expire_token(request)
            repository, caller = self._admit(request, push=True)
        except HubError as error:
            return _refused(error)
        actor = caller.actor
        assert actor is not None
        self._hub.meter.count_git(caller.charged, "push")
        git = repository.git
        with TemporaryDirectory(prefix="push-", dir=self._hub.directory) as scratch:
            policy = await self._policy(repository, caller, Path(scratch))
            async with git.writing:
                before = await git.refs()
                with SpooledTemporaryFile(LARGE, dir=scratch) as kept:
                    try:
                        content = await self._receive(repository, request, policy, kept)
                    except BaseException:
                        git.refs_written()
                        raise
                    refs = policy.refs()
                    if policy.suspicious or refs is None:
                        git.refs_written()
                    else:
                        git.pushed(before, refs)
                moves = moves_between(before, await git.refs())
                await refs_moved(repository, actor, moves)
            refused = policy.refused()
        if refused:
            content = with_reasons(content, refused)
        return Response(content, 200, _headers("git-receive-pack", "result"))

    async def _receive(self, repository: Repository, request: Request, policy: Policy, kept: IO[bytes]) -> bytes:
        """Git's report. What the look at all refs finds suspicious is put to it again, to be judged ref by ref."""
        hooks = repository.git.hooks
        backend = await _Service.start(repository, request, "git-receive-pack", policy.environment(hooks, "all"))
        try:
            await backend.feed(request, kept)
            content = b"".join([chunk async for chunk in backend.body()])
        except BaseException:
            await backend.end()
            raise
        if not policy.suspicious:
            return content
        backend = await _Service.start(repository, request, "git-receive-pack", policy.environment(hooks, "each"))
        kept.seek(0)
        try:
            await backend.feed_again(kept)
            return b"".join([chunk async for chunk in backend.body()])
        except BaseException:
            await backend.end()
            raise

    async def _policy(self, repository: Repository, caller: Caller, scratch: Path) -> Policy:
        assert caller.actor is not None
        branches = await repository.git.refs("refs/heads/")
        return Policy(
            scratch,
            tuple(name for name in branches if protected(repository, name.removeprefix("refs/heads/"))),
            may_change_workflows(caller.actor, repository),
            branches.get(f"refs/heads/{repository.default_branch}", ""),
        )

    def _expire_token(self, request: Request) -> None:
        """The fault of a token that runs out between the two requests of a fetch or a push."""
        if self._hub.faults.tokens_expired_for_git > 0:
            self._hub.faults.tokens_expired_for_git -= 1
            actor = authenticate(self._hub, request.headers.get("authorization")).actor
            tokens = self._hub.installation_tokens
            for token in [token for token, known in tokens.items() if known.actor == actor]:
                del tokens[token]

    def _admit(self, request: Request, *, push: bool) -> tuple[Repository, Caller]:
        name = f"{request.path_params['owner']}/{str(request.path_params['repo']).removesuffix('.git')}"
        caller = authenticate(self._hub, request.headers.get("authorization"))
        repository = self._hub.find_repository(name) or self._hub.renamed_repository(name)
        actor = caller.actor
        if actor is None and (push or repository is None or repository.private):
            raise Unauthorized("Authentication required")
        if repository is None:
            raise NotFound("Repository not found.")
        require_sight(actor, repository)
        if actor is not None:
            level = Level.WRITE if push else Level.READ
            role = Role.WRITE if push else Role.READ
            try:
                require(actor, repository, role=role, permissions=("contents",), level=level)
            except Forbidden as error:
                words = f"Permission to {repository.full_name}.git denied to {actor.account.login}."
                raise Forbidden(words) from error
        return repository, caller


def _headers(service: Service, what: Literal["advertisement", "result"]) -> dict[str, str]:
    return {
        "content-type": f"application/x-{service}-{what}",
        "cache-control": "no-cache, max-age=0, must-revalidate",
        "pragma": "no-cache",
        "expires": "Fri, 01 Jan 1980 00:00:00 GMT",
    }


def _refused(error: HubError) -> Response:
    return _refusal(error.status, error.message)


def _refusal(status: int, message: str) -> Response:
    headers = {"www-authenticate": 'Basic realm="GitHub"'} if status == 401 else {}
    return Response(f"{message}\n", status, {**headers, "content-type": "text/plain; charset=utf-8"})
