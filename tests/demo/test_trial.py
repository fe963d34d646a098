"""`crewline try` on somebody's own repository: it does the job there, and leaves every byte of theirs alone."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot import scripted
from tests.demo.crewline import Run, started

PLAN: JsonValue = {
    "kind": "plan",
    "summary": "Two notes, one after the other.",
    "tasks": [
        {"key": "first", "title": "First", "description": "Write first.txt.", "scope": ["first.txt"]},
        {
            "key": "second",
            "title": "Second",
            "description": "Write second.txt.",
            "scope": ["second.txt"],
            "depends_on": ["first"],
        },
    ],
}
SESSIONS: dict[str, JsonValue] = {
    "planner": [{"answer": PLAN}],
    "*.worker": [{"write": {"{task}.txt": "by {session}\n"}}],
    "*.reviewer": [{"answer": {"decision": "approve", "summary": "Scripted."}}],
}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ("git", *identity, *arguments), cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository on a branch of its own name, with a change that is not committed."""
    folder = tmp_path / "My project"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    (folder / "a.txt").write_text("committed\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "first")
    (folder / "a.txt").write_text("not committed\n")
    return folder


@pytest.fixture
def issue(tmp_path: Path) -> Path:
    path = tmp_path / "issue.md"
    path.write_text("# Write two notes\n\nOne after the other.\n")
    return path


@pytest.fixture
def command(tmp_path: Path) -> str:
    playbook = tmp_path / "playbook.json"
    playbook.write_text(json.dumps({"sessions": SESSIONS}))
    agent = Path(scripted.__file__).with_name("agent.py")
    return f"'{sys.executable}' -I -S '{agent}' --playbook '{playbook}' {{prompt_file}} {{worktree}} {{answer_file}}"


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its content and time of change, git's own included."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


def refused(run: Run) -> str:
    assert run.end(30) == 2, run.output
    assert "Traceback" not in run.output
    return run.output


def test_the_result_comes_as_a_bundle_and_the_repository_stays_as_it_was(
    tmp_path: Path, project: Path, issue: Path, command: str
) -> None:
    before = fingerprint(project)
    output = tmp_path / "result"
    options = ("--issue", str(issue), "--agent-command", command, "--verify", "test -f a.txt", "--output", str(output))
    with started(tmp_path, "try", str(project), *options) as trial:
        assert trial.end() == 0, trial.output
        assert "2 of 2 tasks merged" in trial.output
        assert "Not committed, and so not part of it: 1 file." in trial.output
        assert "Every commit must pass `test -f a.txt`." in trial.output
        assert "A commit in the clone sets that" in trial.output
        assert "`test -f a.txt`: pass" in trial.output
        assert trial.left() == []
    assert fingerprint(project) == before
    assert f"fetch {output}/result.bundle trunk:crewline-1" in trial.output
    git(project, "fetch", "--quiet", str(output / "result.bundle"), "trunk:crewline-1")
    assert git(project, "show", "crewline-1:second.txt") == "by 1.second.worker.1"
    assert git(project, "show", "crewline-1:a.txt") == "committed"


def test_without_a_verify_command_it_works_and_says_so(
    tmp_path: Path, project: Path, issue: Path, command: str
) -> None:
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        assert trial.end() == 0, trial.output
    assert "No verify command is set, so no tests are run: give one with --verify" in trial.output


def test_what_was_not_merged_can_be_fetched_too(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    (project / ".github").mkdir()
    (project / ".github" / "crewline.yml").write_text("limits:\n  review_rounds: 1\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "settings")
    refusal = {"answer": {"decision": "request_changes", "summary": "No.", "findings": []}}
    playbook = {"sessions": {**SESSIONS, "second.reviewer": [refusal]}}
    (tmp_path / "playbook.json").write_text(json.dumps(playbook))
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        assert trial.end() == 1, trial.output
    assert "a person is asked, and nobody is there to answer." in trial.output
    assert "The result, branch trunk with all that was merged, is in" in trial.output
    (fetch,) = (line for line in trial.output.splitlines() if "refs/heads/crewline/*:" in line)
    subprocess.run(fetch, shell=True, check=True, capture_output=True)
    assert git(project, "show", "crewline/1/second:second.txt") == "by 1.second.worker.1"


def test_where_nothing_was_made_nothing_is_left(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    playbook = {"sessions": {"planner": [{"seconds": 60, "answer": PLAN}]}}
    (tmp_path / "playbook.json").write_text(json.dumps(playbook))
    options = ("--issue", str(issue), "--agent-command", command, "--minutes", "0.05")
    with started(tmp_path, "try", str(project), *options) as trial:
        assert trial.end() == 1, trial.output
        assert trial.left() == []
    assert "Nothing was committed, so there is no result to fetch." in trial.output
    assert list(tmp_path.glob("crewline-try-*")) == []


def test_without_an_agent_it_says_how_to_name_one(tmp_path: Path, project: Path, issue: Path) -> None:
    with started(tmp_path, "try", str(project), "--issue", str(issue)) as trial:
        said = refused(trial)
    assert "no agent was named" in said
    assert "--agent-command 'my-agent --prompt {prompt_file} --dir {worktree}'" in said


def test_what_cannot_be_tried_is_said(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    plain, empty = tmp_path / "plain", tmp_path / "empty"
    plain.mkdir()
    empty.mkdir()
    git(empty, "init", "--quiet")
    blank = tmp_path / "blank.md"
    blank.write_text("\n")
    cases = [
        ((plain, issue, command), "is not a git repository"),
        ((tmp_path / "nowhere", issue, command), "no such folder"),
        ((empty, issue, command), "has no commit yet"),
        ((project, tmp_path / "none.md", command), "cannot read"),
        ((project, blank, command), "is empty"),
        ((project, issue, "agent {promptfile}"), "it may have {prompt_file}"),
        ((project, issue, "no-such-agent {prompt_file}"), "there is no program 'no-such-agent'"),
    ]
    options = ("--issue", str(issue), "--agent-command", command, "--verify", " ")
    with started(tmp_path, "try", str(project), *options) as trial:
        assert "--verify: the command is empty." in refused(trial)
    for (path, text, agent), words in cases:
        with started(tmp_path, "try", str(path), "--issue", str(text), "--agent-command", agent) as trial:
            assert words in refused(trial)


def test_settings_of_the_repository_that_do_not_fit_are_named_with_their_line(
    tmp_path: Path, project: Path, issue: Path, command: str
) -> None:
    (project / ".github").mkdir()
    (project / ".github" / "crewline.yml").write_text("verify:\n  comand: make test\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "settings")
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        said = refused(trial)
        assert trial.left() == []
    assert ".github/crewline.yml:2:3" in said


def test_the_output_may_not_lie_in_the_repository(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    options = ("--issue", str(issue), "--agent-command", command, "--output", str(project / "out"))
    with started(tmp_path, "try", str(project), *options) as trial:
        assert "which is never written to" in refused(trial)
    assert not (project / "out").exists()
