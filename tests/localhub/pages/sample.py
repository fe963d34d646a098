"""A hub in the middle of an objective, with hostile text in it, for the pages' tests.

python -m tests.localhub.pages.sample 8731     # serves its pages, to look at
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from bot.localhub.model.actor import Actor
from bot.localhub.model.check import CheckChange, CheckOutput, create_check_run
from bot.localhub.model.delivery import Delivery
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.issue_links import add_sub_issue, block
from bot.localhub.model.merge import MergeRequest, merge
from bot.localhub.model.pull_request import PullRequest, open_pull_request
from bot.localhub.model.reactions import react
from bot.localhub.model.repository import Repository
from bot.localhub.model.review import DraftComment, create_review
from bot.localhub.model.settings import Faults, HubSettings
from bot.localhub.pages import routes
from bot.localhub.webhooks.sender import Sender

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
STATUS = """<!-- crewline:status -->
## 🛠 Working: 1 of 3 tasks done

- [x] #2
- [ ] #3 — under review, attempt 2
- [ ] #4 — waits for #3

```mermaid
graph LR
  t2["#35;2 Parse durations"]:::done --> t4["#35;4 Print a summary"]:::waiting
  t3["#35;3 Round to #quot;minutes#quot;"]:::busy --> t4
  classDef done fill:#1a7f37,color:#ffffff,stroke:#1a7f37
  classDef busy fill:#0969da,color:#ffffff,stroke:#0969da
  classDef waiting fill:#eaeef2,color:#24292f,stroke:#8c959f
```

| task | attempts | cost |
|---|--:|--:|
| #2 | 1 | $0.12 |
| #3 | 2 | $0.31 |

<details><summary>What was decided</summary>

1. Durations are **whole seconds**; see `duration.py`.
2. ~~Fractions~~ are dropped, as @alice asked.

</details>
"""


@dataclass(frozen=True)
class Sample:
    """What the tests ask for by name."""

    hub: Hub
    shop: Repository
    objective: Issue
    pull: PullRequest
    merged: PullRequest
    hostile: Issue
    delivery: Delivery


async def sample(directory: Path) -> Sample:
    """Everything the pages can show, once."""
    hub = Hub(directory, settings=HubSettings(faults=Faults(mergeable_unknown_asks=0)))
    Sender(hub)
    alice = hub.add_user("alice", name="Alice")
    files = {
        "README.md": f"# timing\n\nTells *how long* things take. {HOSTILE}\n",
        "src/duration.py": "def parse(text):\n    return int(text)\n",
    }
    shop = await hub.create_repository(alice, "timing", files=files, description="How long things take")
    app = hub.add_app(
        "crewline",
        permissions=dict.fromkeys(("checks", "contents", "issues", "pull_requests"), "write"),
        events=["issues"],
        webhook_url="http://127.0.0.1:1/webhook",
    )
    bot = hub.create_installation_token(hub.install(app, alice)).actor
    objective = open_issue(shop, alice, "Durations for people", "Say `1h 5m`, not `3900`.\n\n> as in the old tool")
    objective.add_labels(alice, "enhancement", "crewline")
    tasks = [
        open_issue(shop, bot, title, f"Part of #{objective.number}.")
        for title in ("Parse durations", "Round to minutes", "Print a summary")
    ]
    for task in tasks:
        add_sub_issue(objective, bot, task)
    for blocker in tasks[:2]:
        block(tasks[2], bot, blocker)
    status = objective.comment(bot, STATUS)
    react(objective, bot, "eyes")
    react(status, alice, "rocket")
    merged = await change(
        hub,
        shop,
        bot,
        tasks[0],
        "def parse(text):\n    hours, minutes = text.split(':')\n    return int(hours) * 60 + int(minutes)\n",
    )
    await verdict(shop, bot, merged, "success")
    await merge(merged, bot, MergeRequest(sha=merged.head_sha))
    pull = await change(hub, shop, bot, tasks[1], "def parse(text):\n    return round(int(text) / 60)\n")
    await verdict(shop, bot, pull, "failure")
    remark = DraftComment(path="src/duration.py", body=f"Half a minute is lost here. {HOSTILE}", line=2)
    await create_review(pull, bot, "COMMENT", "One thing to mend before this can go in.", comments=(remark,))
    hostile = open_issue(
        shop, alice, f"Broken {HOSTILE}", f'{HOSTILE}\n\n```mermaid\ngraph TD; A["{HOSTILE}"] --> B\n```'
    )
    return Sample(hub, shop, objective, pull, merged, hostile, refused(hub))


async def change(hub: Hub, shop: Repository, bot: Actor, task: Issue, content: str) -> PullRequest:
    """A pull request for a task."""
    branch = f"crewline/1/{task.number}"
    await hub.push_files(shop, bot, branch, {"src/duration.py": content}, f"{task.title}\n\nCrewline-Session: 7f3a")
    return await open_pull_request(shop, bot, title=task.title, head=branch, base="main", body=f"Closes #{task.number}")


async def verdict(shop: Repository, bot: Actor, pull: PullRequest, conclusion: str) -> None:
    good = conclusion == "success"
    output = CheckOutput(
        title="12 passed" if good else "1 failed, 11 passed",
        summary="`pytest -q` exited with " + ("0" if good else "1"),
    )
    change = CheckChange(name="crewline / verify", conclusion="success" if good else "failure", output=output)
    await create_check_run(shop, bot, pull.head_sha, change)


def refused(hub: Hub) -> Delivery:
    """The delivery of the newest event, as if a receiver had failed over it."""
    hub.discard_background()
    delivery = hub.deliveries[-1]
    delivery.status, delivery.status_code = "Invalid HTTP Response: 500", 500
    delivery.delivered_at, delivery.duration = hub.now(), 0.012
    delivery.response_headers, delivery.response_body = {"content-type": "text/plain"}, "<b>oops</b>"
    return delivery


async def look(port: int) -> None:
    """Serve the sample's pages until interrupted."""
    with tempfile.TemporaryDirectory() as directory:
        found = await sample(Path(directory))
        app = Starlette(routes=routes(found.hub))
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()


if __name__ == "__main__":
    asyncio.run(look(int(sys.argv[1])))
