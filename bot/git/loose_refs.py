"""Moving a ref without a process, by git's own rules: a lock file beside it, written whole, renamed over it.

A loose ref hides one of the same name in ``packed-refs`` (gitrepository-layout(5)). Where somebody holds the lock, or
a folder stands in the way, git itself is asked.
"""

from __future__ import annotations

import os
from pathlib import Path

from bot.model.identity import CommitSha


def write_ref(repository: Path, ref: str, sha: CommitSha) -> bool:
    """Whether `ref` (its full name, which git would take) is now at `sha`; False: nothing was changed."""
    target = repository / ref
    lock = target.with_name(f"{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{sha}\n")
        lock.replace(target)
    except OSError:
        lock.unlink(missing_ok=True)
        return False
    return True
