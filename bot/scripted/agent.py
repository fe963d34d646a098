"""The scripted agent's program.

    python -I -S …/agent.py --playbook FILE PROMPT_FILE WORKTREE [ANSWER_FILE]

It learns which session it plays from CREWLINE_SESSION, as every agent may; the answer file also from
CREWLINE_ANSWER_FILE. Exit code 2 means that the playbook or the call cannot be used.

Little stands here: Python compiles the file that it is given anew at each start, and only what that imports not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # -I leaves the package's own folder out

from bot.scripted.performing import GitTrouble, Stage
from bot.scripted.playbook import Playbook, PlaybookError, Session

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str], environment: os._Environ[str] = os.environ) -> int:
    """Raises PlaybookError."""
    if len(arguments) not in (4, 5) or arguments[0] != "--playbook":
        raise PlaybookError("usage: agent.py --playbook FILE PROMPT_FILE WORKTREE [ANSWER_FILE]")
    prompt_file, worktree = Path(arguments[2]), Path(arguments[3])
    answer = arguments[4] if len(arguments) == 5 else environment.get("CREWLINE_ANSWER_FILE", "")
    session = Session.parse(environment.get("CREWLINE_SESSION", ""))
    playbook = Playbook.read(Path(arguments[1]))
    try:
        prompt = prompt_file.read_text(encoding="utf-8")
    except OSError as error:
        raise PlaybookError(f"cannot read the prompt file {prompt_file}: {error.strerror}") from None
    performance = playbook.performance(session, prompt, worktree)
    stage = Stage(session, playbook.folder, worktree.resolve(), Path(answer) if answer else None)
    return stage.play(performance)


def main() -> int:
    try:
        return run(sys.argv[1:])
    except PlaybookError as error:
        print(f"scripted agent: {error}", file=sys.stderr)
        return 2
    except GitTrouble as error:
        print(f"scripted agent: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing is left to tidy up, and the interpreter would take a while over it
