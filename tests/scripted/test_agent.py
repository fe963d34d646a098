"""The scripted agent as the bot meets it: a program, a prompt file, a worktree, standard output, an answer file."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

import bot.scripted
from bot.model.plan import PLANNER_ANSWER, Plan
from bot.model.session import VERDICT, Summary
from bot.scripted.performing import started

AGENT = Path(bot.scripted.__file__).with_name("agent.py")


@dataclass(frozen=True)
class Desk:
    """A worktree with one commit, and a place for the files around it."""

    folder: Path

    @property
    def worktree(self) -> Path:
        return self.folder / "worktree"

    @property
    def answer_file(self) -> Path:
        return self.folder / "answer.json"

    def git(self, *arguments: str) -> str:
        command = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments)
        return subprocess.run(
            command, cwd=self.worktree, env=self.environment(), check=True, capture_output=True, text=True
        ).stdout

    def environment(self, session: str = "") -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "CREWLINE_SESSION": session,
        }

    def command(self, sessions: JsonValue, prompt: str) -> list[str]:
        playbook = self.folder / "playbook.json"
        playbook.write_text(sessions if isinstance(sessions, str) else json.dumps({"sessions": sessions}))
        prompt_file = self.folder / "prompt.md"
        prompt_file.write_text(prompt)
        files = (playbook, prompt_file, self.worktree, self.answer_file)
        return [sys.executable, "-I", "-S", str(AGENT), "--playbook", *map(str, files)]

    def play(self, session: str, sessions: JsonValue, prompt: str = "Do it.") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(sessions, prompt), env=self.environment(session), capture_output=True, text=True, check=False
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.worktree.mkdir()
    desk.git("init", "--quiet")
    (desk.worktree / "shop.py").write_text("def total(prices):\n    return 0\n")
    desk.git("add", "--all")
    desk.git("commit", "--quiet", "--message", "first")
    return desk


def summary_of(output: str) -> Summary:
    block = output.rpartition("---SESSION_SUMMARY---")[2].partition("---END_SESSION_SUMMARY---")[0]
    return Summary.model_validate(yaml.safe_load(block))


def test_a_worker_edits_commits_and_says_that_it_is_scripted(desk: Desk) -> None:
    (desk.folder / "extra").mkdir()
    (desk.folder / "extra" / "notes.txt").write_text("copied")
    part: JsonValue = {
        "copy": "extra",
        "write": {"{task}/a.txt": "by {session}"},
        "edit": [{"path": "shop.py", "find": "return 0", "replace": "return sum(prices)"}],
    }
    done = desk.play("12.cart.worker.1", {"cart.worker": [part]})
    assert done.returncode == 0, done.stderr
    assert desk.git("show", "HEAD:cart/a.txt") == "by 12.cart.worker.1"
    assert desk.git("show", "HEAD:notes.txt") == "copied"
    assert "return sum(prices)" in desk.git("show", "HEAD:shop.py")
    assert desk.git("status", "--porcelain") == ""
    assert "scripted agent" in desk.git("log", "-1", "--format=%B")
    summary = summary_of(done.stdout)
    assert summary.status == "completed"
    assert "Scripted" in summary.summary


def test_only_findings_in_the_prompt_lead_to_the_better_edit(desk: Desk) -> None:
    parts: JsonValue = [
        {"when": {"prompt_has": ["Sum the prices"]}, "write": {"shop.py": "better"}},
        {"write": {"shop.py": "poor"}},
    ]
    desk.play("12.cart.worker.1", {"*.worker": parts})
    assert desk.git("show", "HEAD:shop.py") == "poor"
    desk.play("12.cart.worker.2", {"*.worker": parts}, prompt="The reviewer found:\n- shop.py:1 Sum the\n  prices")
    assert desk.git("show", "HEAD:shop.py") == "better"


def test_a_reviewer_judges_the_tree_and_names_the_line(desk: Desk) -> None:
    finding: JsonValue = {"path": "shop.py", "line_of": "return 0", "message": "Sum the prices."}
    parts: JsonValue = [
        {
            "when": {"tree_has": {"shop.py": "return 0"}},
            "answer": {"decision": "request_changes", "summary": "Scripted.", "findings": [finding]},
        },
        {"answer": {"decision": "approve", "summary": "Scripted."}},
    ]
    desk.play("12.cart.reviewer.1", {"*.reviewer": parts})
    verdict = VERDICT.validate_json(desk.answer_file.read_bytes())
    assert (verdict.decision, verdict.findings[0].line) == ("request_changes", 2)
    (desk.worktree / "shop.py").write_text("def total(prices):\n    return sum(prices)\n")
    desk.play("12.cart.reviewer.2", {"*.reviewer": parts})
    assert VERDICT.validate_json(desk.answer_file.read_bytes()).decision == "approve"


def test_a_planner_asks_first_and_plans_when_it_was_answered(desk: Desk) -> None:
    task: JsonValue = {"key": "a", "title": "A", "description": "Do a.", "scope": ["a"]}
    parts: JsonValue = [
        {"when": {"prompt_has": ["euros"]}, "answer": {"kind": "plan", "summary": "One task.", "tasks": [task]}},
        {"answer": {"kind": "questions", "questions": ["Which currency?"]}},
    ]
    desk.play("12.planner.1", {"planner": parts})
    assert PLANNER_ANSWER.validate_json(desk.answer_file.read_bytes()).kind == "questions"
    desk.play("12.planner.2", {"planner": parts}, prompt="Answered: euros")
    assert isinstance(PLANNER_ANSWER.validate_json(desk.answer_file.read_bytes()), Plan)


def test_it_misbehaves_where_the_playbook_says_so(desk: Desk) -> None:
    failed = desk.play("1.a.worker.1", {"*.worker": [{"exit_code": 7, "print": "Segmentation fault", "summary": None}]})
    assert failed.returncode == 7
    assert "Segmentation fault" in failed.stdout
    assert "---SESSION_SUMMARY---" not in failed.stdout
    assert desk.git("rev-list", "--count", "HEAD").strip() == "1"
    blocked = desk.play("1.a.worker.2", {"*.worker": [{"status": "blocked", "summary": "Which currency?"}]})
    assert summary_of(blocked.stdout) == Summary(status="blocked", summary="Which currency?")
    desk.play("1.a.reviewer.1", {"*.reviewer": [{"raw_answer": "looks good to me"}]})
    assert desk.answer_file.read_text() == "looks good to me"
    desk.play("1.a.worker.3", {"*.worker": [{"write": {"x": "y"}, "commit": None}]})
    assert desk.git("status", "--porcelain").strip() == "?? x"


def test_by_ordinal_the_first_that_fits_plays(desk: Desk) -> None:
    parts: JsonValue = [{"when": {"ordinals": [1, 2]}, "exit_code": 5}, {"exit_code": 6}]
    codes = [desk.play(f"1.a.worker.{ordinal}", {"a.worker": parts}).returncode for ordinal in (1, 2, 3)]
    assert codes == [5, 5, 6]


def test_its_seconds_count_from_the_start_of_its_process_and_its_work_comes_first(desk: Desk) -> None:
    parts: JsonValue = [{"seconds": 0.4, "say": ["one", "two"], "write": {"a.txt": "a"}}]
    began = time.monotonic()
    done = desk.play("1.a.worker.1", {"*.worker": parts})
    assert time.monotonic() - began >= 0.4
    assert [line.rpartition(" ")[2] for line in done.stdout.splitlines()[:2]] == ["one", "two"]
    assert desk.git("show", "HEAD:a.txt") == "a"
    assert started() < began, "this process is older than its test"


def test_a_hanging_one_ends_only_by_a_signal(desk: Desk) -> None:
    command = desk.command({"*.worker": [{"hang": True, "ignore_term": True}]}, "Do it.")
    with subprocess.Popen(command, env=desk.environment("1.a.worker.1"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        process.kill()
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("sessions", "session", "words"),
    [
        ("{", "1.a.worker.1", "playbook.json is not JSON"),
        ({"a.wroker": [{}]}, "1.a.worker.1", "'a.wroker' does not end in planner, worker or reviewer"),
        ({"*.worker": [{"sleep": 2}]}, "1.a.worker.1", "sessions.*.worker[0].sleep is unknown; known are: when"),
        ({"*.worker": [{"seconds": "2"}]}, "1.a.worker.1", "sessions.*.worker[0].seconds is not a number"),
        ({"*.worker": [{}]}, "1.planner.1", "no part for session 1.planner.1; the playbook has: *.worker"),
        ({"*.worker": [{"when": {"ordinals": [2]}}]}, "1.a.worker.1", "none of the 1 performances"),
        ({"*.worker": [{}]}, "nonsense", "CREWLINE_SESSION is 'nonsense'"),
        (
            {"*.worker": [{"edit": [{"path": "shop.py", "find": "nowhere", "replace": ""}]}]},
            "1.a.worker.1",
            "shop.py holds 'nowhere' 0 times, not once",
        ),
    ],
)
def test_what_cannot_be_played_is_said(desk: Desk, sessions: JsonValue, session: str, words: str) -> None:
    done = desk.play(session, sessions)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
