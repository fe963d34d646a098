"""Command templates and the roster."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.agents.agent import Invocation, Message
from bot.agents.command import BadTemplate, CommandAgent
from bot.agents.roster import Roster, UnknownAgent
from bot.model.offer import AgentOffer

INVOCATION = Invocation(
    Path("/w/a b/prompt.md"), Path("/w/$(tree)"), Path("/w/answer.json"), "12.parser.worker.1", None, Path("/w/home")
)


def test_values_are_words_whatever_they_contain() -> None:
    agent = CommandAgent("mine", "run --prompt={prompt_file} '-C {worktree}' {session_id} {{x}} {model}")
    assert agent.start(INVOCATION).argv == (
        "run",
        "--prompt=/w/a b/prompt.md",
        "-C /w/$(tree)",
        "12.parser.worker.1",
        "{x}",
        "",
    )
    assert agent.events(b"hello \xff\r") == (Message(text="hello �"),)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "empty"),
        ("run {promptfile}", r"\{promptfile\}; it may have \{prompt_file\}"),
        ("run {prompt_file.name}", "it may have"),
        ("run {}", "it may have"),
        ("run {prompt_file!r}", "it may have"),
        ("run '", "cannot be read"),
        ("run {", "cannot be read"),
        ("{worktree}/run", "begin with a program"),
    ],
)
def test_a_bad_template_says_what_is_wrong(template: str, said: str) -> None:
    with pytest.raises(BadTemplate, match=said):
        CommandAgent("mine", template)


def test_the_roster_names_the_nearest_agent() -> None:
    roster = Roster({"scripted": AgentOffer(command="python agent.py")})
    assert roster.find("scripted").name == "scripted"
    with pytest.raises(
        UnknownAgent, match=r"no agent 'cluade'; this server offers claude, .*, scripted. Did you mean 'claude'"
    ):
        roster.find("cluade")


def test_the_roster_knows_what_is_installed(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    assert Roster(environment={"PATH": str(tmp_path)}).installed() == ()
    program.chmod(0o755)
    assert Roster({"x": AgentOffer(command="nothing-like-it")}, {"PATH": str(tmp_path)}).installed() == ("claude",)


def test_each_agent_gets_its_own_credentials_only() -> None:
    roster = Roster(
        {"mine": AgentOffer(command="run")},
        {"ANTHROPIC_API_KEY": "sk-ant-1234", "CREWLINE_WEBHOOK_SECRET": "x", "ANTHROPIC_AUTH_TOKEN": ""},
    )
    assert roster.credentials(roster.find("claude")) == {"ANTHROPIC_API_KEY": "sk-ant-1234"}
    assert roster.credentials(roster.find("mine")) == {}
    assert roster.secrets() == ("sk-ant-1234",)


def test_a_command_is_given_the_variables_that_the_server_names_and_no_others() -> None:
    environment = {"MY_MODEL_KEY": "a-secret-key", "OTHER": "value"}
    roster = Roster(
        {"command": AgentOffer(command="my-agent {prompt_file}", variables=("MY_MODEL_KEY", "NOT_SET"))}, environment
    )
    assert roster.credentials(roster.find("command")) == {"MY_MODEL_KEY": "a-secret-key"}
    assert roster.secrets() == ("a-secret-key",)
