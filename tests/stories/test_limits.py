"""GitHub's limits: nothing stops, nothing is lost, and it is said until when something waits. In virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.github import pace
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.model.marker import tagged
from bot.model.session import Published
from tests.stories.ending import twice
from tests.torture.playbook import Play, Playbook, plan, planned
from tests.torture.theatre import Scenery, Theatre, perform

TITLE, OTHER = "Make it so", "And this"
FAN = plan(planned("one"), planned("two"), planned("three", "one"), planned("four", "two"))
PAIR = plan(planned("uno"), planned("due", "uno"))
PLAYBOOK = Playbook({TITLE: Play(FAN), OTHER: Play(PAIR)})
Course = Callable[[Theatre], Awaitable[None]]


def told(course: Course, folder: Path, **overrides: float) -> None:
    """Play `course`; afterwards the bot has logged no error, and nothing is there twice."""

    async def whole(theatre: Theatre) -> None:
        theatre.start_bot()
        await theatre.pass_time(5)
        await course(theatre)
        assert theatre.errors == []
        assert twice(theatre.shop, theatre.crewline) == []

    perform(whole, folder, Scenery(PLAYBOOK, overrides={"write_interval": 1.0, **overrides}))


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> int:
    """A GitHub that allows nine pieces of content an hour, and a bot that knows it."""
    monkeypatch.setattr(pace, "CONTENT_PER_HOUR", 9)
    monkeypatch.setattr(pace, "FOR_PEOPLE", 1)
    return 9


def status(theatre: Theatre, objective: Issue) -> str:
    bodies = [c.body for c in objective.comments if c.user is theatre.crewline and tagged(c.body, "status")]
    return bodies[0] if bodies else ""


def pulls(theatre: Theatre) -> list[PullRequest]:
    return list(theatre.shop.pull_requests)


def created(theatre: Theatre) -> list[datetime]:
    """When the bot made content, in order."""
    issues = [issue for issue in theatre.shop.issues.values() if issue.user is theatre.crewline]
    comments = [c for issue in theatre.shop.issues.values() for c in issue.comments if c.user is theatre.crewline]
    reviews = [review.submitted_at for pull in pulls(theatre) for review in pull.reviews]
    times = [*(issue.created_at for issue in issues), *(comment.created_at for comment in comments)]
    return sorted([*times, *(time for time in reviews if time is not None)])


async def closed(theatre: Theatre, *objectives: Issue) -> None:
    await theatre.until(lambda: all(objective.state == "closed" for objective in objectives), 12 * 3600)


def test_agents_go_on_while_the_content_of_the_hour_is_used_up(tmp_path: Path, little: int) -> None:
    async def course(theatre: Theatre) -> None:
        theatre.hub.settings.limits.content_per_hour = little
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: "500 content-creating requests an hour" in status(theatre, objective))
        assert "⏳ What is to be written waits for GitHub's limit until 13:" in status(theatre, objective)
        await theatre.pass_time(1500)
        ledger = await theatre.ledger(objective)
        assert ledger is not None
        published = {s.task for s in ledger.sessions if isinstance(s.outcome, Published)}
        assert len(published) >= 2
        assert len(pulls(theatre)) < 4
        await closed(theatre, objective)
        assert theatre.hub.usage.refused == 0, "GitHub never had to refuse"
        assert "⏳" not in status(theatre, objective)
        assert all(pull.merged for pull in pulls(theatre))

    told(course, tmp_path)


def test_a_person_is_answered_at_once_although_the_work_waits(tmp_path: Path, little: int) -> None:
    async def course(theatre: Theatre) -> None:
        theatre.hub.settings.limits.content_per_hour = little
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: "⏳" in status(theatre, objective))
        asked_at = theatre.loop.time()
        objective.comment(theatre.alice, "/status")
        await theatre.until(lambda: any(tagged(c.body, "reply") for c in objective.comments), 60)
        assert theatre.loop.time() - asked_at < 20
        [reply] = [c.body for c in objective.comments if tagged(c.body, "reply")]
        assert "waits for GitHub's limit until" in reply
        await closed(theatre, objective)
        assert theatre.hub.usage.refused == 0

    told(course, tmp_path)


def test_two_objectives_share_the_content_of_an_hour(tmp_path: Path, little: int) -> None:
    async def course(theatre: Theatre) -> None:
        theatre.hub.settings.limits.content_per_hour = little
        first = theatre.hand_off(TITLE)
        await theatre.until(lambda: "⏳" in status(theatre, first))
        second = theatre.hand_off(OTHER)
        await theatre.until(lambda: len(second.sub_issues) == 2, 3 * 3600)
        assert first.state == "open", "the one that came later was not kept waiting for the first to end"
        await closed(theatre, first, second)
        assert theatre.hub.usage.refused == 0

    told(course, tmp_path)


def test_graphql_is_used_up_and_what_ends_meanwhile_is_harvested(tmp_path: Path) -> None:
    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(pulls(theatre)) == 1)
        meter = theatre.hub.meter
        [installation] = [name for name in meter.usage_by_actor if name.startswith("installation")]
        meter.charge_graphql(installation, "SomebodyElses", meter.budget(installation, "graphql").remaining)
        used = theatre.hub.usage.graphql_points
        await theatre.pass_time(900)
        ledger = await theatre.ledger(objective)
        assert ledger is not None
        assert sum(isinstance(session.outcome, Published) for session in ledger.sessions) == 4, "agents went on"
        assert all(pull.merged for pull in pulls(theatre)[:2]), "what needs no read is done"
        assert theatre.hub.usage.graphql_points == used
        assert theatre.hub.usage.refused == 1, "once, since nobody could know"
        await closed(theatre, objective)

    told(course, tmp_path)


@pytest.mark.parametrize("retry_after", [240, None])
def test_a_secondary_limit_is_waited_for(tmp_path: Path, retry_after: int | None) -> None:
    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(pulls(theatre)) == 1)
        theatre.hub.faults.secondary_limit_retry_after = retry_after
        theatre.hub.faults.secondary_limit_hits = 1
        await hit(theatre)
        asked = asked_of(theatre)
        await theatre.pass_time((retry_after or 60) - 3)
        assert asked_of(theatre) == asked
        await closed(theatre, objective)

    told(course, tmp_path)


async def hit(theatre: Theatre) -> None:
    """Until GitHub has refused what it was set to refuse."""
    while theatre.hub.faults.secondary_limit_hits:
        await theatre.pass_time(0.5)


def asked_of(theatre: Theatre) -> int:
    """What the installation asked so far; the App's own questions count apart."""
    usage = theatre.hub.usage
    return usage.graphql.total() + sum(n for name, n in usage.rest.items() if "/repos/" in name)


def test_limits_in_a_row_are_backed_off_longer_and_longer(tmp_path: Path) -> None:
    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(pulls(theatre)) == 1)
        theatre.hub.faults.secondary_limit_retry_after = None
        for wait in (60, 120):
            theatre.hub.faults.secondary_limit_hits = 1
            await hit(theatre)
            asked = asked_of(theatre)
            await theatre.pass_time(wait - 3)
            assert asked_of(theatre) == asked
        await closed(theatre, objective)

    told(course, tmp_path)


def test_half_an_answer_is_asked_for_again(tmp_path: Path) -> None:
    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        for _ in range(6):
            theatre.hub.faults.partial_answers += 2
            await theatre.pass_time(60)
        await closed(theatre, objective)
        assert theatre.hub.faults.partial_answers <= 6, "at least six were given"

    told(course, tmp_path)


def test_of_many_edits_that_had_to_wait_only_the_last_is_sent(tmp_path: Path) -> None:
    """Half an hour in which GitHub takes nothing: the status is edited once for all that happened."""

    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(objective.sub_issues) == 4)
        theatre.hub.faults.secondary_limit_retry_after = 1800
        theatre.hub.faults.secondary_limit_hits = 1
        await hit(theatre)
        edits = edited(theatre)
        await theatre.pass_time(1790)
        assert edited(theatre) == edits
        ledger = await theatre.ledger(objective)
        assert ledger is not None
        assert sum(isinstance(s.outcome, Published) for s in ledger.sessions) == 2, "agents went on"
        await theatre.pass_time(30)
        assert 1 <= edited(theatre) - edits <= 2
        await closed(theatre, objective)

    told(course, tmp_path)


def edited(theatre: Theatre) -> int:
    return theatre.hub.usage.rest["PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}"]


def test_nothing_new_begins_on_what_was_seen_before_when_something_changed(tmp_path: Path) -> None:
    """Alice takes the label away while GitHub answers no question: what runs is recorded, and nothing follows."""

    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(objective.sub_issues) == 4)
        await theatre.pass_time(10)
        theatre.hub.faults.secondary_limit_retry_after = 1800
        theatre.hub.faults.secondary_limit_hits = 1
        objective.remove_label(theatre.alice, "crewline")
        await theatre.pass_time(1700)
        ledger = await theatre.ledger(objective)
        assert ledger is not None
        assert all(session.outcome is not None for session in ledger.sessions), "what ran was recorded"
        assert {session.role for session in ledger.sessions} == {"planner", "worker"}, "no review began"
        objective.add_label(theatre.alice, "crewline")
        await closed(theatre, objective)

    told(course, tmp_path)


def test_the_content_of_one_hour_is_never_more_than_github_allows(tmp_path: Path, little: int) -> None:
    async def course(theatre: Theatre) -> None:
        theatre.hub.settings.limits.content_per_hour = little
        await closed(theatre, theatre.hand_off(TITLE), theatre.hand_off(OTHER))
        times = created(theatre)
        assert all(b - a >= timedelta(seconds=3590) for a, b in zip(times, times[little:], strict=False))
        assert theatre.hub.usage.refused == 0

    told(course, tmp_path)


def test_a_restart_in_the_middle_of_a_busy_hour_hits_no_limit(tmp_path: Path, little: int) -> None:
    """The next process has an empty disk: what was made within the hour it reads beside the lease."""

    async def course(theatre: Theatre) -> None:
        theatre.hub.settings.limits.content_per_hour = little
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: "⏳" in status(theatre, objective))
        await theatre.pass_time(120)
        bot = theatre.bot
        assert bot is not None
        theatre.kill(bot)
        theatre.start_bot()
        await closed(theatre, objective)
        assert theatre.hub.usage.refused == 0

    told(course, tmp_path, lease_seconds=60)


def test_a_command_is_heard_later_where_its_author_cannot_be_asked_about(tmp_path: Path) -> None:
    """REST is used up, so GitHub cannot be asked whether Alice may command; the objective goes on meanwhile."""

    async def course(theatre: Theatre) -> None:
        objective = theatre.hand_off(TITLE)
        await theatre.until(lambda: len(objective.sub_issues) == 4)
        await theatre.pass_time(70)
        use_up_rest(theatre)
        command = objective.comment(theatre.alice, "/status")
        await theatre.pass_time(600)
        ledger = await theatre.ledger(objective)
        assert ledger is not None
        assert sum(isinstance(session.outcome, Published) for session in ledger.sessions) == 2, "agents went on"
        assert ledger.commands == (), "neither carried out nor refused"
        await theatre.until(lambda: any(tagged(comment.body, "reply") for comment in objective.comments), 4000)
        assert "rocket" in {one.content for one in command.reactions}
        await closed(theatre, objective)

    told(course, tmp_path)


def use_up_rest(theatre: Theatre) -> None:
    """Somebody else with the same installation did."""
    meter, limits = theatre.hub.meter, theatre.hub.settings.limits
    [installation] = [name for name in meter.usage_by_actor if name.startswith("installation")]
    limits.enforced = False
    while meter.budget(installation, "core").remaining:
        meter.charge_rest(installation, "GET", "/somebody")
    limits.enforced = True
