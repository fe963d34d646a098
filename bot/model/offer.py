"""What a server's operator says of one agent: how it is started, where its model is, what it may know."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from bot.model.frozen import Frozen
from bot.model.sandbox import NetworkMode, SandboxMode, Terms

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class McpServer(Frozen):
    """One entry of `mcp`: a server of the Model Context Protocol, started by the agent's program or found by its
    address."""

    command: Annotated[
        str | None, Field(description="A program with its arguments, split into words as a shell would.")
    ] = None
    url: Annotated[str | None, Field(pattern=r"^https?://", description="Or its address.")] = None
    variables: Annotated[
        tuple[Variable, ...], Field(description="Names of the server's variables that the program of `command` needs.")
    ] = ()
    token: Annotated[
        Variable | None, Field(description="Name of the server's variable that `url` is sent as its bearer token.")
    ] = None

    @model_validator(mode="after")
    def _is_started_or_found(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("an MCP server has either a command or a url")
        if self.token is not None and self.url is None:
            raise ValueError("a token is for an MCP server with a url")
        if self.variables and self.command is None:
            raise ValueError("variables are for an MCP server with a command")
        if self.command is not None and not self.words:
            raise ValueError("the command of an MCP server is empty")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """Of its command. Raises ValueError where quotes are open."""
        return tuple(shlex.split(self.command or ""))

    @property
    def named(self) -> tuple[str, ...]:
        """The variables of the server that it needs."""
        return (*self.variables, *([self.token] if self.token else []))


MCP_SERVERS: TypeAdapter[dict[str, McpServer]] = TypeAdapter(dict[str, McpServer])


class AgentOffer(Frozen):
    """One entry of ``CREWLINE_AGENTS``. An agent that Crewline has an adapter for needs no `command`."""

    command: Annotated[
        str | None,
        Field(
            description="How it is started: a template with {prompt_file}, {worktree}, … where `speaks` is `lines`, "
            "with {model} alone where it is `acp`."
        ),
    ] = None
    speaks: Annotated[
        Literal["lines", "acp"],
        Field(description="`lines`: it reads the prompt file and prints; `acp`: the Agent Client Protocol."),
    ] = "lines"
    variables: Annotated[
        tuple[Variable, ...],
        Field(description="Names of the server's variables that it is given; their values are masked everywhere."),
    ] = ()
    model: Annotated[str | None, Field(min_length=1, description="Its model where its role names none.")] = None
    base_url: Annotated[str | None, Field(pattern=r"^https?://", description="Where it asks its model.")] = None
    base_url_variable: Annotated[
        Variable | None,
        Field(
            description="The variable in which the program of a `command` reads `base_url`: `OPENAI_BASE_URL`. It is "
            "then told the proxy's address with the network `model-only`, and holds no key."
        ),
    ] = None
    hosts: Annotated[tuple[str, ...], Field(description="Hosts that it must reach, besides those known.")] = ()
    system: Annotated[
        str | None, Field(description="Standing rules that it gets beside each task, as its system prompt.")
    ] = None
    mcp: dict[ServerName, McpServer] = Field(
        default={}, description="MCP servers by name, as below; a repository cannot add any."
    )

    sandbox: Annotated[SandboxMode | None, Field(description="What it runs in, in place of CREWLINE_SANDBOX.")] = None
    network: Annotated[NetworkMode | None, Field(description="What it reaches, in place of CREWLINE_NETWORK.")] = None

    def terms(self) -> Terms:
        """Those of its sandbox. Its hosts are the agent's own need, wherever it runs."""
        return Terms(sandbox=self.sandbox, network=self.network)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.speaks == "acp" and self.command is None:
            raise ValueError("an agent that speaks acp needs a command")
        if self.base_url_variable is not None and (self.command is None or self.base_url is None):
            raise ValueError("base_url_variable is for an agent with a command and a base_url")
        return self
