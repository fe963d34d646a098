"""Writes the tables of docs/ from the code that they describe: ``python -m scripts.write_docs``.

Settings, the repository's configuration and the commands are each declared once, with their texts. A test holds
the committed pages equal to what this writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.agents.agent import Agent
from bot.agents.command import PLACEHOLDERS
from bot.agents.roster import KNOWN
from bot.config import PROTECTED, RepositoryConfig
from bot.decide.commands.help import RULES, access_text
from bot.journal import EVENTS, Sort
from bot.model.offer import AgentOffer, McpServer
from bot.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"

NOTE = "<!-- Written by `make docs`; change the code that it describes instead. -->\n\n"

EXAMPLES: dict[str, str | list[str]] = {
    "base_branch": "main",
    "protected": ["migrations/**"],
    "roles.planner.agent": "claude",
    "roles.worker.agent": "claude",
    "roles.reviewer.agent": "claude",
    "roles.planner.model": "opus",
    "roles.worker.model": "sonnet",
    "roles.reviewer.model": "opus",
    "verify.command": "make test",
    "worktree.sparse": ["shop", "tools/build"],
    "hooks.after_create": "npm ci",
    "hooks.before_run": "make generate",
    "hooks.after_run": "docker compose down",
    "hooks.before_remove": "rm -rf node_modules",
}
"""What the example shows where the default is nothing."""


BUDGETS = """## Budgets

A session is warned when four fifths of its budget are used (in its transcript, and in a file that its prompt names and
`CREWLINE_NOTICE_FILE` leads to) and ended when all of it is; what it had committed is salvaged. Where a task or an
objective has spent its budget, a person is asked once, and `/budget 10` grants more; where the day has, everything
waits until midnight UTC. What sessions may spend that run side by side is taken from what is left before they start:
give sessions a budget too, and these shares are yours to choose. Money and tokens are counted as far as the agent
tells them: Claude Code and opencode tell both, mini-swe-agent money, Codex, Gemini CLI and Kimi Code tokens. For the
last three money is reckoned by the list price of the model, from the table of
[genai-prices](https://github.com/pydantic/genai-prices) as it came with this server, and is called so wherever it is
shown. What you pay may differ, and a model that the table does not know has no bound in money: its session's check
says so.
"""

PROMPTS = """## Prompts

A repository may word the prompts in its own way, in Jinja2: `.github/crewline/planner.md`, `worker.md`, `reviewer.md`,
`amend.md`, which asks the planner to amend its plan, `follow_up.md`, which tells an agent in the same conversation what
is still wrong, and `answer.md`, which brings it there what people answered to its question. What stands in
`.github/crewline/memory.md` is told to every agent, and what stands in `system.md` there is told as its system prompt,
where its program has one, else before its first prompt. All of these are read from the default branch, never from an
agent's own, and change nothing of what Crewline itself does.
"""


PLACES = (
    *("agent", "a system prompt goes to", "MCP servers go to", "caps it keeps itself"),
    *("tokens", "tells money", "of a role it is told"),
)

TOKENS = {
    "claude": "after each answer",
    "codex": "after each answer, from its home",
    "gemini": "after each answer, from its home",
    "opencode": "after each answer",
    "mini": "never; money at the end",
    "kimi": "after each answer, from its home",
}
"""When it is known what an agent has used."""

TURNS = """An agent that can go on is told in the same conversation what is still wrong, before its attempt counts as
failed (`limits.follow_ups`): the verify command, the gate, missing commits, a missing summary, files left behind.
Criteria that are not met lead to such a turn only where the agent itself says `partial`; what a reviewer finds goes to
a new session.

A person's answer to an agent that said `blocked`, or the hint of a `/retry`, is its next turn: a new session, with a
claim and a budget of its own, goes on with the old conversation, in the same folder and with the same home, and its
prompt holds the answer and little else (`answer.md`). Its tree is at what the agent had committed, with the newest base
merged in; of what it had not committed only what git ignores is there. What the conversation had cost before is not
counted again.

That takes an agent that can go on, and the same server, still running: it waits for an answer for a day, keeps as many
such trees as `CREWLINE_READY_TREES` says, the newest, and none on a disk in trouble. It is not done where the agent or
its model is another one now, its task, paths, rules or findings have changed, a check failed since, the new base
conflicts with its commits or somebody pushed to its branch, the gate refused what it had committed, or the repository
has a hook `before_remove`, submodules or Git LFS in its trees. Then, and where the program does not know the
conversation any more, nothing of it goes on: the session begins with the commits of the one before, where they could be
salvaged, and has question and answer in its whole prompt, in a new home. Its transcript says which it was.
"""

STANDING = """## Standing rules and MCP servers

Rules that hold beside every task: `system` in `CREWLINE_AGENTS` for one agent, and `.github/crewline/system.md` on the
default branch of a repository for all agents there. Both are said, the operator's first, as the program's system prompt
where it has one, else before the first prompt.

MCP servers are the operator's alone. What a server needs to know it is given by the names of the server's variables,
whose values are masked everywhere and stand in no argument and no file; the agent's program holds them in its
environment, since it starts the servers itself. In a sandbox a command must be on the PATH, in `CREWLINE_SANDBOX_PATHS`
or be named by whole paths, and the host of a `url` may be reached. An agent that takes none is refused them.

```sh
CREWLINE_AGENTS='{
  "claude": {
    "system": "Write British English.",
    "mcp": {
      "docs": {"command": "/opt/docs-server --stdio", "variables": ["DOCS_KEY"]},
      "tickets": {"url": "https://tickets.example.com/mcp", "token": "TICKETS_TOKEN"}
    }
  },
  "mine": {
    "command": "my-agent --task {prompt_file} --rules {system_file} --mcp {mcp_file}",
    "base_url": "https://models.example.com/v1", "base_url_variable": "OPENAI_BASE_URL",
    "variables": ["OPENAI_API_KEY"]
  }
}'
```
"""

CAPS = """A program that keeps a cap itself is told what is left, and ends with its own words. All others are ended by
Crewline: where tools have answered and the model would be asked again, at once; else within two seconds. The next
request may be on its way by then. Money that a program tells only at its end cannot end it before. Where it tells
tokens and no money, each answer is reckoned by the list price of its model (`bot/agents/prices.py`): what you pay may
be another sum. Where it tells neither, or no price of that model is known, a bound on money bounds nothing: the
transcript of the session and its check say so. An agent of your own tells money only where it speaks the Agent Client
Protocol and sends its cost; `tokens`, `turns` and `minutes` bound what others do. What an agent cannot be told of its
role (a model, an effort) stands in the transcript too.

Of what a program writes down in its home 1 MB is read at a look, and 32 MB in a turn; what is beyond counts for no cap.
"""


def pages() -> dict[str, str]:
    """The text of each page by its name in docs/."""
    return {
        "settings.md": settings_page(),
        "configuration.md": configuration_page(),
        "commands.md": commands_page(),
        "agents.md": agents_page(),
        "operating.md": operating_page(),
    }


def settings_page() -> str:
    prefix = Settings.model_config.get("env_prefix", "")
    rows = [
        f"| `{prefix}{name.upper()}` | {'*required*' if field.is_required() else default_text(field.default)} "
        f"| {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return (
        f"{NOTE}# Settings of the server\n\n"
        "`crewline serve` reads its settings from environment variables.\n\n"
        + table("| variable | default | what it sets |", rows)
        + "\nExactly one of `CREWLINE_PRIVATE_KEY` and `CREWLINE_PRIVATE_KEY_FILE` must be set.\n"
    )


def configuration_page() -> str:
    rows = [
        f"| `{key.path}` | {type_text(key.field)} | {default_text(key.default)} | {key.field.description} |"
        for key in keys_of(RepositoryConfig, RepositoryConfig())
    ]
    always = "\n".join(f"* `{glob}`" for glob in PROTECTED)
    return (
        f"{NOTE}# Settings of a repository\n\n"
        "A repository sets these in `.github/crewline.yml`, which is read from its default branch and from nowhere "
        "else. The file and every key in it may be absent. An unknown key or a value that does not fit is refused: "
        "then the newest good version of the file stays in force, and where there never was one, nothing starts and "
        "nothing merges until it is mended or deleted.\n\n"
        + table("| key | type | default | what it sets |", rows)
        + f"\nThese paths are always protected, whatever `protected` adds:\n\n{always}\n\n"
        f"{BUDGETS}\n{PROMPTS}\n"
        f"## An example with every key\n\n```yaml\n{example()}```\n"
    )


def _money(agent: Agent) -> str:
    if agent.tells_money:
        return "yes"
    return "no" if agent.notebook is None else "by list prices"


def agents_page() -> str:
    rows = [
        f"| `{agent.name}` | `{agent.program}` | {', '.join(f'`{name}`' for name in agent.credentials)} "
        f"| {', '.join(f'`{host}`' for host in agent.hosts)} | {'yes' if agent.resumes else 'no'} |"
        for agent in KNOWN
    ]
    keys = [
        f"| `{name}` | {default_text(field.default)} | {field.description} |"
        for name, field in AgentOffer.model_fields.items()
    ]
    places = [
        f"| `{agent.name}` | {agent.system_place or 'none: before the first prompt'} | {agent.mcp_place or 'none'} "
        f"| {' and '.join(metric.value for metric in agent.keeps) or 'none'} | {TOKENS[agent.name]} "
        f"| {_money(agent)} | {' and '.join(agent.takes)} |"
        for agent in KNOWN
    ]
    servers = [f"| `{name}` | {field.description} |" for name, field in McpServer.model_fields.items()]
    return (
        f"{NOTE}# Agents\n\n"
        "A repository names who plays a role: `roles.worker.agent: claude`, `claude:opus` with its model, or a list, "
        "in which the next one takes over while the model of the one before is rate limited, overloaded, out of "
        "credit, not logged in or unreachable (which counts as nobody's failure). A person chooses for one task with "
        "`/assign codex` or the label `crewline:agent=codex`. The program must be on the server's PATH; "
        "`crewline doctor` shows its version, `crewline doctor --ask` whether it answers.\n\n"
        + table("| agent | program | variables of the server that it is given | hosts | can go on |", rows)
        + "\nEvery other variable of the server stays with the server. *Can go on* says whether it can continue a "
        f"conversation.\n\n{TURNS}\n## Others, and changes to these\n\n"
        "`CREWLINE_AGENTS` is a JSON object of agents by name. An entry with a `command` is an agent of your own; "
        "one without changes a known agent.\n\n" + table("| key | default | what it sets |", keys) + "\n```sh\n"
        "CREWLINE_AGENTS='{\n"
        '  "aider": {"command": "aider --yes --message-file {prompt_file}", "variables": ["OPENAI_API_KEY"]},\n'
        '  "gemini-acp": {"command": "gemini --acp", "speaks": "acp", "variables": ["GEMINI_API_KEY"]},\n'
        '  "codex": {"base_url": "https://models.example.com/v1"}\n'
        "}'\n```\n\n"
        f"A `command` may hold {', '.join(f'`{{{name}}}`' for name in PLACEHOLDERS)}. It is split into words as a "
        "shell would, and no shell runs it. The program works in the current folder, commits with git, and prints a "
        "summary block as its last words; what it prints is never taken for evidence. `{system_file}` and `{mcp_file}` "
        "are the files with the standing rules and the MCP servers below (`mcpServers`, as most programs read it). "
        "With `speaks: acp` only `{model}` stands for something.\n\n"
        f"{STANDING}\n"
        + table("| key of an MCP server | what it sets |", servers)
        + "\n"
        + table(f"| {' | '.join(PLACES)} |", places)
        + f"\n{CAPS}"
    )


def commands_page() -> str:
    rows = [f"| `{rule.usage}` | {rule.text} |" for rule in RULES]
    return (
        f"{NOTE}# Commands\n\n"
        f"A person with {access_text(RULES)} to the repository types a command at the start of a line of a comment, "
        "on the objective, on a task or on its pull request. Quoted lines and code do not count; a comment carries out "
        "one command. Each also works as `/crewline …`, for example `/crewline retry`.\n\n"
        + table("| command | what it does |", rows)
        + "\nThe bot reacts with 👀 when it has seen the command, then with 🚀 when it is carried out, or with 😕 and "
        "one line that says why not.\n"
    )


OPERATING = """# Operating: what the log and the counters say

`CREWLINE_LOG_JSON=1` writes one JSON object a line; `CREWLINE_LOG_LEVEL` sets how much. Whatever is refused, tried
again or given up has a line of its own, whose `event` is the name in the table, and a counter. Lines carry the ids of
what they belong to:

| field | what it is |
|---|---|
| `delivery` | The GUID of the webhook behind it, as in the App's delivery log; of more webhooks the first few. |
| `repository`, `objective` | `owner/name`, and the number of the issue that was handed off. |
| `task`, `session` | The planner's name for the task; the session, as in its branch, its transcript and the status. |
| `request_id` | GitHub's own name of a request that it answered. |

So `grep` for a GUID shows what one webhook led to, and for a session what became of it.

`GET /metrics` gives the counters in Prometheus' text format, to whoever asks on the machine itself, as the dashboard:
`crewline_events_total{event="…",sort="…"}`, where `event` is the name in lower case with `_` for all that is no letter
or digit, `crewline_open_objectives` and `crewline_running_tasks`. Labels never hold names of people, repositories or
issues.

Where a person can do something about one objective, its status comment says so too, with the command that goes on.
"""

SORTS = {
    Sort.REFUSAL: "Refusals",
    Sort.RETRY: "Tried again without a person",
    Sort.GIVE_UP: "Given up",
}


def operating_page() -> str:
    parts = [f"{NOTE}{OPERATING}"]
    for sort, title in SORTS.items():
        rows = [
            f"| {event.name} | {event.level} | {', '.join(f'`{name}`' for name in event.ids)} "
            f"| {event.meaning}{' ' + event.remedy if event.remedy else ''} |"
            for event in EVENTS.all.values()
            if event.sort is sort
        ]
        parts.append(
            f"\n## {title}\n\n" + table("| event | level | always names | what it means, and what to do |", rows)
        )
    return "".join(parts)


def table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows]) + "\n"


@dataclass(frozen=True)
class Key:
    """One key of the configuration. A group's own default overrides those of its fields."""

    path: str
    field: FieldInfo
    default: object


def keys_of(model: type[BaseModel], defaults: BaseModel, above: str = "") -> Iterator[Key]:
    """Every field that is no group of fields, in order."""
    for name, field in model.model_fields.items():
        value: object = getattr(defaults, name)
        if isinstance(value, BaseModel):
            yield from keys_of(type(value), value, f"{above}{name}.")
        else:
            yield Key(above + name, field, value)


def default_text(value: object) -> str:
    return "—" if value is None else f"`{shown(value)}`"


def shown(value: object) -> str:
    """A value as YAML and the environment both spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def type_text(field: FieldInfo) -> str:
    bounds = {name: getattr(part, name) for part in field.metadata for name in ("ge", "le") if hasattr(part, name)}
    if bounds:
        return f"{bounds['ge']} to {bounds['le']}" if "le" in bounds else f"{bounds['ge']} or more"
    return annotation_text(field.annotation)


def annotation_text(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list of text"
    if get_origin(annotation) in (Union, UnionType):
        return ", ".join(annotation_text(part) for part in get_args(annotation) if part is not type(None))
    if annotation is bool:
        return "`true`, `false`"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return ", ".join(f"`{choice.value}`" for choice in annotation)
    return "text" if annotation is str else "number"


def example() -> str:
    """A whole file: every key with its default, or with an example where the default is nothing."""
    lines: list[str] = []
    open_groups: list[str] = []
    for key in keys_of(RepositoryConfig, RepositoryConfig()):
        *groups, name = key.path.split(".")
        for depth, group in enumerate(groups):
            if open_groups[depth : depth + 1] != [group]:
                lines.append(f"{'  ' * depth}{group}:")
                del open_groups[depth:]
                open_groups.append(group)
        indent = "  " * len(groups)
        lines.append(f"{indent}# {key.field.description}")
        lines.append(f"{indent}{name}: {in_yaml(EXAMPLES.get(key.path, key.default))}")
    return "\n".join(lines) + "\n"


def in_yaml(value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
