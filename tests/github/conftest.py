"""A localhub with Ada's repository, and the App installed on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from bot.github.app import GitHubApp
from bot.github.repository import GitHubRepository
from bot.localhub.model.app import App, Installation, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.issue_links import add_sub_issue
from bot.localhub.model.pull_request import PullRequest, open_pull_request
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import serve
from bot.model.identity import CommitSha, RepositoryName


class Manifest(BaseModel):
    default_permissions: dict[str, str]
    default_events: tuple[str, ...]


@cache
def private_key() -> str:
    return new_private_key()


@dataclass(frozen=True)
class World:
    """Both sides: the hub's model, and the bot's handles on it over HTTP."""

    hub: Hub
    ada: User
    shop: Repository
    installation: Installation
    url: str
    app: GitHubApp
    github: GitHubRepository

    @property
    def app_on_hub(self) -> App:
        return self.installation.target_app

    def issue(self, title: str, body: str = "Please.") -> Issue:
        return open_issue(self.shop, self.ada, title, body)

    def task(self, objective: Issue, title: str) -> Issue:
        task = open_issue(self.shop, self.installation.acting(), title, "Do it.")
        add_sub_issue(objective, self.installation.acting(), task)
        return task

    async def branch(self, name: str, files: dict[str, str]) -> CommitSha:
        return CommitSha(await self.hub.push_files(self.shop, self.ada, name, files, "work"))

    async def pull(self, branch: str, title: str = "Work") -> PullRequest:
        bot = self.installation.acting()
        return await open_pull_request(self.shop, bot, title=title, head=branch, base="main", body="")


def manifest() -> Manifest:
    text = (Path(__file__).parents[2] / "app.yml").read_text()
    return Manifest.model_validate(yaml.safe_load(text))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    hub = Hub(tmp_path / "hub")
    ada = hub.add_user("ada")
    shop = await hub.create_repository(ada, "shop", files={"README.md": "# Shop\n"})
    asked = manifest()
    app = hub.add_app(
        "crewline",
        permissions=asked.default_permissions,
        events=asked.default_events,
        private_key_pem=private_key(),
    )
    installation = hub.install(app, ada)
    async with serve(hub) as address, GitHubApp(app.id, private_key(), address.url, write_interval=0) as connected:
        github = await connected.repository(RepositoryName("ada", "shop"))
        yield World(hub, ada, shop, installation, address.url, connected, github)
    assert hub.errors == []
