"""Stories of agents in a sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.model.sandbox import NetworkMode, Part, Terms
from tests.agents.conftest import installed
from tests.agents.model.script import SUMMARY, Ask, Reply, Run, Say
from tests.agents.model.server import serve
from tests.sandbox.available import bubblewrap
from tests.sandbox.engines import container
from tests.stories.plays import playbook, task
from tests.stories.stage import QUICK, stage
from tests.stories.test_real_agents import (
    JOB,
    KEY,
    answer_is_the_next_turn,
    asks_first,
    offers,
    programs,
    roles,
    transcripts,
)

__all__ = ["installed", "programs"]

CALLS = f"{sys.executable} -c 'import urllib.request as web; web.urlopen(\"http://evil.example\")' 2>&1 | tail -1"
LOOKS = "cat /proc/*/environ | tr '\\0' '\\n'"


def curious_job(ask: Ask) -> Reply:
    """It does its job, calls somebody, and looks for keys wherever there is an environment."""
    return Say(SUMMARY.format(text="Looked around.")) if ask.results else Run(f"{JOB}\n{CALLS}\n{LOOKS}")


async def test_the_main_job_in_bubblewrap(tmp_path: Path) -> None:
    bubblewrap()
    config = f"{QUICK}verify:\n  command: test -f one.txt && test ! -e {tmp_path}/playbook.json\n"
    async with stage(tmp_path, playbook(task("one"), task("two", "one")), config=config, sandbox="bubblewrap") as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("two.txt") == f"by {objective.number}.two.worker.1\n"


async def test_the_main_job_in_containers(tmp_path: Path) -> None:
    offered = container("podman")
    agent = [Path(__file__).parents[2] / "bot", tmp_path / "playbook.json", tmp_path / "shared"]
    config = f"{QUICK}verify:\n  command: test -f one.txt && test ! -e {tmp_path}/bot.log\n"
    async with stage(
        tmp_path,
        playbook(task("one")),
        config=config,
        sandbox="container",
        network="none",
        container_engine=offered.words,
        container_image=offered.image,
        sandbox_paths=":".join(map(str, [*offered.paths, *agent])),
    ) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.1\n"
        (pull,) = story.pull_requests()
        assert "Sandbox of the session: container (podman), network none" in (pull.body or "")


async def test_each_role_has_its_network_and_the_repository_makes_it_narrower(tmp_path: Path) -> None:
    bubblewrap()
    verify = 'test "$(wc -l </proc/net/dev)" = 3'
    config = f"{QUICK}verify:\n  command: {verify}\n  network: none\n"
    given = {Part.REVIEWER: Terms(network=NetworkMode.MODEL_ONLY)}
    async with stage(tmp_path, playbook(task("one")), config=config, sandbox="bubblewrap", roles=given) as story:
        objective = story.hand_off()
        await story.closed(objective)
        (pull,) = story.pull_requests()
        said = "Sandbox of the session: bubblewrap, network open; of its verify command: bubblewrap, network none."
        assert said in (pull.body or "")
        told = transcripts(story)
        assert "worker: bubblewrap: agents see the system and their own tree, nothing else; the network is open" in told
        assert "reviewer: bubblewrap: agents see the system and their own tree, nothing else; of the network" in told
        assert "verify: bubblewrap: agents see the system and their own tree, nothing else; no network" in told


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_real_agents_do_the_main_job_without_a_network_and_without_their_key(
    tmp_path: Path, worker: str, others: str
) -> None:
    bubblewrap()
    async with (
        serve(curious_job) as model,
        stage(
            tmp_path,
            {},
            config=roles(worker, others),
            agents=offers(model.url),
            sandbox="bubblewrap",
            network="model-only",
        ) as story,
    ):
        objective = story.hand_off()
        await story.closed(objective)
        assert [pull.merged for pull in story.pull_requests()] == [True, True]
        assert {ask.key for ask in model.asked} == {KEY}, "the proxy put the key in its place"
        seen = "".join(result for ask in model.asked for result in ask.results)
        assert "CREWLINE_SESSION=" in seen
        assert "HTTP Error 403" in seen
        assert KEY not in seen
        told = transcripts(story)
        assert KEY not in told
        assert "it may not reach evil.example:80" in told
        said = "Sandbox of the session: bubblewrap, network model-only; it may not reach evil.example:80"
        assert all(said in (pull.body or "") for pull in story.pull_requests())


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("worker", "others"), [("claude", "codex"), ("codex", "claude")])
async def test_a_person_s_answer_is_the_next_turn_in_there_too(tmp_path: Path, worker: str, others: str) -> None:
    bubblewrap()
    config = roles(worker, others)
    async with (
        serve(asks_first) as model,
        stage(
            tmp_path, {}, config=config, agents=offers(model.url), sandbox="bubblewrap", network="model-only"
        ) as story,
    ):
        await answer_is_the_next_turn(story, model)
        assert {ask.key for ask in model.asked} == {KEY}


async def test_what_is_demanded_and_cannot_be_had_keeps_sessions_from_running(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one")), sandbox="none", network="model-only") as story:
        objective = story.hand_off()
        await story.bot_says(objective, "CREWLINE_NETWORK=model-only needs a sandbox: CREWLINE_SANDBOX is none")
        assert story.pull_requests() == []
        records = (await story.ledger(objective)).sessions
        assert all(record.spend.seconds == 0 for record in records), "no agent was started"
