"""`/assign agent`: who does the work."""

from __future__ import annotations

import re
from difflib import get_close_matches

from bot.decide.commands.command import CommandRule, Done, Refused, Request
from bot.decide.situation import Situation

_AGENT = re.compile(r"^[A-Za-z0-9_.-]+(:\S+)?$")
NOBODY = "nobody"


def _assign(situation: Situation, request: Request) -> Done | Refused:
    words = request.argument.split()
    if len(words) != 1 or not _AGENT.match(words[0]):
        return Refused("name one agent: `/assign codex`, `/assign codex:MODEL`, or `/assign nobody` to undo it.")
    agent, known = words[0], situation.snapshot.agents
    name = agent.partition(":")[0]
    if name == NOBODY:
        chosen = None
    elif known and name not in known:
        near = get_close_matches(name, known, 1)
        guess = f" Did you mean `{near[0]}`?" if near else ""
        return Refused(f"there is no agent `{name}` here; there are {', '.join(known)}.{guess}")
    else:
        chosen = agent
    ledger = situation.ledger.assign(request.task, chosen)
    return Done(situation.recording(ledger, f"{request.task or 'objective'}: assigned to {chosen or NOBODY}"))


ASSIGN = CommandRule(
    name="assign",
    arguments="agent[:model]",
    text="Let this agent do the work from the next attempt on: of the task, or of every task where it stands on the "
    "objective. `/assign nobody` goes back to the settings. The label `crewline:agent=NAME` does the same.",
    carry_out=_assign,
)
