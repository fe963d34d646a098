"""Reading and writing loose objects without a process.

What was pushed or merged a moment ago lies loose, and a process to read it costs more than all the rest of a
request. What is packed is left to git. The format is gitformat-loose(5): zlib over ``kind size NUL content``.
"""

import zlib
from hashlib import sha1
from pathlib import Path
from secrets import token_hex


def read_loose(repository: Path, sha: str) -> tuple[str, bytes] | None:
    """Kind and content of an object by its full sha; None where it does not lie loose."""
    try:
        data = zlib.decompress((repository / "objects" / sha[:2] / sha[2:]).read_bytes())
    except OSError:
        return None
    header, _, content = data.partition(b"\0")
    return header.partition(b" ")[0].decode(), content


def kind_of_loose(repository: Path, sha: str) -> str | None:
    """The kind alone, however large the content; None where it does not lie loose."""
    try:
        with (repository / "objects" / sha[:2] / sha[2:]).open("rb") as file:
            header = zlib.decompressobj().decompress(file.read(64), 32)
    except OSError:
        return None
    return header.partition(b" ")[0].decode()


def write_loose(repository: Path, kind: str, content: bytes) -> str:
    """Store an object; its sha. It comes into being whole."""
    data = f"{kind} {len(content)}\0".encode() + content
    sha = sha1(data, usedforsecurity=False).hexdigest()
    target = repository / "objects" / sha[:2] / sha[2:]
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        half = target.with_name(f"tmp_obj_{token_hex(6)}")
        half.write_bytes(zlib.compress(data, 1))
        half.chmod(0o444)
        half.replace(target)
    return sha
