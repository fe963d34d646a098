"""OpenAI's chat interface, streamed or not: ``POST /v1/chat/completions``."""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from tests.agents.model.script import Ask, Run, Say
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
        return Ask("chat", self.model, text, results, tuple(tool.function.name for tool in self.tools), key)


def _message(ask: Ask, reply: Say | Run) -> tuple[dict[str, JsonValue], str]:
    name = next((tool for tool in ("bash", "Shell", "shell") if tool in ask.tools), None)
    if isinstance(reply, Say) or name is None:
        text = reply.text if isinstance(reply, Say) else "There is no shell."
        return {"role": "assistant", "content": text}, "stop"
    arguments = json.dumps(
        {"command": reply.command, "description": "as scripted"} if name == "bash" else {"command": reply.command}
    )
    call: JsonValue = {
        "index": 0, "id": f"call_{len(ask.results)}", "type": "function",
        "function": {"name": name, "arguments": arguments},
    }  # fmt: skip
    return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"


USAGE: JsonValue = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def answer(ask: Ask, reply: Say | Run) -> JsonValue:
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


def events(ask: Ask, reply: Say | Run) -> list[Event]:
    message, finish = _message(ask, reply)
    last: dict[str, JsonValue] = {**_chunk(ask.model, {}, finish), "usage": USAGE}
    return [(None, _chunk(ask.model, message, None)), (None, last), (None, "[DONE]")]
