"""Work that meets: overlapping scopes, conflicts with what people push, more than one objective."""

from __future__ import annotations

from pathlib import Path

from tests.stories.plays import APPROVE, WRITE, Part, meets, plan, playbook, runs, task, told, waits_for
from tests.stories.stage import QUICK, stage


async def test_tasks_whose_scopes_overlap_do_not_run_together(tmp_path: Path) -> None:
    same = playbook(
        task("one", scope="src/**"), task("two", scope="src/two.txt"),
        one__worker=[waits_for("go", {"write": {"src/one.txt": "1"}})], two__worker=[{"write": {"src/two.txt": "2"}}],
    )  # fmt: skip
    async with stage(tmp_path, same) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        await story.planned(objective, "one", "two")
        one = story.task(objective, "one")
        await story.status_says(objective, f"waits because #{one.number} may change the same files")
        story.sign("go")
        await story.closed(objective)
        assert await story.merged_titles() == ["Do one", "Do two"]


async def test_two_objectives_with_the_same_files_take_turns_and_others_run_at_once(tmp_path: Path) -> None:
    parts = playbook(
        planner=[
            told("The first", {"answer": plan(task("one", scope="src/**"))}),
            told("The second", {"answer": plan(task("two", scope="src/two.txt"), task("aside"))}),
        ],
        one__worker=[waits_for("go", {"write": {"src/one.txt": "1"}})],
        two__worker=[{"write": {"src/two.txt": "2"}}],
    )
    async with stage(tmp_path, parts) as story:
        former = story.hand_off("The first")
        await story.waits(f"{former.number}.one.worker.1")
        latter = story.hand_off("The second")
        await story.planned(latter, "two", "aside")
        await story.until(lambda: story.task(latter, "aside").state == "closed")
        await story.status_says(latter, f"waits because `one` of #{former.number} may change the same files")
        story.sign("go")
        await story.closed(former, latter)
        titles = await story.merged_titles()
        assert titles.index("Do one") < titles.index("Do two")


async def test_two_objectives_work_at_the_same_time(tmp_path: Path) -> None:
    parts = playbook(
        planner=[told("The first", {"answer": plan(task("one"))}), {"answer": plan(task("two"))}],
        one__worker=[meets("two")],
        two__worker=[meets("one")],
    )
    async with stage(tmp_path, parts) as story:
        await story.closed(story.hand_off("The first"), story.hand_off("The second"))
        assert not (story.shared / "alone").exists()


async def test_only_so_many_sessions_at_once(tmp_path: Path) -> None:
    keys = [f"t{n}" for n in range(4)]
    count = "mkdir {shared}/{task} && ls -d {shared}/*/ | wc -l >> {shared}/../counts; sleep 0.1; rmdir {shared}/{task}"
    parts = playbook(*(task(key) for key in keys), **{"*__worker": [runs(count, part=WRITE)]})
    async with stage(tmp_path, parts, slots=2) as story:
        await story.closed(story.hand_off())
        assert {int(line) for line in (story.folder / "counts").read_text().split()} <= {1, 2}


async def test_a_small_objective_does_not_wait_for_the_end_of_a_large_one(tmp_path: Path) -> None:
    large = [task(f"large{number}") for number in range(5)]
    parts = playbook(
        planner=[told("The large one", {"answer": plan(*large)}), {"answer": plan(task("small"))}],
        large0__worker=[waits_for("go")],
    )
    async with stage(tmp_path, parts, slots=1) as story:
        former = story.hand_off("The large one")
        await story.waits(f"{former.number}.large0.worker.1")
        latter = story.hand_off("The small one")
        await story.status_says(latter, "Waits for a free slot to be planned")
        story.sign("go")
        await story.closed(latter, former)
        titles = await story.merged_titles()
        assert titles.index("Do small") <= 3, "they took turns"


async def test_reviewers_can_have_a_limit_of_their_own(tmp_path: Path) -> None:
    keys = [f"t{n}" for n in range(3)]
    count = "mkdir {shared}/{task} && ls -d {shared}/*/ | wc -l >> {shared}/../counts; sleep 0.1; rmdir {shared}/{task}"
    parts = playbook(*(task(key) for key in keys), **{"*__reviewer": [runs(count, part=APPROVE)]})
    async with stage(tmp_path, parts, slots=4, reviewer_slots=1) as story:
        await story.closed(story.hand_off())
        assert {int(line) for line in (story.folder / "counts").read_text().split()} == {1}


async def test_a_conflict_with_what_a_person_pushed_is_solved_by_a_new_session_and_merged(tmp_path: Path) -> None:
    solves = runs("printf 'both\\n' > one.txt; git add one.txt; git commit -q --no-edit", part={"commit": None})
    review: Part = {"answer": {"decision": "approve", "summary": "Good."}}
    parts = playbook(
        task("one"), one__worker=[told("A merge is open", solves), WRITE], one__reviewer=[waits_for("go", review)]
    )
    async with stage(tmp_path, parts) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        await story.push("one.txt", "by a person\n", by=story.bob)
        story.sign("go")
        await story.closed(objective)
        assert await story.file("one.txt") == "both\n"
        assert "2 attempts" in story.status(objective)


async def test_conflicts_are_bounded(tmp_path: Path) -> None:
    review: Part = {"answer": {"decision": "approve", "summary": "Good."}}
    leaves_it = playbook(
        task("one"), one__worker=[told("A merge is open", {"summary": "?", "commit": None}), WRITE],
        one__reviewer=[waits_for("go", review)],
    )  # fmt: skip
    config = QUICK + "  attempts: 2\n"
    async with stage(tmp_path, leaves_it, config=config) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        await story.push("one.txt", "by a person\n", by=story.bob)
        story.sign("go")
        await story.bot_says(objective, "it failed 2 times")


async def test_on_a_base_branch_that_is_not_the_default_the_bot_closes_the_tasks(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"), task("two", "one"))) as story:
        await story.push("NEXT.md", "next", branch="next")
        await story.push(".github/crewline.yml", QUICK + "base_branch: next\n")
        objective = story.hand_off()
        await story.closed(objective)
        assert await story.merged_titles("next") == ["Do one", "Do two"]
        assert await story.file("one.txt") is None
        assert [issue.closed_by for issue in story.tasks_of(objective).values()] == [story.crewline] * 2
        assert all(issue.state_reason == "completed" for issue in story.tasks_of(objective).values())
