"""The server's own settings, from the environment: each ``CREWLINE_…`` variable, its default and its text.

The table in docs/settings.md is generated from this model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.model.offer import AgentOffer
from bot.model.sandbox import Bounds, NetworkMode, Part, SandboxMode, SandboxPolicy, Terms


class StoreSettings(BaseSettings):
    """What is kept on the server's disk, and for how long: all that `crewline gc` needs. MB are of a million bytes."""

    model_config = SettingsConfigDict(env_prefix="CREWLINE_", frozen=True, extra="ignore")

    data: Annotated[
        Path, Field(description="Mirrors, worktrees and transcripts. May be deleted whenever the server is down.")
    ] = Path(".crewline")
    disk_floor_mb: Annotated[
        int, Field(ge=0, description="Free space, in MB, below which no session starts; old things are deleted first.")
    ] = 500
    disk_seconds: Annotated[
        float, Field(gt=0, description="How often the disk is asked for its free space, and whether it can be written.")
    ] = 15.0
    gc_seconds: Annotated[
        float, Field(ge=1, description="How often the server deletes what the next settings let go, oldest first.")
    ] = 3600.0
    transcripts_days: Annotated[float, Field(ge=0, description="How long transcripts of ended sessions are kept.")] = 30
    transcripts_mb: Annotated[int, Field(ge=0, description="How much of them is kept.")] = 2_000
    mirrors_days: Annotated[
        float, Field(ge=0, description="How long mirrors are kept of repositories in which nothing happens.")
    ] = 30
    mirrors_mb: Annotated[int, Field(ge=0, description="How much of them is kept, those in use included.")] = 50_000
    trees_days: Annotated[
        float, Field(ge=0, description="How long trees are kept that sessions of earlier runs left.")
    ] = 7
    trees_mb: Annotated[int, Field(ge=0, description="How much of them is kept.")] = 10_000


class SandboxSettings(StoreSettings):
    """What stands between agents and the machine: all that `crewline doctor` needs to try it out."""

    sandbox: Annotated[
        SandboxMode,
        Field(
            description="What agents and verify commands run in: `bubblewrap`; `container`; `none`; `auto`, which is "
            "bubblewrap where it works and none elsewhere. With `bubblewrap` and `container` no session runs where "
            "that does not work."
        ),
    ] = SandboxMode.AUTO
    network: Annotated[
        NetworkMode,
        Field(
            description="What they reach: `open`, whatever this machine reaches; `model-only`, the hosts of the "
            "agent's model through a proxy of the server's, which keeps the model's key to itself where it can; "
            "`none`. Without a sandbox only `open` can be had."
        ),
    ] = NetworkMode.OPEN
    network_hosts: Annotated[
        str,
        Field(description="Hosts with commas between that are reached as well with `model-only`: `pypi.org:443`."),
    ] = ""
    sandbox_paths: Annotated[
        str,
        Field(
            pattern=r"^(/[^:]*(:/[^:]*)*)?$",
            description="Folders and files, with colons between, that can be read in the sandbox besides the system "
            "and the agent's program: a tool chain, for instance.",
        ),
    ] = ""
    container_image: Annotated[
        str,
        Field(
            description="The image of `container`, which must be there already: with the agents' programs, git and "
            "what the verify command needs, and python3 where the network is `model-only`."
        ),
    ] = ""
    container_engine: Annotated[
        str,
        Field(
            description="How its engine is called, with options of its own: `podman --runtime runc`. Empty: podman or "
            "docker, whichever is on the PATH."
        ),
    ] = ""
    roles: Annotated[
        dict[Part, Terms],
        Field(
            description='Sandbox and network of some roles and of the verify command, as JSON: `{"reviewer": '
            '{"network": "model-only"}, "verify": {"network": "none"}}`. Roles: `planner`, `worker`, `reviewer`, '
            "`verify`; the keys of an entry: `sandbox`, `network`, `hosts`.",
        ),
    ] = {}
    agents: Annotated[
        dict[str, AgentOffer],
        Field(
            description='Agents by name, as JSON: `{"aider": {"command": "aider --message-file {prompt_file}"}, '
            '"claude": {"base_url": "https://models.example.com"}}`. The keys of an entry: `command`, `speaks` '
            "(`lines` or `acp`), `variables`, `model`, `base_url`, `base_url_variable`, `hosts`, `system`, `mcp`, "
            "`sandbox`, `network`; docs/agents.md has them all. Where a role says another sandbox or network than its "
            "agent, the stricter holds.",
        ),
    ] = {}
    session_memory_mb: Annotated[
        int, Field(ge=0, description="Memory of one session, where the machine can bound it; 0: as much as there is.")
    ] = 8_000
    session_processes: Annotated[
        int, Field(ge=0, description="Processes of one session, where the machine can bound them; 0: any number.")
    ] = 2_000
    session_disk_mb: Annotated[
        int, Field(ge=0, description="What one session may write to the disk, tree included; 0: any amount.")
    ] = 20_000

    def sandbox_policy(self) -> SandboxPolicy:
        return SandboxPolicy(
            mode=self.sandbox,
            network=self.network,
            paths=tuple(Path(path) for path in self.sandbox_paths.split(":") if path),
            hosts=tuple(host.strip() for host in self.network_hosts.split(",") if host.strip()),
            bounds=Bounds(
                memory_mb=self.session_memory_mb,
                processes=self.session_processes,
                disk_mb=self.session_disk_mb,
            ),
            hidden=(self.data.absolute(), *self.secret_files()),
            engine=self.container_engine,
            image=self.container_image,
            parts=self.roles,
            agents={name: offer.terms() for name, offer in self.agents.items() if offer.terms() != Terms()},
        )

    def secret_files(self) -> tuple[Path, ...]:
        """Files of the server's that nothing else may see."""
        return ()


class Settings(SandboxSettings):
    """Raises pydantic's ValidationError where a value does not fit; `crewline` prints it variable by variable."""

    app_id: Annotated[int, Field(description="The App's id.")]
    private_key: Annotated[SecretStr | None, Field(description="The App's private key, PEM text.")] = None
    private_key_file: Annotated[Path | None, Field(description="Or the file that holds it.")] = None
    webhook_secret: Annotated[SecretStr, Field(min_length=1, description="The secret that signs webhooks.")]
    api_url: Annotated[
        str, Field(pattern=r"^https?://.", description="GitHub's REST interface; a localhub's address works as well.")
    ] = "https://api.github.com"
    git_url: Annotated[str, Field(pattern=r"^https?://.", description="Where repositories are cloned from.")] = (
        "https://github.com"
    )
    host: Annotated[str, Field(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="The port to listen on; 0 takes a free one.")] = 8646
    agent: Annotated[str, Field(description="The agent for roles that a repository gives to nobody by name.")] = (
        "claude"
    )
    agent_command: Annotated[
        str | None,
        Field(description="A command template that is offered as agent `command`: {prompt_file}, {worktree}, …"),
    ] = None
    agent_variables: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z_][A-Za-z0-9_]*(, *[A-Za-z_][A-Za-z0-9_]*)*)?$",
            description="Names of the server's variables, with commas between, that agent `command` is given: the key "
            "of its model, for instance. Their values are masked wherever text is kept.",
        ),
    ] = ""
    slots: Annotated[int, Field(ge=1, le=200, description="Most sessions at once.")] = 6
    repository_slots: Annotated[
        int, Field(ge=0, le=200, description="Most of them in one repository; 0: as many as there are.")
    ] = 0
    planner_slots: Annotated[
        int, Field(ge=0, le=200, description="Most of them that are planners; 0: as many as there are.")
    ] = 0
    worker_slots: Annotated[
        int, Field(ge=0, le=200, description="Most of them that are workers; 0: as many as there are.")
    ] = 0
    reviewer_slots: Annotated[
        int, Field(ge=0, le=200, description="Most of them that are reviewers; 0: as many as there are.")
    ] = 0
    ready_trees: Annotated[
        int,
        Field(
            ge=0,
            le=64,
            description="Most worktrees that stand ready, of each repository that is so large that a checkout takes "
            "time; each takes as much of the disk as a checkout. As many trees of attempts "
            "that are over are kept for the next ones, and for agents that wait for an answer. 0: none.",
        ),
    ] = 8
    ledger_namespace: Annotated[str, Field(pattern=r"^refs/[a-z]+(/[a-z]+)*$", description="Where ledgers live.")] = (
        "refs/crewline"
    )
    drain_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=86400,
            description="How long sessions go on after TERM or Ctrl-C; then they are ended and handed over to the next "
            "server, which takes up to a minute more. Give the supervisor's own limit that much. A second signal ends "
            "everything at once.",
        ),
    ] = 30.0
    lease_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="The time in which another server goes on with a repository whose server died without a word. "
            "Of several that run by mistake, one serves a repository and the others stand by. 0: nobody checks, for "
            "who is certain that there is only ever one.",
        ),
    ] = 90.0
    name: Annotated[
        str,
        Field(
            max_length=60,
            description="What people call this server, where another one says who serves a repository. It stands in a "
            "ref of the repository.",
        ),
    ] = ""
    write_interval: Annotated[
        float, Field(ge=0, le=60, description="Seconds between two writes to GitHub; it asks for at least 1.")
    ] = 1.0
    settle_seconds: Annotated[
        float,
        Field(ge=0, le=600, description="How long a read may lag behind a write; nothing is created again before."),
    ] = 8.0
    sweep_seconds: Annotated[
        float, Field(ge=1, description="How often every open objective is looked at, for webhooks that were lost.")
    ] = 600.0
    deliveries_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How often GitHub's log is searched for webhooks that it could not deliver, which are then "
            "delivered again; 0: never.",
        ),
    ] = 180.0
    answer_seconds: Annotated[
        float, Field(gt=0, le=600, description="How long GitHub may take for each step of an answer.")
    ] = 30.0
    unreachable_seconds: Annotated[
        float, Field(gt=0, le=600, description="The longest pause between two tries while GitHub does not answer.")
    ] = 60.0
    log_level: Annotated[str, Field(description="debug, info, warning or error.")] = "info"
    log_json: Annotated[bool, Field(description="Log lines as JSON.")] = False

    @model_validator(mode="after")
    def _has_one_key(self) -> Settings:
        if (self.private_key is None) == (self.private_key_file is None):
            raise ValueError("set exactly one of CREWLINE_PRIVATE_KEY and CREWLINE_PRIVATE_KEY_FILE")
        return self

    def secret_files(self) -> tuple[Path, ...]:
        return () if self.private_key_file is None else (self.private_key_file.absolute(),)

    def agent_variable_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.agent_variables.split(",") if name.strip())

    def offers(self) -> dict[str, AgentOffer]:
        """Every agent that is set here, the one of `agent_command` among them."""
        if self.agent_command is None:
            return self.agents
        command = AgentOffer(command=self.agent_command, variables=self.agent_variable_names())
        return {**self.agents, "command": command}

    def private_key_pem(self) -> str:
        """Raises OSError where the key file cannot be read."""
        if self.private_key is not None:
            return self.private_key.get_secret_value()
        assert self.private_key_file is not None
        return self.private_key_file.read_text()
