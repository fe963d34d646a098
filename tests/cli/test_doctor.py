"""What `crewline doctor` says of agents, beside `tests/cli/test_command_line.py`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_command_line import crewline


def test_the_doctor_asks_no_agent_that_needs_a_model_and_has_none(tmp_path: Path) -> None:
    (tmp_path / "mini").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "mini").chmod(0o755)
    here = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OPENAI_API_KEY": "sk-key-of-a-test"}
    done = crewline("doctor", "--ask", folder=tmp_path, **here)
    assert "note    agent mini: installed; not asked, since it needs a model: `model` in CREWLINE_AGENTS" in done.stdout
    named = crewline("doctor", "--ask", folder=tmp_path, CREWLINE_AGENTS='{"mini": {"model": "openai/gpt-5"}}', **here)
    assert "MISSING agent mini: installed; it does not answer" in named.stdout
