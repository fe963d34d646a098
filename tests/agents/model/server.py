"""The scripted model on a port of loopback.

async with serve(once("echo hi > hi.txt")) as model:
    ...  # model.url; model.asked says what came
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.web.server import serving
from tests.agents.model import anthropic, chat, gemini, responses
from tests.agents.model.anthropic import Messages
from tests.agents.model.chat import Completions
from tests.agents.model.gemini import Contents
from tests.agents.model.responses import Responses
from tests.agents.model.script import Ask, CutOff, Refuse, Reply, Script, Stall
from tests.agents.model.stream import broken, refused, streamed


@dataclass
class ScriptedModel:
    """`url` is its root; `asked` is every request that it understood, oldest first."""

    script: Script
    url: str = ""
    asked: list[Ask] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def reply(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        return self.script(ask)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
                Route("/v1/responses", self._responses, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1beta/models/{model}:{verb}", self._gemini, methods=["POST"]),
                Route("/{rest:path}", _nothing, methods=["GET", "HEAD"]),
            ]
        )

    async def _messages(self, request: Request) -> Response:
        asked = Messages.model_validate_json(await request.body())
        ask = asked.ask(_key(request))
        reply = self.reply(ask)
        match reply:
            case Refuse():
                return refused(reply, anthropic.refusal(reply))
            case CutOff() | Stall():
                return broken(anthropic.opening(ask.model), reply, self.closing)
            case _ if asked.stream:
                return streamed(anthropic.events(ask, reply))
            case _:
                return JSONResponse(anthropic.answer(ask, reply))

    async def _count(self, request: Request) -> Response:
        return JSONResponse({"input_tokens": 100})

    async def _responses(self, request: Request) -> Response:
        ask = Responses.model_validate_json(await request.body()).ask(_key(request))
        reply = self.reply(ask)
        match reply:
            case Refuse():
                return refused(reply, responses.refusal(reply))
            case CutOff() | Stall():
                return broken(responses.opening(ask.model), reply, self.closing)
            case _:
                return streamed(responses.events(ask, reply))

    async def _chat(self, request: Request) -> Response:
        asked = Completions.model_validate_json(await request.body())
        ask = asked.ask(_key(request))
        reply = self.reply(ask)
        match reply:
            case Refuse():
                return refused(reply, responses.refusal(reply))
            case CutOff() | Stall():
                return broken(chat.opening(ask.model), reply, self.closing)
            case _ if asked.stream:
                return streamed(chat.events(ask, reply))
            case _:
                return JSONResponse(chat.answer(ask, reply))

    async def _gemini(self, request: Request) -> Response:
        ask = Contents.model_validate_json(await request.body()).ask(request.path_params["model"], _key(request))
        streams = request.path_params["verb"] == "streamGenerateContent"
        reply = self.reply(ask)
        match reply:
            case Refuse():
                return refused(reply, gemini.refusal(reply))
            case CutOff() | Stall():
                return broken((None, {"candidates": []}), reply, self.closing)
            case _ if streams:
                return streamed([(None, gemini.answer(ask, reply))])
            case _:
                return JSONResponse(gemini.answer(ask, reply))


@asynccontextmanager
async def serve(script: Script) -> AsyncIterator[ScriptedModel]:
    """The model while the block runs."""
    model = ScriptedModel(script)
    async with serving(model.app(), "127.0.0.1", 0) as address:
        model.url = address.url
        try:
            yield model
        finally:
            model.closing.set()


async def _nothing(request: Request) -> Response:
    return JSONResponse({"data": [], "models": []})


def _key(request: Request) -> str | None:
    headers = request.headers
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or bearer or request.query_params.get("key")
