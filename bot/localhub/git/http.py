"""git over HTTP: `git http-backend` behind the hub's tokens.

Fetches are streamed. A push is streamed in while `writing` is held, its answer (a short report) is kept
back until the push was told to the world, and the reasons of refused refs are put in GitHub's words: git
itself only knows "hook declined".
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.localhub.authentication import Caller, authenticate
from bot.localhub.git.report import with_reasons
from bot.localhub.model.actor import Level, Role, require, require_sight
from bot.localhub.model.errors import Forbidden, HubError, NotFound, Unauthorized
from bot.localhub.model.hub import Hub
from bot.localhub.model.push import moves_between, refs_moved
from bot.localhub.model.refs import may_change_workflows, protected
from bot.localhub.model.repository import Repository

CHUNK = 64 * 1024
Service = Literal["git-upload-pack", "git-receive-pack"]


class _Backend:
    """One run of `git http-backend`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.status = 200
        self.headers: dict[str, str] = {}

    @classmethod
    async def start(cls, repository: Repository, request: Request, path: str, env: dict[str, str]) -> "_Backend":
        headers = request.headers
        given = {
            "GIT_PROJECT_ROOT": str(repository.git.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{repository.git.path.name}{path}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "REMOTE_USER": "localhub",
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": headers.get("content-length", ""),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            cwd=repository.git.path,
            env={**repository.git.env, **{name: value for name, value in given.items() if value}, **env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process)

    async def feed(self, request: Request) -> None:
        """Pass the body on, to its end."""
        stdin = self.process.stdin
        assert stdin is not None
        try:
            async for chunk in request.stream():
                stdin.write(chunk)
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            stdin.close()

    async def read_head(self) -> None:
        """Read the CGI headers."""
        assert self.process.stdout is not None
        while (line := (await self.process.stdout.readline()).decode().strip()) != "":
            name, _, value = line.partition(":")
            if name.lower() == "status":
                self.status = int(value.split()[0])
            else:
                self.headers[name.lower()] = value.strip()

    async def body(self) -> AsyncIterator[bytes]:
        """The rest of its output; reaps it at the end."""
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

    def routes(self) -> list[BaseRoute]:
        """To be mounted before the pages."""
        return [
            Route("/{owner}/{repo}/info/refs", self.info_refs, methods=["GET"]),
            Route("/{owner}/{repo}/git-upload-pack", self.upload_pack, methods=["POST"]),
            Route("/{owner}/{repo}/git-receive-pack", self.receive_pack, methods=["POST"]),
        ]

    async def info_refs(self, request: Request) -> Response:
        """Advertise refs for a fetch or a push."""
        service = request.query_params.get("service", "")
        if service not in ("git-upload-pack", "git-receive-pack"):
            return _refusal(403, "Please upgrade your git client.")
        try:
            repository, caller = self._admit(request, push=service == "git-receive-pack")
        except HubError as error:
            return _refused(error)
        self._hub.meter.count_git(caller.charged, "refs")
        backend = await _Backend.start(repository, request, "/info/refs", {})
        assert backend.process.stdin is not None
        backend.process.stdin.close()
        await backend.read_head()
        content = b"".join([chunk async for chunk in backend.body()])
        return Response(content, backend.status, backend.headers)

    async def upload_pack(self, request: Request) -> Response:
        """A fetch."""
        try:
            repository, caller = self._admit(request, push=False)
        except HubError as error:
            return _refused(error)
        self._hub.meter.count_git(caller.charged, "fetch")
        backend = await _Backend.start(repository, request, "/git-upload-pack", {})
        try:
            await backend.feed(request)
            await backend.read_head()
        except BaseException:
            await backend.end()
            raise
        return StreamingResponse(backend.body(), backend.status, backend.headers)

    async def receive_pack(self, request: Request) -> Response:
        """A push: refs before, git, refs after, and what follows from the difference."""
        try:
            repository, caller = self._admit(request, push=True)
        except HubError as error:
            return _refused(error)
        actor = caller.actor
        assert actor is not None
        self._hub.meter.count_git(caller.charged, "push")
        git = repository.git
        with TemporaryDirectory(prefix="push-", dir=self._hub.directory) as scratch:
            reasons = Path(scratch) / "reasons"
            env = await self._policy(repository, caller, reasons)
            async with git.writing:
                before = await git.refs()
                backend = await _Backend.start(repository, request, "/git-receive-pack", env)
                try:
                    await backend.feed(request)
                    await backend.read_head()
                    content = b"".join([chunk async for chunk in backend.body()])
                except (ClientDisconnect, asyncio.CancelledError):
                    await backend.end()
                    raise
                finally:
                    git.refs_written()
                moves = moves_between(before, await git.refs())
                await refs_moved(repository, actor, moves)
            refused = reasons.read_text().splitlines() if reasons.exists() else []
        if refused:
            words = {ref: reason for ref, _, reason in (line.partition("\t") for line in refused)}
            content = with_reasons(content, words)
        backend.headers.pop("content-length", None)
        return Response(content, backend.status, backend.headers)

    async def _policy(self, repository: Repository, caller: Caller, reasons: Path) -> dict[str, str]:
        assert caller.actor is not None
        branches = await repository.git.refs("refs/heads/")
        closed = [name for name in branches if protected(repository, name.removeprefix("refs/heads/"))]
        return {
            "LOCALHUB_REASONS": str(reasons),
            "LOCALHUB_PROTECTED": f" {' '.join(closed)} ",
            "LOCALHUB_DEFAULT": f"refs/heads/{repository.default_branch}",
            "LOCALHUB_NO_WORKFLOWS": "" if may_change_workflows(caller.actor, repository) else "1",
        }

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


def _refused(error: HubError) -> Response:
    return _refusal(error.status, error.message)


def _refusal(status: int, message: str) -> Response:
    headers = {"www-authenticate": 'Basic realm="GitHub"'} if status == 401 else {}
    return Response(f"{message}\n", status, {**headers, "content-type": "text/plain; charset=utf-8"})
