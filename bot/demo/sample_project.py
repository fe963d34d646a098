"""The sample project that a demo works on, and whose it is there."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
OWNER = "ada"


def sample_files() -> dict[str, str]:
    """The sample project as it is handed over."""
    sample = HERE / "sample"
    return {
        path.relative_to(sample).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(sample.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
