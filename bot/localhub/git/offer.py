"""What the service of a push offers, from the refs that are known: a process would read them all anew.

What git can do (its capabilities) is in the first packet of the offer, after a NUL, and is the same for all our
repositories: it is taken from the first offer that git itself made. See gitprotocol-pack(5).
"""

from collections.abc import Mapping

from bot.localhub.git.bare import ZERO
from bot.localhub.git.report import FLUSH, packet, packets


def capabilities_of(offer: bytes) -> bytes | None:
    """The capabilities in an offer of git's; None where it has another form than expected."""
    first = next(packets(offer), None)
    if first is None or b"\0" not in first:
        return None
    return first.partition(b"\0")[2].rstrip(b"\n")


def push_offer(refs: Mapping[str, str], capabilities: bytes) -> bytes:
    """The offer of ``git receive-pack`` for these refs."""
    names = sorted(refs) or ["capabilities^{}"]
    lines = [f"{refs.get(name, ZERO)} {name}".encode() for name in names]
    lines[0] += b"\0" + capabilities
    return b"".join(packet(line + b"\n") for line in lines) + FLUSH
