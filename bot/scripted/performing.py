"""One performance of the scripted agent: in a worktree, on standard output, with an answer file.

`subprocess` and `shutil` are imported where they are needed: a reviewer needs neither, and the start of this
program is part of every session's price.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from bot.scripted.playbook import Json, Performance, PlaybookError, Session

IDENTITY = ("-c", "user.name=Scripted agent", "-c", "user.email=scripted-agent@crewline.invalid")
"""Git's environment variables, where the bot sets them, come before these."""
TICKS = os.sysconf("SC_CLK_TCK")


class GitTrouble(Exception):
    """git did not do what a worker asked of it."""


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
        began = started()
        lines = performance.say or ("working from a playbook; no model is asked",)
        self._say(lines[0])
        if performance.print:
            print(performance.print, flush=True)
        self._work(performance)
        self._answer(performance)
        for number, line in enumerate(lines[1:], start=1):
            sleep_until(began + performance.seconds * number / len(lines))
            self._say(line)
        while performance.hang:
            time.sleep(3600)
        sleep_until(began + performance.seconds)
        if performance.summary is not None:
            self._summarise(performance)
        return performance.exit_code

    def _say(self, line: str) -> None:
        print(f"[scripted {self.session.id}] {self.session.fill(line)}", flush=True)

    def _work(self, performance: Performance) -> None:
        self._edit(performance)
        commit = performance.commit if self.session.role == "worker" else None
        if not performance.run and commit is None:
            return
        import subprocess

        for command in performance.run:
            subprocess.run(self.session.fill(command), shell=True, cwd=self.worktree, check=False)
        if commit is None:
            return
        try:
            self._commit(self.session.fill(commit))
        except subprocess.CalledProcessError as error:
            raise GitTrouble(f"git failed with exit code {error.returncode}") from None

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
        import subprocess

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


def started() -> float:
    """When this process was started, on the monotonic clock; at most one tick (10 ms) later than it was. Where the
    system does not tell, it is now."""
    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 (half the time of pathlib's)
            ticks = int(file.read().rpartition(b")")[2].split()[19]) + 1
        return time.monotonic() - max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / TICKS)
    except (OSError, AttributeError):
        return time.monotonic()


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
