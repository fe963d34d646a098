"""The main job: label an issue and watch it merged."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import APPROVE, WRITE, Json, Part, meets, playbook, refuses, task, told
from tests.stories.stage import QUICK, stage


async def test_a_chain_of_two_is_built_reviewed_merged_and_closed(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), task("two", "one"))) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert [pull.merged for pull in story.pull_requests()] == [True, True]
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.1\n"
        assert await story.file("two.txt") == f"by {objective.number}.two.worker.1\n"
        assert "Done: 2 of 2 tasks merged" in story.status(objective)


DIAMOND = (task("base"), task("left", "base"), task("mid", "base"), task("right", "base"),
           task("top", "left", "mid", "right"))  # fmt: skip


async def test_in_a_diamond_agents_work_side_by_side_and_merge_in_order(tmp_path: Path) -> None:
    side_by_side = playbook(*DIAMOND, left__worker=[meets("right")], right__worker=[meets("left")])
    async with stage(tmp_path, side_by_side) as story:
        objective = story.hand_off()
        await story.closed(objective)
        titles = await story.merged_titles()
        assert titles[0] == "Do base"
        assert set(titles[1:4]) == {"Do left", "Do mid", "Do right"}
        assert titles[4:] == ["Do top"]
        assert not (story.shared / "alone").exists()


async def test_the_plan_stands_on_github_as_sub_issues_with_native_dependencies(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*DIAMOND)) as story:
        objective = story.hand_off()
        await story.closed(objective)
        tasks = story.tasks_of(objective)
        assert [issue.title for issue in objective.sub_issues] == [f"Do {key}" for key in tasks]
        assert list(tasks) == ["base", "left", "mid", "right", "top"]
        assert {key: set(issue.blocked_by) for key, issue in tasks.items()} == {
            "base": set(),
            **{key: {tasks["base"]} for key in ("left", "mid", "right")},
            "top": {tasks["left"], tasks["mid"], tasks["right"]},
        }
        assert all(issue.state_reason == "completed" for issue in tasks.values())


async def test_the_status_comment_shows_a_checklist_with_what_waits_for_what(tmp_path: Path) -> None:
    two = task("two", "one")
    async with stage(tmp_path, playbook(task("one"), two, task("three", "two"), two__worker=[{"hang": True}])) as story:
        objective = story.hand_off()
        await story.status_says(objective, "- [x]", "an agent works on it")
        one, two_issue, three = (story.task(objective, key) for key in ("one", "two", "three"))
        pull = story.pull(objective, "one")
        status = story.status(objective)
        assert "1 of 3 tasks done" in status
        assert f"- [x] #{one.number} Do one · #{pull.number} — merged with #{pull.number}" in status
        assert f"- [ ] #{two_issue.number} Do two — an agent works on it (attempt 1)" in status
        assert f"- [ ] #{three.number} Do three — waits for #{two_issue.number}" in status


async def test_the_status_comment_ends_as_the_summary_with_a_picture(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*DIAMOND)) as story:
        objective = story.hand_off()
        await story.closed(objective)
        status = story.status(objective)
        for key, issue in story.tasks_of(objective).items():
            pull = story.pull(objective, key)
            assert f"#{issue.number} Do {key}: Wrote {key}.txt. (#{pull.number}, 1 attempt)" in status
        assert "```mermaid\ngraph LR\n" in status
        assert "t0 --> t1" in status
        assert "Done: 5 of 5 tasks merged. 11 sessions (1 planner, 5 worker, 5 reviewer)." in status


async def test_a_pull_request_closes_its_issue_and_carries_evidence_and_verdict(tmp_path: Path) -> None:
    config = QUICK + "verify:\n  command: test -e one.txt && echo all good\n"
    async with stage(tmp_path, playbook(task("one")), config=config) as story:
        objective = story.hand_off()
        await story.closed(objective)
        pull = story.pull(objective, "one")
        assert f"Closes #{story.task(objective, 'one').number}" in (pull.body or "")
        assert story.checks(pull) == {"crewline/verify": "success", "crewline/review": "success"}
        [evidence] = [run.output.summary or "" for run in story.shop.check_runs if run.name == "crewline/verify"]
        assert "passed" in evidence
        assert "all good" in evidence
        assert pull.head_sha in evidence
        [review] = pull.reviews
        assert review.state == "COMMENTED"
        assert "**Approved.** Good." in review.body


async def test_the_reviewer_sends_it_back_with_line_comments_and_the_worker_mends_it(tmp_path: Path) -> None:
    sloppy, mended = {"write": {"one.txt": "good line\nbad line\n"}}, {"write": {"one.txt": "good line\n"}}
    story_of_two_rounds = playbook(
        task("one"),
        one__worker=[told("Remove the bad line", mended), sloppy],
        one__reviewer=[
            {**refuses("Remove the bad line", "one.txt", "bad line"), "when": {"tree_has": {"one.txt": "bad"}}},
            APPROVE,
        ],
    )
    async with stage(tmp_path, story_of_two_rounds) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.file("one.txt") == "good line\n"
        pull = story.pull(objective, "one")
        sent_back, approved = pull.reviews
        assert "**Changes requested.** Not yet." in sent_back.body
        [comment] = sent_back.comments
        assert (comment.path, comment.original_line, comment.body) == ("one.txt", 2, "Remove the bad line")
        assert "**Approved.**" in approved.body
        assert "2 attempts" in story.status(objective)


async def test_a_finding_beside_the_diff_goes_into_the_text_and_the_others_stay_on_their_lines(tmp_path: Path) -> None:
    findings: Json = [
        {"message": "Remove the bad line", "path": "one.txt", "line_of": "bad line"},
        {"message": "Say so there too", "path": "README.md", "line": 1},
    ]
    sloppy, mended = {"write": {"one.txt": "good line\nbad line\n"}}, {"write": {"one.txt": "good line\n"}}
    no: Part = {"answer": {"decision": "request_changes", "summary": "Not yet.", "findings": findings}}
    parts = playbook(
        task("one"),
        one__worker=[told("Remove the bad line", mended), sloppy],
        one__reviewer=[{**no, "when": {"tree_has": {"one.txt": "bad"}}}, APPROVE],
    )
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.closed(objective)
        sent_back = story.pull(objective, "one").reviews[0]
        assert [(one.path, one.original_line) for one in sent_back.comments] == [("one.txt", 2)]
        assert "- `README.md`, line 1: Say so there too" in sent_back.body


async def test_the_very_same_findings_twice_ask_a_person_once(tmp_path: Path) -> None:
    stubborn = playbook(
        task("one"),
        one__worker=[{"write": {"one.txt": "by {session}\n"}}],
        one__reviewer=[told("a hint", APPROVE), refuses("It is ugly.")],
    )
    async with stage(tmp_path, stubborn) as story:
        objective = story.hand_off()
        said = await story.bot_says(objective, "the very same things twice")
        assert "@alice" in said
        await story.until(lambda: objective.has_label("crewline:needs-human"))
        await story.at_rest()
        assert story.pull(objective, "one").state == "open"
        assert len(story.pull(objective, "one").reviews) == 2


async def test_a_small_issue_needs_one_task_and_an_agent_without_a_summary_is_no_obstacle(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), one__worker=[{**WRITE, "summary": None}])) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert "The agent left no summary." in (story.pull(objective, "one").body or "")
