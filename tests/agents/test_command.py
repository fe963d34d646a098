"""Command templates and the roster."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.agents.acp import AcpAgent
from bot.agents.agent import Invocation, Message
from bot.agents.command import BadTemplate, CommandAgent
from bot.agents.roster import Needs, Roster, UnknownAgent
from bot.model.offer import AgentOffer, McpServer

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


def test_the_model_of_a_role_goes_before_that_of_the_operator() -> None:
    mine = AgentOffer(command="mine --model {model} {prompt_file}", model="small")
    spoken = AgentOffer(command="spoken --json '{}' --model={model}", speaks="acp")
    roster = Roster({"mini": AgentOffer(model="openai/gpt-5"), "mine": mine, "spoken": spoken})
    assert (roster.model("mini"), roster.model("mini", "openai/other")) == ("openai/gpt-5", "openai/other")
    assert (roster.model("mine"), roster.model("claude"), roster.model("nobody")) == ("small", None, None)
    argv = roster.find("spoken").start(replace(INVOCATION, model="big")).argv
    assert argv[-4:] == ("spoken", "--json", "{}", "--model=big")
    takes = [roster.find(name).takes for name in ("mine", "spoken", "claude", "gemini")]
    assert takes == [("model",), ("model",), ("model", "effort"), ("model",)]
    assert AcpAgent("deaf", "deaf --acp").takes == ()


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


def test_a_command_is_told_where_its_model_its_rules_and_its_mcp_servers_are(tmp_path: Path) -> None:
    roster = Roster(
        {
            "mine": AgentOffer(
                command="run {prompt_file} --rules {system_file} --mcp {mcp_file}",
                base_url="https://models.example.com/v1",
                base_url_variable="OPENAI_BASE_URL",
                variables=("OPENAI_API_KEY",),
                mcp={"tickets": McpServer(url="https://tickets.example.com/mcp", token="TICKETS_TOKEN")},
            )
        },
        {"OPENAI_API_KEY": "sk-model-1234", "TICKETS_TOKEN": "token-1234"},
    )
    mine = roster.find("mine")
    invocation = replace(INVOCATION, system="Be kind.", mcp=roster.mcp(mine), base_url="http://127.0.0.1:8118")
    command = mine.start(invocation)
    assert command.environment == {"OPENAI_BASE_URL": "http://127.0.0.1:8118"}
    assert command.files[Path(command.argv[3])] == "Be kind."
    assert json.loads(command.files[Path(command.argv[5])])["mcpServers"]["tickets"] == {
        "type": "http",
        "url": "https://tickets.example.com/mcp",
        "headers": {"Authorization": "Bearer ${TICKETS_TOKEN}"},
    }
    assert roster.needs(mine) == Needs(
        (), ("tickets.example.com",), "https://models.example.com/v1", ("OPENAI_API_KEY",), ("TICKETS_TOKEN",)
    )


@pytest.mark.parametrize(
    ("name", "model", "url", "keys"),
    [
        ("claude", None, "https://api.anthropic.com", ("ANTHROPIC_API_KEY",)),
        ("kimi", None, "https://api.kimi.com/coding/v1", ("KIMI_API_KEY",)),
        ("kimi", "moonshot/kimi-k2", "https://api.moonshot.ai/v1", ("MOONSHOT_API_KEY",)),
        ("mini", "openai/gpt-5", "https://api.openai.com/v1", ("OPENAI_API_KEY",)),
        ("mini", "anthropic/claude-sonnet-4-5", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",)),
        ("mini", "gemini/gemini-2.5-pro", None, ()),
        ("opencode", "anthropic/claude-sonnet-4-5", None, ()),
    ],
)
def test_each_program_asks_a_model_that_its_key_is_for(
    name: str, model: str | None, url: str | None, keys: tuple[str, ...]
) -> None:
    roster = Roster()
    needs = roster.needs(roster.find(name), model)
    assert needs.model == url
    assert needs.keys[: len(keys)] == keys


@pytest.mark.parametrize(
    ("offer", "said"),
    [
        ({"mcp": {"x": {"command": "x"}}}, "agent mini takes no MCP servers"),
        ({"command": "run", "mcp": {"x": {"command": "x"}}}, r"without \{mcp_file\} in its command"),
    ],
)
def test_who_takes_no_mcp_servers_is_refused_them(offer: dict[str, object], said: str) -> None:
    with pytest.raises(BadTemplate, match=said):
        Roster({"mini": AgentOffer.model_validate(offer)})


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"command": "x", "url": "https://x"},
        {"command": " "},
        {"command": "x '"},
        {"command": "x", "token": "T"},
        {"url": "https://x", "variables": ["V"]},
        {"url": "https://x", "token": "sk-a-key-itself"},
    ],
)
def test_an_mcp_server_that_cannot_be_meant_is_refused(server: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        McpServer.model_validate(server)
