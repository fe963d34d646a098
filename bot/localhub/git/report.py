"""The report at the end of a push: pkt-lines within pkt-lines, in which refused refs say why.

See "gitprotocol-pack" of git's documentation: packets are a four-digit hexadecimal length and data; with a
side band the first byte of the data is the band, and band 1 carries the report as packets of its own.
"""

from collections.abc import Iterator, Mapping

FLUSH = b"0000"
LARGEST = 65_515


def packets(data: bytes) -> Iterator[bytes | None]:
    """The data of each packet; None for a flush."""
    position = 0
    while position + 4 <= len(data):
        length = int(data[position : position + 4], 16)
        if length < 4:
            yield None
            position += 4
        else:
            yield data[position + 4 : position + length]
            position += length


def packet(data: bytes) -> bytes:
    """Data as a packet."""
    return f"{len(data) + 4:04x}".encode() + data


def with_reasons(report: bytes, reasons: Mapping[str, str]) -> bytes:
    """The report with "hook declined" replaced by the reason for that ref."""
    try:
        outer = list(packets(report))
    except ValueError:
        return report
    if not any(one is not None and one[:1] == b"\x01" for one in outer):
        return _renamed(report, reasons)
    inner = b"".join(one[1:] for one in outer if one is not None and one[:1] == b"\x01")
    shown = b"".join(packet(one) for one in outer if one is not None and one[:1] != b"\x01")
    new = _renamed(inner, reasons)
    pieces = [new[start : start + LARGEST] for start in range(0, len(new), LARGEST)]
    return shown + b"".join(packet(b"\x01" + one) for one in pieces) + FLUSH


def _renamed(inner: bytes, reasons: Mapping[str, str]) -> bytes:
    lines: list[bytes] = []
    for line in packets(inner):
        if line is None:
            lines.append(FLUSH)
            continue
        words = line.decode(errors="replace").split(" ", 2)
        if words[0] == "ng" and len(words) == 3 and words[1] in reasons and "hook declined" in words[2]:
            line = f"ng {words[1]} {reasons[words[1]]}\n".encode()
        lines.append(packet(line))
    return b"".join(lines)
