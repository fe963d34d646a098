"""Git as a process: how it is waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import asyncio, threading
from bot.git.process import git, wait_without_threads
async def main():
    outputs = await asyncio.gather(*(git("version") for _ in range(3)))
    return {output.exit_code for output in outputs}
began = []
threading.setprofile(lambda frame, event, value: began.append(frame))
wait_without_threads()
print(asyncio.run(main()), len(began))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it takes a pidfd")
def test_no_thread_is_started_to_wait_for_git() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "{0} 0\n", done.stderr
