"""A repository, and sessions in it whose agents are small Python programs that a test writes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.agents.roster import Roster
from bot.git.mirror import Mirror, no_token
from bot.model.assignment import Assignment, PlannerBriefing, ReviewerBriefing, Setback, WorkerBriefing
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.offer import AgentOffer
from bot.model.plan import PlannedTask
from bot.model.sandbox import SandboxPolicy
from bot.model.session import FailureKind, Outcome, Role, SessionReport
from bot.sandbox.sandbox import NO_SANDBOX
from bot.sessions.archive import read_lines
from bot.sessions.live import Progress
from bot.sessions.run import SessionRunner
from bot.sessions.transcripts import transcript_path
from tests.git.conftest import BOT, Remote

SHOP = RepositoryName("octo", "shop")
TASK = PlannedTask(key="parser", title="Parse order lines", description="Add parse_line.", scope=("src/**",))

PRELUDE = """
import json, os, pathlib, signal, subprocess, sys, time
session, prompt_file = os.environ["CREWLINE_SESSION"], os.environ["CREWLINE_PROMPT_FILE"]
answer_file = os.environ["CREWLINE_ANSWER_FILE"]
prompt = pathlib.Path(prompt_file).read_text()
def write(path, text):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()
def commit(message="work", **files):
    git("add", "-A")
    git("commit", "-q", "-m", message)
def answer(value):
    pathlib.Path(answer_file).write_text(value if isinstance(value, str) else json.dumps(value))
def summary(**values):
    print("---SESSION_SUMMARY---", *(f"{key}: {json.dumps(value)}" for key, value in values.items()),
          "---END_SESSION_SUMMARY---", sep="\\n", flush=True)
"""


class World:
    """A remote repository, its mirror, and a runner with one agent named ``scripted``."""

    def __init__(self, folder: Path, remote: Remote, mirror: Mirror, sandbox: SandboxPolicy = NO_SANDBOX) -> None:
        self.folder = folder
        self.remote = remote
        self.mirror = mirror
        self.data = folder / "data"
        self.progress: list[Progress] = []
        scripted = AgentOffer(command=f"{sys.executable} -I {folder / 'agent.py'}")
        self.roster = Roster({"scripted": scripted}, {"ANTHROPIC_API_KEY": "sk-ant-secret"})
        self.runner = SessionRunner(
            self.data, self._mirror, self.roster, on_progress=self.progress.append, sandbox=sandbox
        )
        self.agent("")

    async def _mirror(self, repository: RepositoryName) -> Mirror:
        assert repository == SHOP
        return self.mirror

    def agent(self, program: str) -> None:
        """From now on the agent is this Python program."""
        (self.folder / "agent.py").write_text(PRELUDE + program)

    def worker(self, **changes: object) -> Assignment:
        setback = changes.pop("setback", None)
        assert setback is None or isinstance(setback, Setback)
        briefing = WorkerBriefing(
            objective_title="A shop",
            objective_body="We want a shop.",
            plan=(),
            task=TASK,
            results=(),
            verify_command=None,
            attempt=1,
            setback=setback,
        )
        return self._assignment(Role.WORKER, "parser", briefing).model_copy(update={"scope": TASK.scope, **changes})

    def planner(self, **changes: object) -> Assignment:
        briefing = PlannerBriefing(title="A shop", body="We want a shop.", most_tasks=3, verify_command=None)
        return self._assignment(Role.PLANNER, None, briefing).model_copy(update={"most_tasks": 3, **changes})

    def reviewer(self, head: CommitSha, **changes: object) -> Assignment:
        briefing = ReviewerBriefing(
            objective_title="A shop",
            objective_body="We want a shop.",
            task=TASK,
            head=head,
            summary="Did it.",
            evidence=None,
            round=1,
        )
        return self._assignment(Role.REVIEWER, "parser", briefing).model_copy(update={"judges": head, **changes})

    @staticmethod
    def _assignment(
        role: Role, task: str | None, briefing: PlannerBriefing | WorkerBriefing | ReviewerBriefing
    ) -> Assignment:
        parts = ("12", *((task,) if task else ()), role.value, "1")
        return Assignment(
            id=SessionId(".".join(parts)),
            repository=str(SHOP),
            objective=12,
            role=role,
            task=task,
            agent="scripted",
            model=None,
            seconds=30,
            base_branch="main",
            protected=(".github/workflows/**", ".github/crewline/**"),
            briefing=briefing,
        )

    async def run(self, assignment: Assignment) -> Outcome:
        report: SessionReport = await self.runner.run(assignment)
        assert report.id == assignment.id
        return report.outcome

    def transcript(self, assignment: Assignment) -> list[dict[str, str]]:
        return [json.loads(line) for line in read_lines(transcript_path(self.data, SHOP, assignment.id))]

    async def show(self, commit: str, path: str) -> str | None:
        content = await self.mirror.read(commit, path)
        return None if content is None else content.decode()


def conflict(detail: str = "main has moved") -> Setback:
    return Setback(reason=FailureKind.CONFLICT, detail=detail)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    remote = Remote(tmp_path)
    remote.commit({"README.md": "# Shop\n", "src/shop.py": "price = 1\n", ".github/workflows/ci.yml": "on: push\n"})
    return remote


@pytest.fixture
def programs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where agents are looked for first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
async def world(tmp_path: Path, remote: Remote) -> AsyncIterator[World]:
    async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
        world = World(tmp_path, remote, mirror)
        async with world.runner:
            yield world
        assert list((world.data / "trash").iterdir()) == []


def processes_with(text: str) -> list[int]:
    """Every living process that has `text` in its command line or environment."""

    def found() -> Iterator[int]:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                content = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in content:
                yield int(folder.name)

    return sorted(found())
