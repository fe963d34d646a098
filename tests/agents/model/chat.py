"""OpenAI's chat interface, streamed or not: ``POST /v1/chat/completions``."""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from tests.agents.model.script import Acts, Ask, Call, Run, Say
from tests.agents.model.stream import Event


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    role: str = ""
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or [])


class _Function(BaseModel):
    name: str = ""


class _Tool(BaseModel):
    function: _Function = _Function()


class Completions(BaseModel):
    """What a program sends; unknown fields are ignored."""

    model: str = ""
    stream: bool = False
    messages: list[_Message] = []
    tools: list[_Tool] = []

    def ask(self, key: str | None) -> Ask:
        results = tuple(message.text for message in self.messages if message.role == "tool")
        text = "\n".join(message.text for message in self.messages)
        system = "\n".join(message.text for message in self.messages if message.role in ("system", "developer"))
        return Ask("chat", self.model, text, results, tuple(tool.function.name for tool in self.tools), key, system)


def _message(ask: Ask, reply: Acts) -> tuple[dict[str, JsonValue], str]:
    if isinstance(reply, Run):
        shell = next((tool for tool in ("bash", "Bash") if tool in ask.tools), "shell")
        described = {"description": "as scripted"} if shell == "bash" else {}
        reply = Call(shell, {"command": reply.command, **described})
    if isinstance(reply, Say) or reply.tool not in ask.tools:
        text = reply.text if isinstance(reply, Say) else f"There is no {reply.tool}."
        return {"role": "assistant", "content": text}, "stop"
    call: JsonValue = {
        "index": 0, "id": f"call_{len(ask.results)}", "type": "function",
        "function": {"name": reply.tool, "arguments": json.dumps({**reply.arguments})},
    }  # fmt: skip
    return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"


USAGE: JsonValue = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def answer(ask: Ask, reply: Acts) -> JsonValue:
    """Not streamed."""
    message, finish = _message(ask, reply)
    choice: JsonValue = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": ask.model, "choices": [choice],
        "usage": USAGE,
    }  # fmt: skip


def _chunk(model: str, delta: JsonValue, finish: str | None) -> dict[str, JsonValue]:
    choice: JsonValue = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}


def opening(model: str) -> Event:
    return None, _chunk(model, {"role": "assistant", "content": ""}, None)


def events(ask: Ask, reply: Acts) -> list[Event]:
    message, finish = _message(ask, reply)
    last: dict[str, JsonValue] = {**_chunk(ask.model, {}, finish), "usage": USAGE}
    return [(None, _chunk(ask.model, message, None)), (None, last), (None, "[DONE]")]
