"""The GraphQL face: GitHub's published schema, cut to what is served (`scripts/cut_graphql_schema.py`).

`read/` and `write/` hold the resolvers, one file per kind of thing; a field without one raises
(`registry.py`).
"""

from starlette.routing import BaseRoute, Route

from bot.localhub.graphql.face import GraphqlFace
from bot.localhub.model.hub import Hub


def routes(hub: Hub) -> list[BaseRoute]:
    """The routes to mount for GraphQL."""
    face = GraphqlFace(hub)
    return [Route(path, face.answer, methods=["POST"]) for path in ("/graphql", "/api/graphql")]
