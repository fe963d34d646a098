"""Small files of ours that others read: each is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def written(path: Path, text: str) -> Path:
    """The absolute path of a file with `text`. Raises OSError."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_text(text)
    half.replace(path)
    return path.absolute()
