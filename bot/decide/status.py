"""The one status comment of an objective: what is done, what waits for what and why, as a list and as a picture.

The text is a function of the snapshot, so it is edited only when something changed. When everything is done it is
the summary.
"""

from __future__ import annotations

from bot.config import RepositoryConfig
from bot.decide.budget import spend_text
from bot.decide.commands.help import RULES, usages_text
from bot.decide.hand_off import refusal
from bot.decide.refused_writes import what_is_refused
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, decision_of, tasks_of
from bot.decide.texts import branch_link, follow_up_text, one_line, quoted
from bot.decide.waiting import waits_for_github, why_objective, why_task
from bot.model.amendment import Refusal
from bot.model.identity import salvage_branch
from bot.model.marker import tag
from bot.model.session import Published, Role
from bot.model.snapshot import BadSettings, Snapshot

WAITS = "⏳"
"""Begins the paragraph that says until when GitHub's limit is waited for."""
SPENT = "💰"
"""Begins the paragraph that says what was spent; it is no reason to edit the comment."""
BOX = {Stage.DONE: "x"}
COLOURS = {
    Stage.DONE: "done",
    Stage.DROPPED: "dropped",
    Stage.ESCALATED: "asking",
    Stage.WORKING: "busy",
    Stage.REVIEWING: "busy",
    Stage.APPROVED: "busy",
}
CLASSES = """  classDef done fill:#1a7f37,color:#ffffff,stroke:#1a7f37
  classDef busy fill:#0969da,color:#ffffff,stroke:#0969da
  classDef asking fill:#bf3989,color:#ffffff,stroke:#bf3989
  classDef waiting fill:#eaeef2,color:#24292f,stroke:#8c959f
  classDef dropped fill:#57606a,color:#ffffff,stroke:#57606a"""


def status_text(situation: Situation) -> str:
    tasks = tasks_of(situation)
    ledger = situation.ledger
    parts = [tag("status", str(ledger.objective))]
    if finished(situation, tasks):
        parts.append(_summary(situation, tasks))
    else:
        parts.append(f"**Crewline** · {why_objective(situation, tasks)}")
        if waits := waits_for_github(situation):
            parts.append(f"{WAITS} {waits}")
        if spent := spend_text(situation):
            parts.append(f"{SPENT} {spent}")
        if ledger.plan is not None:
            parts.append(quoted(ledger.plan.summary))
    if tasks and not finished(situation, tasks):
        parts.append(_checklist(situation, tasks))
    if left := follow_up_text(tasks):
        parts.append(left)
    if tasks:
        parts.append(_picture(tasks))
    if (problem := situation.snapshot.hindrance) and not finished(situation, tasks):
        parts.insert(2, f"> [!WARNING]\n> {problem} Nothing starts until then; what runs goes on.")
    if (problem := what_is_refused(situation.snapshot)) and not finished(situation, tasks):
        parts.append(f"> [!WARNING]\n> {problem}")
    if bad := situation.snapshot.config_problem:
        parts.append(f"> [!WARNING]\n{_quote(_bad_settings(bad))}")
    if not finished(situation, tasks):
        parts.append(f"Commands: {usages_text(RULES)}.")
    return "\n\n".join(parts)


def without_wait(text: str) -> str:
    """A status without its sentence on a limit of GitHub's."""
    return "\n\n".join(part for part in text.strip().split("\n\n") if not part.startswith(WAITS))


def without_asides(text: str) -> str:
    """A status without what is only said with the next edit."""
    return "\n\n".join(part for part in without_wait(text).split("\n\n") if not part.startswith(SPENT))


def refused_text(snapshot: Snapshot, config: RepositoryConfig) -> str:
    """The status comment of an issue that was labelled but is not followed."""
    issue = snapshot.observed.objective
    return f"{tag('status', str(issue.number))}\n\n**Crewline** · Not started. {refusal(snapshot, config)}"


def finished(situation: Situation, tasks: tuple[Task, ...]) -> bool:
    """Whether nothing is left to do: every task closed and at least one of them done, or a plain answer given."""
    if situation.ledger.answer is not None:
        return True
    settled = all(task.stage in (Stage.DONE, Stage.DROPPED) for task in tasks)
    return settled and any(task.stage is Stage.DONE for task in tasks)


def _summary(situation: Situation, tasks: tuple[Task, ...]) -> str:
    answer = situation.ledger.answer
    if answer is not None:
        return f"**Crewline** · Answered; no change of code is needed.\n\n{quoted(answer.answer)}"
    done = [task for task in tasks if task.stage is Stage.DONE]
    left = f", {len(tasks) - len(done)} closed without being completed" if len(done) < len(tasks) else ""
    lines = [f"* {task.reference} {one_line(task.planned.title)}: {_what_it_did(task)}" for task in done]
    return f"**Crewline** · Done: {len(done)} of {len(tasks)} tasks merged{left}. {_cost(situation)}\n\n" + "\n".join(
        lines
    )


def _what_it_did(task: Task) -> str:
    published = next((s.outcome for s in reversed(task.sessions) if isinstance(s.outcome, Published)), None)
    summary = published.summary.summary if published and published.summary else "no summary"
    pull = f" (#{task.pull_request.number}, {_attempts(task)})" if task.pull_request else ""
    return one_line(summary) + pull


def _attempts(task: Task) -> str:
    return "1 attempt" if task.attempt == 1 else f"{task.attempt} attempts"


def _cost(situation: Situation) -> str:
    sessions = situation.ledger.sessions
    counts = ", ".join(f"{sum(s.role is role for s in sessions)} {role.value}" for role in Role)
    spent = spend_text(situation)
    return f"{len(sessions)} sessions ({counts}){f', {spent}' if spent else ''}."


def _checklist(situation: Situation, tasks: tuple[Task, ...]) -> str:
    lines = []
    for task in tasks:
        pull = f" · #{task.pull_request.number}" if task.pull_request else ""
        why = one_line(why_task(task, situation, tasks), 400)
        number = f"{task.reference} " if task.issue else ""
        more = _amended(task) + _left_behind(situation, task)
        lines.append(f"- [{BOX.get(task.stage, ' ')}] {number}{one_line(task.planned.title)}{pull} — {why}{more}")
    return "\n".join(lines)


def _amended(task: Task) -> str:
    """What the planner decided about the task last, since it was planned."""
    if task.stage in (Stage.DONE, Stage.DROPPED):
        return ""
    answers = [answer for session in task.amending if (answer := decision_of(session))]
    if answers and isinstance(answers[-1], Refusal):
        return f"; the plan was not amended: {one_line(answers[-1].reason)}"
    whys = [change.why for change in task.record.changes if change.why]
    return f"; the plan was amended: {one_line(whys[-1])}" if whys else ""


def _left_behind(situation: Situation, task: Task) -> str:
    """Where commits are that no session has published; once another session has, they are history."""
    if task.salvaged is None or task.stage in (Stage.DONE, Stage.DROPPED):
        return ""
    branch = salvage_branch(situation.objective.number, task.key, task.salvaged.id)
    return f"; commits so far: {branch_link(branch)}"


def _picture(tasks: tuple[Task, ...]) -> str:
    names = {task.key: f"t{index}" for index, task in enumerate(tasks)}
    lines = ["```mermaid", "graph LR"]
    for task in tasks:
        number = f"#{task.issue.number} " if task.issue else ""
        colour = COLOURS.get(task.stage, "waiting")
        lines.append(f'  {names[task.key]}["{number}{task.key}"]:::{colour}')
    for task in tasks:
        lines += [f"  {names[key]} --> {names[task.key]}" for key in task.planned.depends_on]
    return "\n".join([*lines, CLASSES, "```"])


def _bad_settings(bad: BadSettings) -> str:
    held = "nothing starts and nothing merges until it is mended, or deleted for the defaults; what runs goes on"
    why = f"and no version of it was ever good: {held}." if bad.never_good else "but its last good version is:"
    return f"`.github/crewline.yml` is not in force, {why}\n{bad.text}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
