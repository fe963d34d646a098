"""Global node ids: opaque to clients, reversible here.

GitHub's are a type prefix, an underscore and URL-safe base64 (`I_kwDOABCDEF…`). These have the same look:
the prefix names the kind, the rest is the database id.
"""

import base64
from typing import Literal, get_args

Kind = Literal[
    "User", "Bot", "Organization", "App", "Repository", "Issue", "PullRequest", "IssueComment", "Label", "Milestone",
    "PullRequestReview", "PullRequestReviewComment", "PullRequestReviewThread", "CheckRun", "CheckSuite", "Ref",
    "Commit", "StatusContext", "Reaction", "TimelineEvent", "Installation", "BranchProtectionRule", "Status",
]  # fmt: skip

PREFIXES: dict[Kind, str] = {
    "User": "U", "Bot": "BOT", "Organization": "O", "App": "A", "Repository": "R", "Issue": "I", "PullRequest": "PR",
    "IssueComment": "IC", "Label": "LA", "Milestone": "MI", "PullRequestReview": "PRR",
    "PullRequestReviewComment": "PRRC", "PullRequestReviewThread": "PRRT", "CheckRun": "CR", "CheckSuite": "CS",
    "Ref": "REF", "Commit": "C", "StatusContext": "SC", "Reaction": "REA", "TimelineEvent": "EV",
    "Installation": "IN", "BranchProtectionRule": "BPR", "Status": "S",
}  # fmt: skip
KINDS: dict[str, Kind] = {prefix: kind for kind, prefix in PREFIXES.items()}
_MARK = b"\x93\x00\xce"

assert set(get_args(Kind)) == set(PREFIXES)


def node_id(kind: Kind, database_id: int) -> str:
    """The global id of the thing of this kind with this database id."""
    packed = _MARK + database_id.to_bytes(9, "big")
    return f"{PREFIXES[kind]}_{base64.urlsafe_b64encode(packed).decode()}"


def parse_node_id(text: str) -> tuple[Kind, int] | None:
    """Kind and database id, or None when this is not a global id."""
    prefix, _, rest = text.partition("_")
    kind = KINDS.get(prefix)
    if kind is None or not rest:
        return None
    try:
        packed = base64.b64decode(rest, altchars=b"-_", validate=True)
    except ValueError:
        return None
    if not packed.startswith(_MARK) or len(packed) != len(_MARK) + 9:
        return None
    return kind, int.from_bytes(packed[len(_MARK) :], "big")


def named_node_id(kind: Kind, repository_id: int, name: str) -> str:
    """The global id of a thing that is known by name within a repository (a ref, a commit)."""
    packed = repository_id.to_bytes(6, "big") + name.encode()
    return f"{PREFIXES[kind]}_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def parse_named_node_id(text: str) -> tuple[Kind, int, str] | None:
    """Kind, repository id and name of a global id made by `named_node_id`, or None."""
    prefix, _, rest = text.partition("_")
    kind = KINDS.get(prefix)
    if kind not in ("Ref", "Commit"):
        return None
    try:
        packed = base64.b64decode(rest + "=" * (-len(rest) % 4), altchars=b"-_", validate=True)
        return kind, int.from_bytes(packed[:6], "big"), packed[6:].decode()
    except ValueError:
        return None
