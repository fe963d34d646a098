"""The short questions about a repository: which objectives are open, how it is configured."""

from __future__ import annotations

from bot.config import CONFIG_FILE, MISSPELT
from bot.github.client import PacedClient
from bot.github.errors import NotThere
from bot.github.graphql import document
from bot.github.shapes import FileNode, PageInfo, Shape
from bot.model.identity import RepositoryName
from bot.model.observed import RepositoryFile


class _Number(Shape):
    number: int


class _Numbers(Shape):
    nodes: tuple[_Number | None, ...]
    page_info: PageInfo


class _ObjectivesRepository(Shape):
    issues: _Numbers


class _Objectives(Shape):
    repository: _ObjectivesRepository | None = None


class _FilesRepository(Shape):
    configuration: FileNode | None = None
    misspelt: FileNode | None = None


class _Files(Shape):
    repository: _FilesRepository | None = None


async def open_objectives(client: PacedClient, name: RepositoryName, label: str) -> tuple[int, ...]:
    """See `GitHubRepository.open_objectives`."""
    found: list[int] = []
    after: str | None = None
    while True:
        variables = {"owner": name.owner, "name": name.name, "label": label, "after": after}
        reply = await client.query("objectives", document("objectives"), dict(variables))
        data = reply.as_data(_Objectives, [("repository",)])
        if data.repository is None:
            raise NotThere(404, str(name))
        issues = data.repository.issues
        found.extend(node.number for node in issues.nodes if node is not None)
        after = issues.page_info.end_cursor
        if not issues.page_info.has_next_page:
            return tuple(sorted(set(found)))


async def configuration_of(client: PacedClient, name: RepositoryName) -> RepositoryFile | None:
    """See `GitHubRepository.configuration`."""
    variables = {"owner": name.owner, "name": name.name}
    reply = await client.query("configuration", document("configuration"), dict(variables))
    data = reply.as_data(_Files, [("repository",)])
    if data.repository is None:
        raise NotThere(404, str(name))
    return configuration_file(data.repository.configuration, data.repository.misspelt)


def configuration_file(right: FileNode | None, misspelt: FileNode | None) -> RepositoryFile | None:
    """The file that counts; a misspelt one only where the right one is missing."""
    if right is not None:
        return RepositoryFile(CONFIG_FILE, right.oid, right.text)
    if misspelt is not None:
        return RepositoryFile(MISSPELT, misspelt.oid, misspelt.text)
    return None
