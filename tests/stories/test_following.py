"""Somebody at the machine follows a session over HTTP, and goes on after the bot was started again."""

from __future__ import annotations

from pathlib import Path

import httpx
from pydantic import TypeAdapter

from bot.model.events import Batch, RunState
from tests.stories.plays import playbook, task
from tests.stories.stage import Stage, stage

BATCH = TypeAdapter(Batch)


async def asked(story: Stage, session: str, after: int) -> Batch:
    assert story.app.webhook_url is not None
    url = story.app.webhook_url.replace("/webhook", f"/api/sessions/{story.shop.full_name}/{session}/events")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.get(url, params={"after": after, "wait": 30})
    assert answer.status_code == 200, answer.text
    return BATCH.validate_json(answer.content)


async def test_a_transcript_is_read_on_where_it_was_left_after_a_restart(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        session = f"{objective.number}.planner.1"
        whole = await asked(story, session, 0)
        assert whole.state is RunState.ENDED
        first = len(f"{whole.lines[0]}\n".encode())
        await story.stop_bot()
        await story.start_bot(same_disk=True)
        assert await asked(story, session, first) == Batch(whole.lines[1:], whole.next, RunState.ENDED)
        assert await asked(story, session, whole.next) == Batch((), whole.next, RunState.ENDED)
