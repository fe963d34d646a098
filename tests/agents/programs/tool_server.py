"""Small servers of the Model Context Protocol, each with one tool that tells a word.

``python tool_server.py`` speaks over standard input and output, and its word is the value of the variable SHOP_WORD;
`by_address` speaks over HTTP to whoever has the token.
"""

from __future__ import annotations

import os
import sys

from pydantic import JsonValue, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def answer(request: dict[str, JsonValue], tool: str, word: str) -> dict[str, JsonValue] | None:
    """None where nothing is to be answered: a notification."""
    if "id" not in request:
        return None
    asked = request.get("params")
    version = asked.get("protocolVersion") if isinstance(asked, dict) else None
    schema: JsonValue = {"type": "object", "properties": {}}
    results: dict[JsonValue, JsonValue] = {
        "initialize": {
            "protocolVersion": version or "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "shop", "version": "1"},
        },
        "tools/list": {"tools": [{"name": tool, "description": "A word of the shop.", "inputSchema": schema}]},
        "tools/call": {"content": [{"type": "text", "text": f"the word is {word}"}]},
        "ping": {},
    }
    envelope: dict[str, JsonValue] = {"jsonrpc": "2.0", "id": request["id"]}
    if (result := results.get(request["method"])) is None:
        return {**envelope, "error": {"code": -32601, "message": "there is no such method"}}
    return {**envelope, "result": result}


def by_address(tool: str, word: str, token: str) -> Starlette:
    async def serve(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {token}":
            return Response("no", 401)
        said = answer(_JSON.validate_json(await request.body()), tool, word)
        return Response(status_code=202) if said is None else JSONResponse(said)

    return Starlette(routes=[Route("/mcp", serve, methods=["POST"])])


if __name__ == "__main__":
    for line in sys.stdin:
        if (said := answer(_JSON.validate_json(line), "fetch_word", os.environ.get("SHOP_WORD", ""))) is not None:
            print(_JSON.dump_json(said).decode(), flush=True)
