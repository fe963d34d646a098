"""Google's Gemini interface, streamed or not: ``POST /v1beta/models/{model}:streamGenerateContent``."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tests.agents.model.script import Acts, Ask, Call, Refuse, Run, Say

STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class _Part(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    text: str = ""
    function_response: JsonValue = Field(None, alias="functionResponse")


class _Content(BaseModel):
    role: str = ""
    parts: list[_Part] = []


class _Declaration(BaseModel):
    name: str = ""


class _Tool(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    declarations: list[_Declaration] = Field([], alias="functionDeclarations")


class Contents(BaseModel):
    """What a program sends; unknown fields are ignored."""

    model_config = ConfigDict(populate_by_name=True)

    contents: list[_Content] = []
    tools: list[_Tool] = []
    system: _Content = Field(_Content(), alias="systemInstruction")

    def ask(self, model: str, key: str | None) -> Ask:
        parts = [part for content in self.contents for part in content.parts]
        results = tuple(json.dumps(part.function_response) for part in parts if part.function_response is not None)
        tools = tuple(declared.name for tool in self.tools for declared in tool.declarations)
        system = "\n".join(part.text for part in self.system.parts)
        return Ask("gemini", model, "\n".join(part.text for part in parts if part.text), results, tools, key, system)


def answer(ask: Ask, reply: Acts) -> JsonValue:
    if isinstance(reply, Run):
        reply = Call("run_shell_command", {"command": reply.command, "description": "as scripted"})
    if isinstance(reply, Call) and reply.tool in ask.tools:
        part: JsonValue = {"functionCall": {"name": reply.tool, "args": {**reply.arguments}}}
    else:
        part = {"text": reply.text if isinstance(reply, Say) else f"There is no {reply.tool}."}
    content: JsonValue = {"role": "model", "parts": [part]}
    usage: JsonValue = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
        "modelVersion": ask.model,
    }


def refusal(reply: Refuse) -> JsonValue:
    return {"error": {"code": reply.status, "message": reply.message, "status": STATUS.get(reply.status, "INTERNAL")}}
