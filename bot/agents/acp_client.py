"""Speaks the Agent Client Protocol to an agent program and prints what it does as our own events.

    python -m bot.agents.acp_client PROMPT_FILE [--continues ID] [--mcp FILE] -- PROGRAM ARGUMENT …

A session expects of every agent a program that reads a file, prints lines and exits. An agent of this protocol
wants to be talked to instead; this is the program in between, run where the agent runs, inside the session's limits
and sandbox. It imports nothing heavy but the protocol's library.

Whatever the agent wants to do is allowed: what it may really do is the sandbox's and the gate's business. Files and
terminals are not offered, so that an agent uses its own. https://agentclientprotocol.com/protocol/overview
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

import acp
from acp import schema
from acp.interfaces import Agent, Client
from pydantic import JsonValue, TypeAdapter

from bot.agents.agent import (
    AGENT_EVENT,
    AgentError,
    AgentEvent,
    Finished,
    Message,
    Raw,
    Started,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from bot.agents.trouble import trouble_of
from bot.agents.wording import shown
from bot.model.offer import MCP_SERVERS

_ANY: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
Servers = list[schema.HttpMcpServer | schema.SseMcpServer | schema.AcpMcpServer | schema.McpServerStdio]
_LONGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes of one line of the protocol; asyncio's default of 64 KiB is less than one file in a tool's answer."""


def tell(event: AgentEvent) -> None:
    print(AGENT_EVENT.dump_json(event).decode(), flush=True)


class Onlooker(Client):
    """Our side of the conversation: allows what is asked, and tells what happens while it `listens`."""

    def __init__(self) -> None:
        self.listens = True
        self._speaking = False

    async def request_permission(
        self,
        session_id: str,
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **kwargs: object,
    ) -> schema.RequestPermissionResponse:
        kinds = ("allow_always", "allow_once")
        chosen = next((option for kind in kinds for option in options if option.kind == kind), None)
        if chosen is None:
            return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))
        outcome = schema.AllowedOutcome(outcome="selected", option_id=chosen.option_id)
        return schema.RequestPermissionResponse(outcome=outcome)

    async def session_update(self, session_id: str, update: object, **kwargs: object) -> None:
        for event in self._events(update) if self.listens else ():
            tell(event)

    def _events(self, update: object) -> tuple[AgentEvent, ...]:
        speaking, self._speaking = self._speaking, isinstance(update, schema.AgentMessageChunk)
        match update:
            case schema.AgentMessageChunk(content=schema.TextContentBlock(text=text)):
                return (Message(text=text, continued=speaking),)
            case schema.AgentThoughtChunk(content=schema.TextContentBlock(text=text)):
                return (Thinking(text=text),)
            case schema.ToolCallStart(title=title, raw_input=given):
                return (ToolCall(name=title, arguments=_text(given)),)
            case schema.ToolCallProgress(status=("completed" | "failed") as status, raw_output=came):
                return (ToolResult(text=_text(came), failed=status == "failed"),)
            case schema.UsageUpdate(cost=schema.Cost(amount=amount, currency="USD")):
                return (Usage(usd=amount),)
            case schema.AgentMessageChunk() | schema.AgentThoughtChunk() | schema.UsageUpdate():
                return ()
            case schema.ToolCallProgress() | schema.AvailableCommandsUpdate() | schema.UserMessageChunk():
                return ()
            case _:
                return (Raw(text=type(update).__name__),)


def _text(value: object) -> str:
    return "" if value is None else shown(_ANY.validate_json(_ANY.dump_json(value)))  # type: ignore[arg-type]


async def converse(prompt: str, continues: str | None, servers: Servers, command: list[str]) -> int:
    """One prompt, to its end; the exit code."""
    try:
        onlooker = Onlooker()  # type: ignore[abstract]  # what it lacks is not offered, so no agent asks for it
        async with acp.spawn_agent_process(
            onlooker, *command, env=dict(os.environ), cwd=Path.cwd(), transport_kwargs={"limit": _LONGEST_MESSAGE}
        ) as (agent, _):
            hello = await agent.initialize(protocol_version=acp.PROTOCOL_VERSION, client_capabilities=_OFFERED)
            loads = hello.agent_capabilities is not None and bool(hello.agent_capabilities.load_session)
            session = await _session(agent, continues if loads else None, servers, onlooker)
            tell(Started(conversation=session if loads else None))
            answer = await agent.prompt(session_id=session, prompt=[acp.text_block(prompt)])
    except acp.RequestError as error:
        text = f"{error}: {_text(getattr(error, 'data', None))}"
        tell(AgentError(text=text, trouble=trouble_of(text)))
        return 1
    except (OSError, ValueError, ConnectionError) as error:
        tell(AgentError(text=f"{command[0]}: {error}"))
        return 1
    return _ended(answer)


_OFFERED = schema.ClientCapabilities(
    fs=schema.FileSystemCapabilities(read_text_file=False, write_text_file=False), terminal=False
)


async def _session(agent: Agent, continues: str | None, servers: Servers, onlooker: Onlooker) -> str:
    """A new conversation, or an earlier one, of which an agent tells everything once more before it is loaded."""
    if continues:
        onlooker.listens = False
        await agent.load_session(cwd=str(Path.cwd()), session_id=continues, mcp_servers=servers)
        onlooker.listens = True
        return continues
    return (await agent.new_session(cwd=str(Path.cwd()), mcp_servers=servers)).session_id


def _servers(file: Path | None) -> Servers:
    """As the protocol names them, with the values of the variables that they need."""
    servers: Servers = []
    for name, server in (MCP_SERVERS.validate_json(file.read_bytes()) if file else {}).items():
        if server.url is None:
            variables = [schema.EnvVariable(name=each, value=os.environ.get(each, "")) for each in server.variables]
            program, *arguments = server.words
            where = shutil.which(program) or program
            servers.append(schema.McpServerStdio(name=name, command=where, args=arguments, env=variables))
        else:
            token = os.environ.get(server.token, "") if server.token else ""
            headers = [schema.HttpHeader(name="Authorization", value=f"Bearer {token}")] if token else []
            servers.append(schema.HttpMcpServer(name=name, url=server.url, headers=headers, type="http"))
    return servers


def _ended(answer: schema.PromptResponse) -> int:
    if answer.usage is not None:
        cached = (answer.usage.cached_read_tokens or 0) + (answer.usage.cached_write_tokens or 0)
        tell(Usage(input_tokens=answer.usage.input_tokens + cached, output_tokens=answer.usage.output_tokens))
    if answer.stop_reason == "end_turn":
        tell(Finished(text=""))
        return 0
    capped = answer.stop_reason in ("max_tokens", "max_turn_requests")
    tell(AgentError(text=f"the agent stopped: {answer.stop_reason}", capped=capped))
    return 1


def main() -> int:
    parser = ArgumentParser(prog="acp_client")
    parser.add_argument("prompt_file", type=Path)
    parser.add_argument("--continues")
    parser.add_argument("--mcp", type=Path)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    prompt, servers = given.prompt_file.read_text(encoding="utf-8"), _servers(given.mcp)
    return asyncio.run(converse(prompt, given.continues, servers, given.command))


if __name__ == "__main__":
    sys.exit(main())
