"""The scripted agent's program.

    python -I -S …/agent.py --playbook FILE PROMPT_FILE WORKTREE [ANSWER_FILE]

It learns which session it plays from CREWLINE_SESSION, as every agent may; the answer file also from
CREWLINE_ANSWER_FILE. Exit code 2 means that the playbook or the call cannot be used.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # -I leaves the package's own folder out

from bot.scripted.playbook import Json, Performance, Playbook, PlaybookError, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

IDENTITY = ("-c", "user.name=Scripted agent", "-c", "user.email=scripted-agent@crewline.invalid")
"""Git's environment variables, where the bot sets them, come before these."""


class Stage:
    """Where one performance plays: a worktree, an answer file, standard output."""

    def __init__(self, session: Session, folder: Path, worktree: Path, answer_file: Path | None) -> None:
        self.session = session
        self.folder = folder
        self.worktree = worktree
        self.answer_file = answer_file

    def play(self, performance: Performance) -> int:
        """The exit code. Raises PlaybookError where an edit does not fit the tree."""
        if performance.ignore_term:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._talk(performance)
        self._edit(performance)
        for command in performance.run:
            subprocess.run(self.session.fill(command), shell=True, cwd=self.worktree, check=False)
        if performance.commit is not None and self.session.role == "worker":
            self._commit(self.session.fill(performance.commit))
        self._answer(performance)
        while performance.hang:
            time.sleep(3600)
        if performance.summary is not None:
            self._summarise(performance)
        return performance.exit_code

    def _talk(self, performance: Performance) -> None:
        lines = performance.say or ("working from a playbook; no model is asked",)
        for line in lines:
            print(f"[scripted {self.session.id}] {self.session.fill(line)}", flush=True)
            time.sleep(performance.seconds / len(lines))
        if performance.print:
            print(performance.print, flush=True)

    def _edit(self, performance: Performance) -> None:
        if performance.copy is not None:
            source = self.folder / performance.copy
            if not source.is_dir():
                raise PlaybookError(f"there is no folder {source} to copy")
            import shutil  # few sessions copy, and every one would wait for it

            shutil.copytree(source, self.worktree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in performance.write.items():
            path = self._path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.session.fill(text), encoding="utf-8")
        for edit in performance.edit:
            path = self._path(edit.path)
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            found = text.count(edit.find)
            if found != 1:
                raise PlaybookError(f"{edit.path} holds {edit.find!r} {found} times, not once")
            path.write_text(text.replace(edit.find, self.session.fill(edit.replace)), encoding="utf-8")
        for name in performance.delete:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.worktree / self.session.fill(name)

    def _commit(self, message: str) -> None:
        git = ("git", *IDENTITY)
        message += "\n\nWritten by Crewline's scripted agent from a playbook; no model was asked.\n"
        subprocess.run((*git, "add", "--all"), cwd=self.worktree, check=True)
        commit = (*git, "commit", "--quiet", "--message", message)
        done = subprocess.run(commit, cwd=self.worktree, check=False, stdout=subprocess.DEVNULL).returncode == 0
        if done:
            return
        subprocess.run((*git, "diff", "--cached", "--quiet"), cwd=self.worktree, check=True)
        print(f"[scripted {self.session.id}] the tree already holds this; nothing to commit", flush=True)

    def _answer(self, performance: Performance) -> None:
        if performance.raw_answer is None and performance.answer is None:
            return
        if self.answer_file is None:
            raise PlaybookError("the playbook answers, but neither {answer_file} nor CREWLINE_ANSWER_FILE names a file")
        text = performance.raw_answer
        if text is None:
            text = json.dumps(self._filled(performance.answer), indent=2, ensure_ascii=False)
        self.answer_file.write_text(text, encoding="utf-8")

    def _filled(self, answer: Json) -> Json:
        if isinstance(answer, str):
            return self.session.fill(answer)
        if isinstance(answer, list):
            return [self._filled(one) for one in answer]
        if not isinstance(answer, dict):
            return answer
        filled = {key: self._filled(value) for key, value in answer.items() if key != "line_of"}
        path, text = filled.get("path"), answer.get("line_of")
        if isinstance(text, str) and isinstance(path, str):
            filled["line"] = self._line(path, self.session.fill(text))
        return filled

    def _line(self, path: str, text: str) -> int:
        try:
            lines = self._path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise PlaybookError(f"a finding names {path}: {error.strerror}") from None
        for number, line in enumerate(lines, start=1):
            if text in line:
                return number
        raise PlaybookError(f"a finding looks for {text!r} in {path}, which no line of it holds")

    def _summarise(self, performance: Performance) -> None:
        """JSON scalars and lists are YAML."""
        values: dict[str, Json] = {
            "status": performance.status,
            "summary": self.session.fill(performance.summary or ""),
            "needs_follow_up": bool(performance.follow_up_notes),
            "follow_up_notes": self.session.fill(performance.follow_up_notes),
            "out_of_scope_changes_needed": list(performance.out_of_scope_changes_needed),
        }
        lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        print("---SESSION_SUMMARY---", *lines, "---END_SESSION_SUMMARY---", sep="\n", flush=True)


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
    except subprocess.CalledProcessError as error:
        print(f"scripted agent: git failed with exit code {error.returncode}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
