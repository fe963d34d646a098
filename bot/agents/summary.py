"""The summary block: what an agent says of its own work, as YAML between two marks on lines of their own.

Other orchestrators use the same form, so that their agents work here. The last block counts: a prompt that shows
an example may be echoed before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml
from pydantic import TypeAdapter, ValidationError

from bot.model.session import Summary

BEGIN = "---SESSION_SUMMARY---"
END = "---END_SESSION_SUMMARY---"

_BLOCK = re.compile(rf"^[ \t]*{BEGIN}[ \t]*\r?\n(?P<yaml>.*?)^[ \t]*{END}[ \t]*$", re.MULTILINE | re.DOTALL)
SUMMARY: TypeAdapter[Summary] = TypeAdapter(Summary)
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class UnreadableSummary:
    """There is a block, but it cannot be used; `problem` is one line for people."""

    problem: str


def find_summary(text: str) -> Summary | UnreadableSummary | None:
    """The last summary block in `text`, None where there is none. It never raises."""
    start = text.rfind(BEGIN)
    match = _BLOCK.search(text, text.rfind("\n", 0, start) + 1) if start >= 0 else None
    if match is None:
        return None
    block = match["yaml"]
    if len(block) > _LONGEST:
        return UnreadableSummary(f"the summary has {len(block)} characters, more than {_LONGEST}")
    try:
        return SUMMARY.validate_python(_known(yaml.load(block, _Plain)))
    except yaml.YAMLError as error:
        return UnreadableSummary(f"the summary is not YAML: {' '.join(str(error).split())}")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return UnreadableSummary(f"the summary's {place or 'block'}: {first['msg']}")
    except (ValueError, RecursionError) as error:
        return UnreadableSummary(f"the summary cannot be read: {error}")


class _Plain(yaml.SafeLoader):
    """Without aliases, which can make a small text huge."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def _known(value: object) -> object:
    """Fields of other orchestrators are left out; an empty list may be written as nothing, one item as text."""
    if not isinstance(value, dict):
        return value
    known = {key: item for key, item in value.items() if key in Summary.model_fields and item is not None}
    needed = known.get("out_of_scope_changes_needed")
    if isinstance(needed, bool) or needed == "":
        known.pop("out_of_scope_changes_needed")
    elif isinstance(needed, str):
        known["out_of_scope_changes_needed"] = [needed]
    return known
