"""The little world of these tests: alice's shop, the Crewline App installed on it, and people with roles."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import jwt
from pydantic import JsonValue

from bot.localhub.model.app import App, Installation, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.pull_request import PullRequest, open_pull_request
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import Address, serve
from bot.localhub.webhooks.sender import trusted_certificates
from tests.localhub.inbox import Inbox, open_inbox
from tests.localhub.openapi.faithful import FaithfulHub, Record

JsonObject = dict[str, JsonValue]
PERMISSIONS = {"checks": "write", "contents": "write", "issues": "write", "pull_requests": "write"}
EVENTS = (
    "check_run", "check_suite", "issue_comment", "issue_dependencies", "issues", "pull_request",
    "pull_request_review", "pull_request_review_comment", "push", "repository", "sub_issues", "create", "delete",
    "label",
)  # fmt: skip
SECRET = "between us"


@cache
def private_key() -> str:
    """One key per process: making one is slow."""
    return new_private_key()


@dataclass
class World:
    hub: Hub
    address: Address
    inbox: Inbox
    record: Record
    alice: User
    shop: Repository
    app: App
    installation: Installation
    directory: Path

    def as_user(self, user: User) -> httpx.AsyncClient:
        """REST as a person."""
        return self._client(f"token {self.hub.user_token(user)}")

    def as_app(self, **claims: int | str) -> httpx.AsyncClient:
        """REST as the App itself, with a JWT."""
        now = int(self.hub.now().timestamp())
        token = {"iat": now - 60, "exp": now + 540, "iss": str(self.app.id), **claims}
        return self._client(f"Bearer {jwt.encode(token, private_key(), algorithm='RS256')}")

    def as_bot(self, token: str | None = None) -> httpx.AsyncClient:
        """REST as the installation."""
        return self._client(f"token {token or self.bot_token()}")

    def as_nobody(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address.api, trust_env=False, verify=trusted_certificates())

    def bot_token(self) -> str:
        return self.hub.create_installation_token(self.installation).token

    def _client(self, authorization: str) -> httpx.AsyncClient:
        headers = {"authorization": authorization}
        return httpx.AsyncClient(
            base_url=self.address.api, trust_env=False, verify=trusted_certificates(), headers=headers
        )

    async def issue(self, title: str = "It is broken", body: str | None = None) -> Issue:
        return open_issue(self.shop, self.alice, title, body)

    async def pull(
        self, branch: str = "fix", *, by: User | None = None, body: str | None = None, base: str = "main"
    ) -> PullRequest:
        """A pull request that adds one file."""
        author = by or self.alice
        await self.hub.push_files(
            self.shop, self.alice, branch, {f"{branch}.txt": f"{branch}\n"}, f"Add {branch}", start=base
        )
        return await open_pull_request(self.shop, author, title=f"Add {branch}", head=branch, base=base, body=body)

    def remote(self, token: str, repository: Repository | None = None) -> str:
        """The address to clone from, with a token in it."""
        host = self.address.url.removeprefix("http://")
        return f"http://x-access-token:{token}@{host}/{(repository or self.shop).full_name}.git"

    async def git(self, *arguments: str, cwd: Path | None = None, ok: bool = True) -> str:
        """The real git of a person's machine; its output, both streams."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        who = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
        process = await asyncio.create_subprocess_exec(
            "git", *who, *arguments, cwd=cwd or self.directory, env=env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        text = out.decode()
        assert (process.returncode == 0) is ok, text
        return text

    async def clone(self, token: str, name: str = "clone") -> Path:
        await self.git("clone", "--quiet", self.remote(token), name)
        return self.directory / name

    async def commit(self, clone: Path, path: str, content: str, *, branch: str | None = None) -> str:
        """A commit of one file in a clone; its sha."""
        if branch is not None:
            await self.git("checkout", "--quiet", "-B", branch, cwd=clone)
        target = clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        await self.git("add", ".", cwd=clone)
        await self.git("commit", "--quiet", "-m", f"Change {path}", cwd=clone)
        return (await self.git("rev-parse", "HEAD", cwd=clone)).strip()


@asynccontextmanager
async def open_world(directory: Path, hub: Hub | None = None) -> AsyncIterator[World]:
    """A served world. At the end: nothing went wrong inside, and nothing was said that GitHub would not say."""
    hub = hub or Hub(directory / "hub")
    record = Record()
    alice = hub.add_user("alice", name="Alice")
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\n"})
    async with open_inbox() as inbox, serve(hub, app=FaithfulHub(hub, record)) as address:
        app = hub.add_app(
            "crewline", owner=alice, permissions=PERMISSIONS, events=EVENTS, webhook_url=inbox.url,
            webhook_secret=SECRET, private_key_pem=private_key(),
        )  # fmt: skip
        installation = hub.install(app, alice)
        yield World(hub, address, inbox, record, alice, shop, app, installation, directory)
    assert hub.errors == []
    record.verdict()
