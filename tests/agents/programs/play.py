"""One run of an adapter's program in a small repository, as a session would start it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from bot.agents.agent import Account, Agent, AgentEvent, Invocation
from bot.sessions.notebook import Notebook
from bot.sessions.process import Ending, Tail, run_guarded

IDENTITY = {
    "GIT_AUTHOR_NAME": "agent",
    "GIT_AUTHOR_EMAIL": "agent@example.invalid",
    "GIT_COMMITTER_NAME": "agent",
    "GIT_COMMITTER_EMAIL": "agent@example.invalid",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@dataclass
class Played:
    """How it went. `output` is standard output as it came."""

    ending: Ending
    events: list[AgentEvent]
    account: Account
    output: bytes
    errors: str

    def of(self, *kinds: type[AgentEvent]) -> list[AgentEvent]:
        return [event for event in self.events if isinstance(event, kinds)]


@dataclass(frozen=True)
class Desk:
    """A repository with one commit, a home, and the folder of a program on the PATH."""

    folder: Path
    programs: Path

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def set_up(self) -> None:
        (self.folder / "home").mkdir()
        self.git("init", "-q", "-b", "main", str(self.tree), where=self.folder)
        (self.tree / "README.md").write_text("# A shop\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")

    def git(self, *arguments: str, where: Path | None = None) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **IDENTITY}
        done = subprocess.run(
            ("git", *arguments), cwd=where or self.tree, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def invocation(self, prompt: str, model: str, base_url: str) -> Invocation:
        prompt_file = self.folder / "prompt-1.md"
        prompt_file.write_text(prompt)
        answer = self.folder / "answer" / "answer.json"
        return Invocation(
            prompt_file, self.tree, answer, "1.shop.worker.1", model, self.folder / "home", base_url=base_url
        )

    async def play(
        self, agent: Agent, invocation: Invocation, keys: dict[str, str], seconds: float = 60, **changes: object
    ) -> Played:
        """Run the program to its end, as `bot.sessions.turn` does, or until `enough` is done."""
        enough = changes.pop("enough", None)
        assert enough is None or isinstance(enough, asyncio.Future)
        invocation = replace(invocation, **changes)  # type: ignore[arg-type]
        notebook = Notebook(invocation.home, agent.notebook)
        argv, environment = self.lay_out(agent, invocation, keys)
        output, errors = bytearray(), Tail(4_000)
        ending = await run_guarded(
            argv,
            folder=self.tree,
            environment=environment,
            seconds=seconds,
            on_output=output.extend,
            on_error_output=errors,
            grace=1.0,
            enough=enough,
        )
        events = [event for line in bytes(output).splitlines() for event in agent.events(line)]
        events += [event for line in notebook.new_lines() for event in agent.noted(line)]
        events += agent.ending(invocation, ending.code, errors.text)
        account = Account()
        for event in events:
            account.add(event)
        return Played(ending, events, account, bytes(output), errors.text)

    def lay_out(
        self, agent: Agent, invocation: Invocation, keys: dict[str, str]
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Its arguments and its environment, with the files that it needs in their places."""
        command = agent.start(invocation)
        for path, text in command.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(invocation.home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            **IDENTITY,
            **keys,
            **command.environment,
        }
        return command.argv, environment
