"""The Anthropic messages interface, streamed: ``POST /v1/messages``."""

from __future__ import annotations

import json

from pydantic import BaseModel, JsonValue

from tests.agents.model.script import Acts, Ask, Call, Refuse, Run, Say
from tests.agents.model.stream import Event


class _Block(BaseModel):
    type: str = ""
    text: str = ""
    content: JsonValue = None


class _Message(BaseModel):
    role: str = ""
    content: str | list[_Block] = ""


class _Tool(BaseModel):
    name: str = ""


class Messages(BaseModel):
    """What a program sends; unknown fields are ignored."""

    model: str = ""
    stream: bool = False
    system: str | list[_Block] = ""
    messages: list[_Message] = []
    tools: list[_Tool] = []

    def ask(self, key: str | None) -> Ask:
        blocks = [
            block
            for message in self.messages
            for block in (
                [_Block(type="text", text=message.content)] if isinstance(message.content, str) else message.content
            )
        ]
        return Ask(
            "anthropic",
            self.model,
            "\n".join(block.text for block in blocks if block.text),
            tuple(json.dumps(block.content) for block in blocks if block.type == "tool_result"),
            tuple(tool.name for tool in self.tools),
            key,
            self.system if isinstance(self.system, str) else "\n".join(block.text for block in self.system),
        )


def opening(model: str, number: int = 0) -> Event:
    usage: JsonValue = {"input_tokens": 100, "output_tokens": 1}
    message: JsonValue = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    return "message_start", {"type": "message_start", "message": message}


def _call(ask: Ask, reply: Acts) -> Call | str:
    """What tool is called, or what is said."""
    if isinstance(reply, Run):
        reply = Call("Bash", {"command": reply.command, "description": "as scripted"})
    if isinstance(reply, Say):
        return reply.text
    return reply if reply.tool in ask.tools else f"There is no {reply.tool}."


def _used(ask: Ask, call: Call) -> dict[str, JsonValue]:
    return {"type": "tool_use", "id": f"toolu_{len(ask.results)}", "name": call.tool, "input": {**call.arguments}}


def events(ask: Ask, reply: Acts) -> list[Event]:
    call = _call(ask, reply)
    if isinstance(call, Call):
        block: JsonValue = {**_used(ask, call), "input": {}}
        delta: JsonValue = {"type": "input_json_delta", "partial_json": json.dumps({**call.arguments})}
        stop = "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": call}
        stop = "end_turn"
    return [
        opening(ask.model, len(ask.results)),
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        (
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 20},
            },
        ),
        ("message_stop", {"type": "message_stop"}),
    ]


def answer(ask: Ask, reply: Acts) -> JsonValue:
    """Not streamed: what Claude Code asks for after a stream was cut off."""
    call = _call(ask, reply)
    block: JsonValue = _used(ask, call) if isinstance(call, Call) else {"type": "text", "text": call}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": ask.model, "content": [block],
        "stop_reason": "tool_use" if isinstance(call, Call) else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 20},
    }  # fmt: skip


def refusal(reply: Refuse) -> JsonValue:
    return {"type": "error", "error": {"type": reply.kind, "message": reply.message}}
