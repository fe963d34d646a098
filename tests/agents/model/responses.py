"""OpenAI's responses interface, streamed: ``POST /v1/responses``."""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from tests.agents.model.script import Acts, Ask, Call, Refuse, Run, Say
from tests.agents.model.stream import Event


class _Part(BaseModel):
    text: str = ""


class _Item(BaseModel):
    type: str = "message"
    role: str = ""
    content: str | list[_Part] | None = None
    output: JsonValue = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content or [])


class _Tool(BaseModel):
    """A tool, or a namespace of tools."""

    type: str = ""
    name: str = ""
    tools: list[_Tool] = []

    def names(self) -> list[str]:
        """A tool of a namespace is named with it and a dot between."""
        return [f"{self.name}.{tool.name}" for tool in self.tools] or [self.name or self.type]


class Responses(BaseModel):
    """What a program sends; unknown fields are ignored."""

    model: str = ""
    instructions: str | None = None
    input: str | list[_Item] = ""
    tools: list[_Tool] = []

    def ask(self, key: str | None) -> Ask:
        items = [_Item(content=self.input)] if isinstance(self.input, str) else self.input
        system = [self.instructions or "", *(item.text for item in items if item.role in ("system", "developer"))]
        outputs = tuple(json.dumps(item.output) for item in items if item.type.endswith("_call_output"))
        tools = tuple(name for tool in self.tools for name in tool.names())
        text = "\n".join(item.text for item in items if item.text)
        return Ask("responses", self.model, text, outputs, tools, key, "\n".join(system))


def opening(model: str) -> Event:
    return "response.created", {"type": "response.created", "response": {"id": "resp_1", "model": model}}


def events(ask: Ask, reply: Acts) -> list[Event]:
    item = _message(reply.text) if isinstance(reply, Say) else _called(ask, reply)
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


def _called(ask: Ask, reply: Run | Call) -> JsonValue:
    """The shell tool under whichever of its names it is offered."""
    arguments: dict[str, JsonValue]
    if isinstance(reply, Call):
        name, arguments = reply.tool, {**reply.arguments}
        if name not in ask.tools:
            return _message(f"There is no {name}.")
    elif "exec_command" in ask.tools:
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
    namespace, _, own = name.rpartition(".")
    call: dict[str, JsonValue] = {
        "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": own,
        "arguments": json.dumps(arguments), "status": "completed",
    }  # fmt: skip
    return {**call, "namespace": namespace} if namespace else call


def refusal(reply: Refuse) -> JsonValue:
    return {"error": {"message": reply.message, "type": reply.kind, "code": reply.kind, "param": None}}
