"""What a session had cost until it was last heard of, read from its transcript: for one whose server died."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue, TypeAdapter, ValidationError

from bot.agents.agent import AGENT_EVENT, Account
from bot.model.session import Spend
from bot.sessions.archive import read_lines
from bot.sessions.conversation import Told
from bot.sessions.turn import BEFORE, total

_ENTRY: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def heard_spend(path: Path, seconds: float) -> Spend:
    """As far as the transcript at `path` tells; each prompt in it began a turn. Raises OSError."""
    so_far, account, told = Spend(), Account(), Told()
    for line in read_lines(path):
        try:
            entry = _ENTRY.validate_json(line)
            entry.pop("at", None)
            if entry.get("kind") == "prompt":
                so_far, account = total(so_far, account, told), Account()
            elif entry.get("kind") == BEFORE:
                so_far, account = total(so_far, account, told), Account()
                told = Told.model_validate_json(str(entry.get("text")))
            else:
                account.add(AGENT_EVENT.validate_python(entry))
        except ValidationError:
            continue  # a note of ours, or a line that was cut off
    return total(so_far, account, told).model_copy(update={"seconds": round(seconds, 3)})
