"""What an agent is told of its model, and of the key: the key itself only where it cannot be kept from it.

With the network `model-only` an agent that can be told where its model is (`Needs.model`) is told our proxy's address
and, for each key, something that stands in for it; the proxy puts the key in its place on the way. So an agent that
tells everything it knows tells nothing. Keys to other models than the one that it asks stay with the server, and what
its MCP servers need it is given as it is. Other agents hold their keys, as on an open network, and can only bring them
to the hosts of their model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex

from bot.agents.roster import Needs, is_address
from bot.model.sandbox import NetworkMode
from bot.sandbox.proxy import ADDRESS
from bot.sandbox.reach import Reach
from bot.sandbox.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Access:
    """How one run asks its model: the address and the `credentials` that it is told, and what it may reach."""

    base_url: str | None
    credentials: Mapping[str, str]
    reach: Reach | None = None


def access(sandbox: Sandbox, needs: Needs, base_url: str | None, credentials: Mapping[str, str]) -> Access:
    if sandbox.network is not NetworkMode.MODEL_ONLY:
        return Access(base_url, credentials)
    hosts = (*needs.hosts, *sandbox.policy.hosts)
    if needs.model is None:
        return Access(base_url, credentials, Reach(hosts))
    keys = {name: credentials[name] for name in needs.keys if name in credentials and not is_address(name)}
    stand_ins = {name: f"sk-crewline-{token_hex(16)}" for name in keys}
    reach = Reach(hosts, needs.model, {stand_ins[name]: key for name, key in keys.items()})
    besides = {name: credentials[name] for name in needs.besides if name in credentials}
    return Access(ADDRESS, stand_ins | besides, reach)
