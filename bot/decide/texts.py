"""The Markdown that people read: bodies of issues, pull requests, reviews and checks.

Text from agents and people is shown as text: a mention in it notifies nobody and a closing keyword closes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.decide.situation import Situation
from bot.decide.task import Task
from bot.model.budget import Metric, in_words
from bot.model.harmless import harmless
from bot.model.identity import salvage_branch
from bot.model.marker import tag
from bot.model.session import Evidence, Finding, Published, SessionRecord, Summary, Verdict, salvage_of

SCRIPT_NOTE = "Made by Crewline from a session of a coding agent; see the checks for the evidence."
LONGEST_NOTE = 600
MOST_PATHS = 20


def quoted(text: str) -> str:
    """`text` of an agent, in which nothing notifies, closes an issue or skips a check."""
    return harmless(text).strip()


def fenced(text: str) -> str:
    """`text` in a code block that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def one_line(text: str, most: int = 200) -> str:
    """`text` for a table cell or a list item."""
    line = " ".join(quoted(text).split()).replace("|", "\\|")
    return line if len(line) <= most else line[: most - 1] + "…"


def task_body(situation: Situation, task: Task) -> str:
    planned = task.planned
    number = situation.objective.number
    parts = [tag("task", f"{number}.{task.key}"), quoted(planned.description)]
    if planned.criteria:
        parts.append("**Done when**\n\n" + "\n".join(f"* {one_line(line)}" for line in planned.criteria))
    parts.append(terms(task))
    parts.append(f"Part of #{number}, task `{task.key}`.")
    return "\n\n".join(parts)


def terms(task: Task, changes: int | None = None) -> str:
    """What a task may change, what it builds on, and why that is not what it was planned to be: as of its first
    `changes`, all of them for None."""
    known = task.record.changes[:changes]
    later = task.record.changes[len(known) :]
    scope, needs = task.planned.scope, task.planned.depends_on
    scope = scope[: len(scope) - sum(len(change.paths) for change in later)]
    added = {key for change in later for key in change.depends_on}
    needs = tuple(key for key in needs if key not in added)
    parts = ["**May change** " + ", ".join(f"`{glob}`" for glob in scope)]
    if needs:
        parts.append("**Builds on** " + ", ".join(f"`{key}`" for key in needs))
    parts += [f"**The plan was amended** {one_line(change.why)}" for change in known if change.why]
    return "\n\n".join(parts)


def has_paragraphs(body: str, text: str) -> bool:
    return f"\n\n{text}\n\n" in f"\n\n{body}\n\n"


def with_paragraphs(body: str, text: str, instead: str) -> str:
    """`body` with the paragraphs `text` replaced."""
    return f"\n\n{body}\n\n".replace(f"\n\n{text}\n\n", f"\n\n{instead}\n\n", 1)[2:-2]


def pull_request_body(situation: Situation, task: Task, published: Published) -> str:
    assert task.issue is not None
    parts = [tag("pull", f"{situation.objective.number}.{task.key}"), f"Closes #{task.issue.number}"]
    summary = published.summary
    if summary is not None:
        parts.append(quoted(summary.summary))
        if left := left_to_do(summary):
            parts.append(f"**To follow up** {left}")
    else:
        parts.append("The agent left no summary.")
    parts.append(f"Part of #{situation.objective.number}. {SCRIPT_NOTE}")
    if published.made_in:
        parts.append(f"Sandbox of the session: {one_line(published.made_in, 400)}.")
    return "\n\n".join(parts)


def left_to_do(summary: Summary) -> str:
    """What an agent that was done says that remains, and which paths beyond its own; empty where it says nothing."""
    parts = [quoted(summary.follow_up_notes)]
    if summary.out_of_scope_changes_needed:
        paths = ", ".join(f"`{one_line(path)}`" for path in summary.out_of_scope_changes_needed[:MOST_PATHS])
        parts.append(f"It says that {paths} must change too.")
    elif summary.needs_follow_up and not parts[0]:
        parts.append("Its agent says that more is to be done, but not what.")
    return " ".join(filter(None, parts))


def follow_up_text(tasks: Iterable[Task]) -> str | None:
    """The same of all tasks whose work is published, for people: nobody else will do it."""
    lines = []
    for task in tasks:
        published = next((s.outcome for s in reversed(task.sessions) if isinstance(s.outcome, Published)), None)
        left = left_to_do(published.summary) if published and published.summary else ""
        if left:
            lines.append(f"* {task.reference} {one_line(task.planned.title)}: {one_line(left, LONGEST_NOTE)}")
    return "**To follow up**\n\n" + "\n".join(lines) if lines else None


def evidence_text(evidence: Evidence) -> str:
    result = "passed" if evidence.passed else f"failed with exit code {evidence.exit_code}"
    text = f"`{one_line(evidence.command)}` {result} at {evidence.head}, run by Crewline in a clean checkout."
    return f"{text}\n\n{fenced(evidence.tail)}" if evidence.tail.strip() else text


def session_text(session: SessionRecord) -> str:
    """A session in short: who played it, what it took, and what it said last."""
    spend = session.spend
    tokens = (spend.input_tokens or 0) + (spend.output_tokens or 0)
    counts = [
        f"{spend.turns} turns" if spend.turns else "",
        f"{spend.tool_calls} tool calls" if spend.tool_calls else "",
        in_words(Metric.TOKENS, tokens) if tokens else "",
        f"${spend.usd:.2f}" if spend.usd else "",
        f"${spend.reckoned_usd:.2f} by list prices" if spend.reckoned_usd else "",
        f"{spend.seconds:.0f} s",
    ]
    by = f" by {session.agent}" if session.agent else ""
    text = f"Session `{session.id}`{by}: {', '.join(filter(None, counts))}."
    if session.granted.usd is not None and spend.money is None:
        text += (
            f" Nothing told what it cost, so its bound of {in_words(Metric.USD, session.granted.usd)} bounded nothing."
        )
    return f"{text} It said last:\n\n{fenced(session.said)}" if session.said else text


def verdict_text(verdict: Verdict) -> str:
    parts = [quoted(verdict.summary)]
    if verdict.findings:
        parts.append("\n".join(f"* {_place(finding)}{finding_text(finding)}" for finding in verdict.findings))
    return "\n\n".join(parts)


def finding_text(finding: Finding) -> str:
    mark = "" if finding.severity == "blocking" else "(suggestion) "
    return f"{mark}{quoted(finding.message)}"


def review_body(session: str, verdict: Verdict) -> str:
    decision = "Approved." if verdict.decision == "approve" else "Changes requested."
    loose = [finding for finding in verdict.findings if not (finding.path and finding.line)]
    parts = [tag("review", session), f"**{decision}** {quoted(verdict.summary)}"]
    if loose:
        parts.append("\n".join(f"* {_place(finding)}{finding_text(finding)}" for finding in loose))
    return "\n\n".join(parts)


def salvage_text(situation: Situation, task: Task) -> str | None:
    """Where the newest commits are that a session of the task left behind, or why they are nowhere."""
    session = next((session for session in reversed(task.sessions) if salvage_of(session.outcome)), None)
    salvage = salvage_of(session.outcome) if session else None
    if session is None or salvage is None:
        return None
    if salvage.head is None:
        why = one_line(salvage.refusal or "")
        return f"What `{session.id}` had committed was refused at the gate and stayed on the server: {why}"
    branch = salvage_branch(situation.objective.number, task.key, session.id)
    return f"What `{session.id}` had committed is on {branch_link(branch)}."


def branch_link(branch: str) -> str:
    """A link that holds on the pages of issues and pull requests: GitHub leaves it relative to the page."""
    return f"[`{branch}`](../tree/{branch})"


def merge_message(situation: Situation, task: Task) -> str:
    published = situation.ledger.last_published(task.key)
    summary = quoted(published.summary.summary) if published and published.summary else ""
    number = f"#{task.issue.number}" if task.issue else task.key
    trailers = f"Crewline-Task: {number}\nCrewline-Objective: #{situation.objective.number}"
    return f"{summary}\n\n{trailers}".strip()


def _place(finding: Finding) -> str:
    if not finding.path:
        return ""
    return f"`{finding.path}:{finding.line}` " if finding.line else f"`{finding.path}` "
