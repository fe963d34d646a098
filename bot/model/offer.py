"""What a server's operator says of one agent: how it is started, where its model is, what it may know."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.model.frozen import Frozen
from bot.model.sandbox import NetworkMode, SandboxMode, Terms

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class AgentOffer(Frozen):
    """One entry of ``CREWLINE_AGENTS``. An agent that Crewline has an adapter for needs no `command`."""

    command: Annotated[
        str | None,
        Field(description="How it is started: a template with {prompt_file}, {worktree}, … where `speaks` is `lines`."),
    ] = None
    speaks: Annotated[
        Literal["lines", "acp"],
        Field(description="`lines`: it reads the prompt file and prints; `acp`: the Agent Client Protocol."),
    ] = "lines"
    variables: Annotated[
        tuple[Variable, ...],
        Field(description="Names of the server's variables that it is given; their values are masked everywhere."),
    ] = ()
    base_url: Annotated[str | None, Field(pattern=r"^https?://", description="Where it asks its model.")] = None
    hosts: Annotated[tuple[str, ...], Field(description="Hosts that it must reach, besides those known.")] = ()

    sandbox: Annotated[SandboxMode | None, Field(description="What it runs in, in place of CREWLINE_SANDBOX.")] = None
    network: Annotated[NetworkMode | None, Field(description="What it reaches, in place of CREWLINE_NETWORK.")] = None

    def terms(self) -> Terms:
        """Those of its sandbox. Its hosts are the agent's own need, wherever it runs."""
        return Terms(sandbox=self.sandbox, network=self.network)

    @model_validator(mode="after")
    def _acp_needs_a_command(self) -> Self:
        if self.speaks == "acp" and self.command is None:
            raise ValueError("an agent that speaks acp needs a command")
        return self
