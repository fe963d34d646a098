"""`crewline try` on somebody's own repository: it does the job there, and leaves every byte of theirs alone."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot import scripted
from bot.demo.refusal import Refusal
from bot.demo.trial import Trial, choose_agent, run_try
from tests.demo.crewline import Run, started
from tests.localhub.gh.binary import GH

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
ONE_TASK: JsonValue = {
    "kind": "plan",
    "summary": "One note.",
    "tasks": [{"key": "note", "title": "Note", "description": "Write note.txt.", "scope": ["note.txt"]}],
}
ASKING: JsonValue = {"answer": {"kind": "questions", "questions": ["Which colour?", "How many?"]}}
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


def play(tmp_path: Path, **sessions: JsonValue) -> None:
    """From now on the sessions of `command` go so, the others as ever."""
    (tmp_path / "playbook.json").write_text(json.dumps({"sessions": {**SESSIONS, **sessions}}))


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its content and time of change, git's own included."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


def gh(folder: Path, line: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "GH_PROMPT_DISABLED": "1"}
    subprocess.run(("sh", "-c", line), env=environment, cwd=folder, check=True, capture_output=True, timeout=60)


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
    play(tmp_path, planner=[{"answer": ONE_TASK}])
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        assert trial.end() == 0, trial.output
    assert "No verify command is set, so no tests are run: give one with --verify" in trial.output


def test_what_was_not_merged_can_be_fetched_too(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    (project / ".github").mkdir()
    (project / ".github" / "crewline.yml").write_text("limits:\n  review_rounds: 1\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "settings")
    finding: JsonValue = {"severity": "blocking", "path": "second.txt", "line": 1, "message": "No."}
    refusal: JsonValue = {"answer": {"decision": "request_changes", "summary": "No.", "findings": [finding]}}
    sessions: dict[str, JsonValue] = {"second.reviewer": [refusal]}
    play(tmp_path, **sessions)
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        assert trial.end() == 1, trial.output
    assert "a person is asked, and nobody is there to answer." in trial.output
    assert "  second is needs you: " in trial.output
    assert "The result, branch trunk with all that was merged, is in" in trial.output
    (fetch,) = (line for line in trial.output.splitlines() if "refs/heads/crewline/*:" in line)
    subprocess.run(fetch, shell=True, check=True, capture_output=True)
    assert git(project, "show", "crewline/1/second:second.txt") == "by 1.second.worker.1"


def test_what_the_planner_asks_is_said_at_once_and_nothing_is_left(
    tmp_path: Path, project: Path, issue: Path, command: str
) -> None:
    play(tmp_path, planner=[ASKING])
    with started(tmp_path, "try", str(project), "--issue", str(issue), "--agent-command", command) as trial:
        assert trial.end() == 1, trial.output
        assert trial.left() == []
    assert "nobody is there to answer. Try again with --keep to answer it yourself." in trial.output
    assert "  The planner asks:\n  1. Which colour?\n  2. How many?\n" in trial.output
    assert "Nothing was committed, so there is no result to fetch." in trial.output
    assert list(tmp_path.glob("crewline-try-*")) == []


def test_an_answer_lets_a_try_that_is_kept_go_on_and_what_is_merged_later_is_handed_over_too(
    tmp_path: Path, project: Path, issue: Path, command: str
) -> None:
    play(tmp_path, planner=[{"when": {"prompt_has": ["Blue, two of them."]}, "answer": ONE_TASK}, ASKING])
    output = tmp_path / "result"
    options = ("--issue", str(issue), "--agent-command", command, "--output", str(output), "--keep")
    with started(tmp_path, "try", str(project), *options) as trial:
        trial.until("Ctrl-C ends everything.")
        assert "A person is asked.\n  The planner asks:\n  1. Which colour?\n  2. How many?\n" in trial.output
        (export,) = (line for line in trial.output.splitlines() if "GH_CONFIG_DIR=" in line)
        (curl,) = (line for line in trial.output.splitlines() if line.startswith("  curl "))
        _, _, header, _, body, url = shlex.split(curl)
        assert json.loads(body) == {"body": "YOUR ANSWER"}
        assert url.endswith("/repos/you/My-project/issues/1/comments")
        (say,) = (line for line in trial.output.splitlines() if "gh issue comment 1 --body 'YOUR ANSWER'" in line)
        answer = say.rpartition("; gh ")[2].replace("YOUR ANSWER", "Blue, two of them.")
        gh(tmp_path, f"{export}; '{GH}' {answer}")
        trial.until("Both servers stay up.")
        assert "#2 Note: merged" in trial.output
        assert trial.output.count("A person is asked.") == 1
        assert trial.output.count("The result, branch trunk") == 1
        address = url.partition("/repos/")[0].replace("://", f"://you:{header.rpartition(' ')[2]}@")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "--quiet", f"{address}/you/My-project.git", str(clone))
        (clone / "late.txt").write_text("by hand\n")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "-m", "late")
        git(clone, "push", "--quiet", "origin", "trunk")
        trial.process.send_signal(signal.SIGINT)
        assert trial.end(30) == 130
        assert trial.output.count("The result, branch trunk") == 2
        assert trial.left() == []
    git(project, "fetch", "--quiet", str(output / "result.bundle"), "trunk:crewline-1")
    assert git(project, "show", "crewline-1:note.txt") == "by 1.note.worker.1"
    assert git(project, "show", "crewline-1:late.txt") == "by hand"


def test_without_an_agent_it_says_how_to_name_one(tmp_path: Path, project: Path, issue: Path) -> None:
    """It names those that are installed, and says of which there is no key."""
    claude = tmp_path / "programs" / "claude"
    claude.parent.mkdir()
    claude.write_text("#!/bin/sh\n")
    claude.chmod(0o755)
    path = f"{claude.parent}:/usr/bin:/bin"
    with started(tmp_path, "try", str(project), "--issue", str(issue), PATH=path) as trial:
        said = refused(trial)
    assert "no agent was named" in said
    assert "Found here: claude (no key is set). Set " in said
    assert "ANTHROPIC_API_KEY" in said
    assert "--agent-command 'my-agent --prompt {prompt_file} --dir {worktree}'" in said
    with pytest.raises(Refusal, match=r"Found here: claude\. Add --agent claude\."):
        choose_agent(None, None, environment={"PATH": path, "ANTHROPIC_API_KEY": "key"})
    with pytest.raises(Refusal, match=r"None that Crewline knows was found\."):
        choose_agent(None, None, environment={"PATH": str(tmp_path)})


async def test_what_cannot_be_tried_is_said(tmp_path: Path, project: Path, issue: Path, command: str) -> None:
    plain, empty = tmp_path / "plain", tmp_path / "empty"
    plain.mkdir()
    empty.mkdir()
    git(empty, "init", "--quiet")
    blank = tmp_path / "blank.md"
    blank.write_text("\n")
    trial = Trial(project, issue, None, command, (), None, None, keep=False, minutes=1)
    cases = [
        (replace(trial, path=plain), "is not a git repository"),
        (replace(trial, path=tmp_path / "nowhere"), "no such folder"),
        (replace(trial, path=empty), "has no commit yet"),
        (replace(trial, issue=tmp_path / "none.md"), "cannot read"),
        (replace(trial, issue=blank), "is empty"),
        (replace(trial, agent_command="agent {promptfile}"), "it may have {prompt_file}"),
        (replace(trial, agent_command="no-such-agent {prompt_file}"), "there is no program 'no-such-agent'"),
        (replace(trial, output=project / "out"), "which is never written to"),
    ]
    for case, words in cases:
        with pytest.raises(Refusal, match=re.escape(words)):
            await run_try(case)
    assert not (project / "out").exists()
    options = ("--issue", str(issue), "--agent-command", command, "--verify", " ")
    with started(tmp_path, "try", str(project), *options) as run:
        assert "--verify: the command is empty." in refused(run)


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
