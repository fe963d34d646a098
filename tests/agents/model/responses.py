"""OpenAI's responses interface, streamed: ``POST /v1/responses``."""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from tests.agents.model.script import Ask, Refuse, Run, Say
from tests.agents.model.stream import Event


class _Part(BaseModel):
    text: str = ""


class _Item(BaseModel):
    type: str = "message"
    content: str | list[_Part] | None = None
    output: JsonValue = None


class _Tool(BaseModel):
    type: str = ""
    name: str = ""


class Responses(BaseModel):
    """What a program sends; unknown fields are ignored."""

    model: str = ""
    instructions: str | None = None
    input: str | list[_Item] = ""
    tools: list[_Tool] = []

    def ask(self, key: str | None) -> Ask:
        items = [_Item(content=self.input)] if isinstance(self.input, str) else self.input
        texts = [
            text
            for item in items
            for text in ([item.content] if isinstance(item.content, str) else [p.text for p in item.content or []])
        ]
        outputs = tuple(json.dumps(item.output) for item in items if item.type.endswith("_call_output"))
        tools = tuple(tool.name or tool.type for tool in self.tools)
        return Ask("responses", self.model, "\n".join(texts), outputs, tools, key)


def opening(model: str) -> Event:
    return "response.created", {"type": "response.created", "response": {"id": "resp_1", "model": model}}


def events(ask: Ask, reply: Say | Run) -> list[Event]:
    item = _call(ask, reply) if isinstance(reply, Run) else _message(reply.text)
    usage: JsonValue = {
        "input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 120,
    }  # fmt: skip
    return [
        opening(ask.model),
        ("response.output_item.added", {"type": "response.output_item.added", "output_index": 0, "item": item}),
        ("response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": item}),
        ("response.completed", {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}}),
    ]


def _message(text: str) -> JsonValue:
    return {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": text}]}


def _call(ask: Ask, reply: Run) -> JsonValue:
    """The shell tool under whichever of its names it is offered."""
    arguments: dict[str, JsonValue]
    if "exec_command" in ask.tools:
        name, arguments = "exec_command", {"cmd": reply.command, "yield_time_ms": 20_000}
    elif "shell_command" in ask.tools:
        name, arguments = "shell_command", {"command": reply.command}
    elif "shell" in ask.tools:
        name, arguments = "shell", {"command": ["bash", "-c", reply.command]}
    elif "bash" in ask.tools:
        name, arguments = "bash", {"command": reply.command, "description": "as scripted"}
    else:
        return _message("There is no shell.")
    number = len(ask.results)
    return {
        "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
        "arguments": json.dumps(arguments), "status": "completed",
    }  # fmt: skip


def refusal(reply: Refuse) -> JsonValue:
    return {"error": {"message": reply.message, "type": reply.kind, "code": reply.kind, "param": None}}
