"""The sample project and its playbook, without a bot: each task is green on its own, and the whole does the job."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, JsonValue

from bot import scripted
from bot.demo.demo import TESTS
from bot.demo.play import read_issue
from bot.demo.sample_project import HERE, sample_files
from bot.model.plan import PLANNER_ANSWER, Plan, merge_order
from bot.model.scope import allows, overlap
from bot.model.session import VERDICT


class Script(BaseModel):
    sessions: dict[str, list[dict[str, JsonValue]]]


SCRIPT = Script.model_validate_json((HERE / "playbook" / "playbook.json").read_text())
AGENT = Path(scripted.__file__).with_name("agent.py")


class Project:
    """The sample as a repository, and the scripted agent without its pauses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "larder"
        for name, text in sample_files().items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        shutil.copytree(HERE / "playbook", folder / "playbook")
        quick = {name: [{**one, "seconds": 0} for one in parts] for name, parts in SCRIPT.sessions.items()}
        (folder / "playbook" / "playbook.json").write_text(json.dumps({"sessions": quick}))
        self.run("git", "init", "--quiet")
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "first")

    def run(self, *command: str, session: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "CREWLINE_SESSION": session,
        }
        return subprocess.run(command, cwd=self.tree, env=environment, capture_output=True, text=True, check=False)

    def play(self, session: str, prompt: str = "") -> subprocess.CompletedProcess[str]:
        (self.folder / "prompt.md").write_text(prompt)
        files = ("playbook/playbook.json", "prompt.md", "larder", "answer.json")
        arguments = [str(self.folder / name) for name in files]
        return self.run(sys.executable, "-I", "-S", str(AGENT), "--playbook", *arguments, session=session)

    @property
    def answer(self) -> bytes:
        return (self.folder / "answer.json").read_bytes()

    def changed(self) -> list[str]:
        return self.run("git", "diff", "--name-only", "HEAD~1").stdout.split()

    def tests_pass(self) -> bool:
        return self.run("sh", "-c", TESTS).returncode == 0


def the_plan(project: Project) -> Plan:
    assert project.play("1.planner.1").returncode == 0
    plan = PLANNER_ANSWER.validate_json(project.answer)
    assert isinstance(plan, Plan)
    return plan


def test_the_plan_is_a_real_dag(tmp_path: Path) -> None:
    plan = the_plan(Project(tmp_path))
    assert len(plan.tasks) >= 6
    roots = [task for task in plan.tasks if not task.depends_on]
    assert len(roots) >= 2, "nothing runs side by side"
    assert any(len(task.depends_on) > 1 for task in plan.tasks), "nothing joins"
    scopes = [task.scope for task in plan.tasks]
    assert not any(overlap(one, other) for index, one in enumerate(scopes) for other in scopes[:index])


def test_every_task_is_green_in_its_scope_and_the_whole_shops_for_a_week(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.tests_pass()
    plan = the_plan(project)
    for key in merge_order(plan.tasks):
        assert project.play(f"1.{key}.worker.1").returncode == 0
        assert [path for path in project.changed() if not allows(plan.task(key).scope, path)] == []
        assert project.tests_pass(), key
        project.play(f"1.{key}.reviewer.1")
        verdict = VERDICT.validate_json(project.answer)
        if verdict.decision == "request_changes":
            assert key == "aisles"
            assert project.play("1.aisles.worker.2").returncode == 1, "it went on without the findings"
            findings = "\n".join(f"- {finding.message}" for finding in verdict.findings)
            assert project.play("1.aisles.worker.3", findings).returncode == 0
            assert project.tests_pass()
            project.play("1.aisles.reviewer.2")
            verdict = VERDICT.validate_json(project.answer)
        assert verdict.decision == "approve"
    shopping = ("-m", "larder", "shop", "examples/week.txt", "--pantry", "examples/pantry.txt")
    printed = project.run(sys.executable, *shopping).stdout
    _, wanted = read_issue((HERE / "objective.md").read_text())
    for line in printed.splitlines()[:3]:
        assert line in wanted
