"""Floods of webhooks: signed ones cost a few looks, others nothing at all; work goes on."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.installed import SECRET
from tests.stories.plays import playbook, task, waits_for
from tests.stories.stage import Stage, stage


def payload(story: Stage, number: int, **more: object) -> bytes:
    """Somebody edited an issue, as far as the bot reads it."""
    shop = {"full_name": story.shop.full_name, "default_branch": "main"}
    body = {"action": "edited", "issue": {"number": number}, "repository": shop, "sender": {"login": "alice"}}
    return json.dumps(body | more).encode()


async def deliver(story: Stage, event: str, bodies: Iterable[bytes], secret: str = SECRET) -> set[int]:
    """Send them to the bot as fast as it takes them, over twenty connections; the kinds of answers."""
    assert story.app.webhook_url is not None
    url = urlsplit(story.app.webhook_url)
    statuses: set[int] = set()
    waiting = list(bodies)

    def send() -> None:
        with closing(HTTPConnection(url.netloc, timeout=60)) as connection:
            while True:
                try:
                    body = waiting.pop(0)
                except IndexError:
                    return
                signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
                headers = {"x-github-event": event, "x-github-delivery": "a-guid", "x-hub-signature-256": signature}
                connection.request("POST", url.path, body, headers)
                answer = connection.getresponse()
                answer.read()
                statuses.add(answer.status)

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(20) as senders:
        sent = [loop.run_in_executor(senders, send) for _ in range(20)]
        ends = await asyncio.gather(*sent, return_exceptions=True)
    assert not any(ends), ends
    return statuses


def requests(story: Stage) -> int:
    usage = story.hub.usage
    return usage.rest.total() + usage.graphql.total()


async def test_two_thousand_hints_about_an_objective_cost_a_few_looks(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")])) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        before = requests(story)
        assert await deliver(story, "issues", [payload(story, objective.number)] * 2000) == {202}
        assert requests(story) - before <= 60
        story.sign("go")
        await story.closed(objective)


async def test_labels_on_thousands_of_other_issues_cost_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        before = requests(story)
        other = {"label": {"name": "bug"}, "action": "labeled"}
        assert await deliver(story, "issues", (payload(story, n, **other) for n in range(100, 1100))) == {202}
        await story.closed(story.hand_off("Another"))
        assert requests(story) - before < 200


async def test_a_branch_with_an_odd_name_is_no_objective_of_ours(tmp_path: Path) -> None:
    """A superscript two is a digit, and no number."""
    async with stage(tmp_path, playbook(task("one"))) as story:
        refs = ["crewline/²/one", "crewline/" + "9" * 5000 + "/one", "crewline//one", "crewline/0/one"]
        bodies = [payload(story, 1, ref=f"refs/heads/{ref}") for ref in refs]
        assert await deliver(story, "push", bodies) == {202}
        await story.closed(story.hand_off())


async def test_what_is_not_signed_by_github_asks_github_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        await story.at_rest()
        before, sweeps = requests(story), story.hub.usage.rest["GET /app/installations"]
        body = payload(story, objective.number, action="labeled", label={"name": "crewline"})
        for event in ("issues", "push", "installation", "repository", "issue_comment"):
            assert await deliver(story, event, [body] * 20, secret="guessed") == {401}
        assert requests(story) - before <= 2  # what was under way
        assert story.hub.usage.rest["GET /app/installations"] == sweeps
