"""Whether an agent that was named can play: before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bot.agents.roster import Roster, UnknownAgent
from bot.demo.refusal import Refusal


def check_agent(name: str, environment: Mapping[str, str] = os.environ) -> None:
    """Raises Refusal where the agent is unknown, not installed, or has no key."""
    roster = Roster(environment=environment)
    try:
        agent = roster.find(name)
    except UnknownAgent as error:
        raise Refusal(f"{error} Without a model, `crewline demo --agent scripted` works everywhere.") from None
    if name not in roster.installed():
        raise Refusal(
            f"the agent {name!r} is not installed: there is no program {agent.program!r} on the PATH.\n"
            "Install it, or take `crewline demo` with its scripted agent."
        )
    if agent.credentials and not roster.credentials(agent):
        raise Refusal(
            f"the agent {name!r} has no key: none of {', '.join(agent.credentials)} is set.\n"
            "Set one of them in this shell and start again."
        )
