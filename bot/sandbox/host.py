"""What this machine offers to hold an agent: asked of the machine itself, by trying."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bot.model.sandbox import NetworkMode
from bot.sandbox.bubblewrap import USER, Host, Room, confined
from bot.sandbox.written import written

_ENTRIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_PATIENCE = 20
"""Seconds that the trial may take."""


def find_host(folder: Path) -> Host | str:
    """What the machine is like, tried out with a real program; or why bubblewrap cannot be used. Small files of ours
    are written to `folder`. Raises OSError where that cannot be."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed (the program bwrap, in a package named bubblewrap)"
    folder.mkdir(parents=True, exist_ok=True)
    entries = [Path("/", name) for name in _ENTRIES]
    host = Host(
        Path(program).resolve(),
        links=tuple((path, str(path.readlink())) for path in entries if path.is_symlink()),
        folders=tuple(path for path in entries if path.is_dir() and not path.is_symlink()),
        passwd=written(
            folder / "passwd",
            f"agent:x:{USER}:{USER}:agent:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        ),
        group=written(folder / "group", f"agent:x:{USER}:\nnogroup:x:65534:\n"),
    )
    problem = _trial(host, folder / "trial")
    return host if problem is None else problem


def _trial(host: Host, folder: Path) -> str | None:
    """Why a sandbox cannot be made, None where it can."""
    folder.mkdir(exist_ok=True)
    room = Room(folder, folder, (folder,))
    try:
        done = subprocess.run(
            confined(["true"], host, room, NetworkMode.NONE),
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return "bubblewrap is installed, but does not come to an end here"
    if done.returncode == 0:
        return None
    said = " ".join(done.stderr.split())[-300:] or f"exit code {done.returncode}"
    return f"bubblewrap is installed, but cannot make a sandbox here: {said}"
