"""What a person types and gets wrong: one clear text, exit code 2, no traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.demo.settings_problems import unknown_variables
from bot.sessions.archive import pack
from tests.sandbox.available import bubblewrap


def crewline(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "COLUMNS": "100"}
    return subprocess.run(
        (sys.executable, "-m", "bot", *arguments),
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    said = crewline("--help", folder=tmp_path).stdout
    for command in ("serve", "demo", "try", "localhub", "gc", "doctor", "version"):
        assert command in said


@pytest.mark.parametrize(
    ("start", "needless"),
    [
        ("import bot.cli", {"asyncio", "bot.localhub", "bot.server", "githubkit", "jinja2", "pydantic", "uvicorn"}),
        ("import bot.server", {"acp", "bot.demo", "bot.localhub", "detect_secrets", "requests", "typer"}),
        ("import bot.demo.demo", {"bot.agents", "bot.server", "bot.sessions", "githubkit"}),
        ("import bot.demo.trial", {"bot.server", "bot.sessions", "githubkit"}),
        ("import bot.demo.alone", {"bot.agents", "bot.model", "bot.server", "githubkit"}),
        ("import bot.demo.serving", {"bot.localhub", "requests"}),
    ],
    ids=["the command line", "the server", "demo", "try", "localhub", "serve"],
)
def test_a_start_imports_nothing_that_it_does_not_need(tmp_path: Path, start: str, needless: set[str]) -> None:
    code = f"import sys\n{start}\nprint(sorted({needless!r} & set(sys.modules)))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CREWLINE_")}
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, check=True, cwd=tmp_path, env=clean
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("importing", ["bot.cli", "bot.demo.demo"])
def test_ctrl_c_while_it_still_starts_prints_no_traceback(tmp_path: Path, importing: str) -> None:
    code = f"""
import os, runpy, signal, sys

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == {importing!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["crewline", "demo"]
runpy.run_module("bot", run_name="__main__")
"""
    done = subprocess.run((sys.executable, "-c", code), cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {},
            ["CREWLINE_APP_ID: is not set", "CREWLINE_WEBHOOK_SECRET: is not set", "CREWLINE_PRIVATE_KEY_FILE: is not"],
        ),
        ({"CREWLINE_APP_ID": "twelve"}, ["CREWLINE_APP_ID: Input should be a valid integer"]),
        ({"CREWLINE_APP_ID": "1", "CREWLINE_WEBHOOK_SECRET": "s"}, ["set exactly one of CREWLINE_PRIVATE_KEY and"]),
        (
            {"CREWLINE_APP_ID": "1", "CREWLINE_WEBHOOK_SECRET": "s", "CREWLINE_PRIVATE_KEY_FILE": "/nowhere/key.pem"},
            ["cannot read /nowhere/key.pem: No such file or directory"],
        ),
        (
            {
                "CREWLINE_APP_ID": "1",
                "CREWLINE_WEBHOOK_SECRET": "s",
                "CREWLINE_PRIVATE_KEY": "x",
                "CREWLINE_LOG_LEVEL": "loud",
            },
            ["CREWLINE_LOG_LEVEL: 'loud' is not one of debug, info, warning, error", "CREWLINE_PRIVATE_KEY: is no RSA"],
        ),
        ({"CREWLINE_WEBHOOK_SECRET": ""}, ["CREWLINE_WEBHOOK_SECRET: is empty"]),
        ({"CREWLINE_API_URL": "localhost:80"}, ["CREWLINE_API_URL: String should match pattern '^https?://.'"]),
        (
            {
                "CREWLINE_APP_ID": "1",
                "CREWLINE_WEBHOOK_SECRET": "s",
                "CREWLINE_PRIVATE_KEY_FILE": __file__,
                "CREWLINE_AGENT": "claud",
            },
            [f"CREWLINE_PRIVATE_KEY_FILE: {__file__} is no RSA private key", "Did you mean 'claude'?"],
        ),
        (
            {
                "CREWLINE_APP_ID": "1",
                "CREWLINE_WEBHOOK_SECRET": "s",
                "CREWLINE_PRIVATE_KEY": "x",
                "CREWLINE_AGENT_COMMAND": "mine {prompt}",
            },
            ["CREWLINE_AGENT_COMMAND: the agent command has {prompt}; it may have {prompt_file}"],
        ),
    ],
)
def test_settings_that_do_not_fit_are_named_one_by_one(
    tmp_path: Path, environment: dict[str, str], words: list[str]
) -> None:
    done = crewline("serve", folder=tmp_path, **environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_variable_that_is_no_setting_is_told_with_the_nearest_one() -> None:
    assert unknown_variables(["PATH", "CREWLINE_PORT", "CREWLINE_PROT", "crewline_data"]) == [
        "CREWLINE_PROT is no setting and is ignored. Did you mean CREWLINE_PORT?"
    ]


def test_a_key_that_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    done = crewline(
        "serve",
        folder=tmp_path,
        CREWLINE_APP_ID="1",
        CREWLINE_WEBHOOK_SECRET="s",
        CREWLINE_PRIVATE_KEY="not-a-pem-text",
        CREWLINE_PORT="0",
        CREWLINE_API_URL="http://127.0.0.1:9",
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "not-a-pem-text" not in done.stderr


def test_the_demo_refuses_an_agent_that_is_not_there(tmp_path: Path) -> None:
    unknown = crewline("demo", "--agent", "claud", folder=tmp_path)
    assert unknown.returncode == 2
    assert "Did you mean 'claude'?" in unknown.stderr
    missing = crewline("demo", "--agent", "claude", folder=tmp_path, PATH="/nonexistent")
    assert missing.returncode == 2
    assert "there is no program 'claude' on the PATH" in missing.stderr


def test_the_demo_refuses_an_agent_without_a_key(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    done = crewline("demo", "--agent", "claude", folder=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 2
    assert "ANTHROPIC_API_KEY" in done.stderr


def test_gc_says_what_it_deletes(tmp_path: Path) -> None:
    transcript = tmp_path / "data/transcripts/octo/shop/1.one.worker.1.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_bytes(b"x" * 3_000_000)
    os.utime(transcript, (0, 0))
    here = {"CREWLINE_DATA": str(tmp_path / "data")}
    assert "Would free 3.0 MB in 1 item." in crewline("gc", "--dry-run", folder=tmp_path, **here).stdout
    said = crewline("gc", folder=tmp_path, **here).stdout
    assert "transcripts/octo/shop/1.one.worker.1.jsonl" in said
    assert "Freed 3.0 MB in 1 item." in said
    assert crewline("gc", folder=tmp_path, **here).stdout == "Nothing to delete.\n"
    refused = crewline("gc", "--data", "nowhere", folder=tmp_path)
    assert (refused.returncode, "there is no data folder nowhere" in refused.stderr) == (2, True)
    wrong = crewline("gc", folder=tmp_path, CREWLINE_TREES_MB="many")
    assert (wrong.returncode, "CREWLINE_TREES_MB" in wrong.stderr) == (2, True)


def test_logs_shows_the_transcript_of_a_session_compressed_or_not(tmp_path: Path) -> None:
    path = tmp_path / "data/transcripts/octo/shop/1.one.worker.1.jsonl"
    path.parent.mkdir(parents=True)
    begun = {"at": "2026-01-01T12:00:01.000+00:00", "kind": "tool_call", "name": "Bash", "arguments": "ls"}
    ended = {"at": "2026-01-01T12:00:02.000+00:00", "kind": "outcome", "text": "published"}
    path.write_text(f"{json.dumps(begun)}\n")
    here = {"CREWLINE_DATA": str(tmp_path / "data")}
    assert crewline("logs", "1.one.worker.1", folder=tmp_path, **here).stdout == "12:00:01 tool_call    Bash ls\n"
    pack(path)
    path.write_text(f"{json.dumps(ended)}\n")
    pack(path)
    said = crewline("logs", "--follow", "octo/shop/1.one.worker.1", folder=tmp_path, **here).stdout
    assert said == "12:00:01 tool_call    Bash ls\n12:00:02 outcome      published\n"
    raw = crewline("logs", "--raw", "1.one.worker.1", folder=tmp_path, **here).stdout
    assert [json.loads(line) for line in raw.splitlines()] == [begun, ended]
    missing = crewline("logs", "1.one.worker.2", folder=tmp_path, **here)
    assert (missing.returncode, "Did you mean" in missing.stderr) == (2, True)


def test_the_doctor_says_what_it_finds(tmp_path: Path) -> None:
    well = crewline("doctor", folder=tmp_path)
    assert well.returncode == 0
    assert "ok      git version" in well.stdout
    ill = crewline("doctor", folder=tmp_path, PATH="/nonexistent", CREWLINE_APP_ID="twelve")
    assert ill.returncode == 1
    assert "MISSING git" in ill.stdout
    assert "CREWLINE_APP_ID" in ill.stdout


def test_the_doctor_says_what_agents_run_in(tmp_path: Path) -> None:
    plain = crewline("doctor", folder=tmp_path, CREWLINE_SANDBOX="none")
    assert "note    sandbox: agents are not sandboxed (CREWLINE_SANDBOX is none)" in plain.stdout
    assert plain.returncode == 0
    demanded = crewline("doctor", folder=tmp_path, CREWLINE_SANDBOX="none", CREWLINE_NETWORK="model-only")
    assert "MISSING sandbox: no session runs: CREWLINE_NETWORK=model-only needs a sandbox" in demanded.stdout
    assert demanded.returncode == 1
    container = crewline("doctor", folder=tmp_path, CREWLINE_SANDBOX="container")
    assert "MISSING sandbox: no session runs: CREWLINE_SANDBOX=container cannot be had" in container.stdout
    assert "CREWLINE_CONTAINER_IMAGE is not set" in container.stdout
    bubblewrap()
    real = crewline("doctor", folder=tmp_path, CREWLINE_SANDBOX="bubblewrap", CREWLINE_NETWORK="none")
    assert "ok      sandbox: bubblewrap: agents see the system and their own tree" in real.stdout
    assert "bounds: a session has at most" in real.stdout
    told = crewline("doctor", folder=tmp_path, CREWLINE_ROLES='{"verify": {"network": "none"}}').stdout
    assert "ok      sandbox (planner, worker, reviewer): bubblewrap: agents see the system" in told
    assert (
        "ok      sandbox (verify): bubblewrap: agents see the system and their own tree, nothing else; no netw" in told
    )


def test_the_doctor_asks_agents_and_says_which_do_not_answer(tmp_path: Path) -> None:
    programs = {"claude": ("2.1.0 (Claude Code)", "false", "READY"), "codex": ("codex-cli 0.1", "", "")}
    for name, (version, is_error, text) in programs.items():
        result = f'{{"type":"result","subtype":"success","is_error":{is_error},"result":"{text}"}}'
        script = f"""#!/bin/sh
if [ "$1" = --version ]; then echo "{version}"; exit; fi
{f"echo '{result}'" if text else "echo 'it has no model' >&2; exit 3"}
"""
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    keys = {"ANTHROPIC_API_KEY": "sk-ant-key-of-a-test", "OPENAI_API_KEY": "sk-key-of-a-test"}
    done = crewline("doctor", "--ask", folder=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}", **keys)
    assert "ok      agent claude: installed (2.1.0 (Claude Code)); it answers: READY" in done.stdout
    assert "MISSING agent codex: installed (codex-cli 0.1); it does not answer: it has no model" in done.stdout
    assert done.returncode == 1
    assert "key-of-a-test" not in done.stdout + done.stderr
