"""What the bot says and shows: reactions, replies, questions, escalations, the label, and the one status comment.

Everything is recognised by its tag and exists once; only the status comment is ever edited. A person is mentioned
in a comment of its own, since an edit notifies nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bot.config import RepositoryConfig
from bot.decide.answers import question_of, questions_comment, questions_tag
from bot.decide.commands.phase import Asked, commanding
from bot.decide.situation import Situation
from bot.decide.status import refused_text, status_text, without_asides, without_wait
from bot.decide.task import Task, tasks_of
from bot.decide.texts import quoted, salvage_text
from bot.model.action import Action, AddLabel, EditComment, React, RemoveLabel, WriteComment
from bot.model.ledger import Escalation, HandledCommand
from bot.model.marker import tag, tagged
from bot.model.observed import Comment, Issue, PullRequest, Reaction
from bot.model.session import Failed, Role, Void
from bot.model.snapshot import Snapshot

LONG = timedelta(minutes=5)


def acknowledge(situation: Situation) -> list[Action]:
    """👀 on every command, before anything else is done about it."""
    return [
        React(asked.issue, asked.comment.id, Reaction.EYES)
        for asked in commanding(situation)
        if Reaction.EYES not in asked.comment.reactions
    ]


def answer_commands(situation: Situation) -> list[Action]:
    """🚀 or 😕, and the reply where there is one."""
    handled = {command.comment: command for command in situation.ledger.commands}
    actions: list[Action] = []
    for asked in commanding(situation):
        command = handled.get(asked.comment.id)
        if command is not None:
            reaction = Reaction.ROCKET if command.result == "done" else Reaction.CONFUSED
            if reaction not in asked.comment.reactions:
                actions.append(React(asked.issue, asked.comment.id, reaction))
            actions += _reply(situation, asked, command)
    return actions


def speak(situation: Situation) -> list[Action]:
    """Questions, escalations, and the label that goes with them."""
    return [*_ask(situation), *_escalations(situation), *_label(situation)]


def explain_refusal(snapshot: Snapshot, config: RepositoryConfig) -> list[Action]:
    """The status comment of a labelled issue that nobody may hand off like this."""
    issue = snapshot.observed.objective
    if not issue.open or config.label not in issue.labels or issue.labelling is None:
        return []
    return _put(issue, "status", str(issue.number), refused_text(snapshot, config), snapshot.absence_trusted)


def explain_pull_request(number: int, labels: frozenset[str], comments: Iterable[Comment], label: str) -> list[Action]:
    """Somebody labelled a pull request: it is said once that only issues are handed off."""
    said = any(comment.mine and tagged(comment.body, "status") == str(number) for comment in comments)
    if label not in labels or said:
        return []
    body = f"**Crewline** · Only issues are handed off; this is a pull request. Open an issue and set `{label}` there."
    return [WriteComment(number, f"{tag('status', str(number))}\n\n{body}")]


def _reply(situation: Situation, asked: Asked, command: HandledCommand) -> list[Action]:
    if command.reply is None or not situation.snapshot.absence_trusted:
        return []
    wanted = str(asked.comment.id)
    if any(c.mine and tagged(c.body, "reply") == wanted for c in _thread(situation, asked.issue)):
        return []
    return [WriteComment(asked.issue, f"{tag('reply', wanted)}\n\n@{asked.by} {command.reply}")]


def _thread(situation: Situation, number: int) -> tuple[Comment, ...]:
    observed = situation.snapshot.observed
    threads: tuple[Issue | PullRequest, ...] = (observed.objective, *observed.tasks, *observed.pull_requests)
    for thread in threads:
        if thread.number == number:
            return thread.comments
    return ()


def _ask(situation: Situation) -> list[Action]:
    exchanges = situation.ledger.exchanges
    pending = bool(exchanges) and exchanges[-1].answer is None
    if not pending or not situation.active or not situation.snapshot.absence_trusted:
        return []
    if questions_comment(situation) is not None:
        return []
    questions = "\n".join(f"{n}. {quoted(text)}" for n, text in enumerate(exchanges[-1].questions, 1))
    body = (
        f"{tag('questions', questions_tag(situation))}\n\n"
        f"@{situation.ledger.hand_off.by} the planner needs to know:\n\n"
        f"{questions}\n\nAnswer in one comment here; the first one by somebody with write access is taken."
    )
    return [WriteComment(situation.objective.number, body)]


def _escalations(situation: Situation) -> list[Action]:
    """One comment for each escalation that a bound caused. Who escalates by command knows already."""
    if not situation.snapshot.absence_trusted or not situation.objective.open:
        return []
    there = {tagged(comment.body, "escalation") for comment in situation.objective.comments if comment.mine}
    actions: list[Action] = []
    asked: list[tuple[Escalation | None, Task | None]] = [(situation.ledger.planning.escalation, None)]
    asked += [(task.record.escalation, task) for task in tasks_of(situation)]
    for escalation, task in asked:
        if escalation is None or escalation.by is not None:
            continue
        name = f"{situation.objective.number}.{escalation.ordinal}"
        if name not in there:
            body = f"{tag('escalation', name)}\n\n{_escalation_text(situation, escalation, task)}"
            actions.append(WriteComment(situation.objective.number, body))
    return actions


def _escalation_text(situation: Situation, escalation: Escalation, task: Task | None) -> str:
    whole = "The objective" if escalation.for_budget else "Planning"
    what = f"{task.reference} {quoted(task.planned.title)}" if task else whole
    where = f" on {task.reference}" if task else ""
    parts = [f"@{situation.ledger.hand_off.by} **{what}** waits for you: {quoted(escalation.reason)}."]
    sessions = task.counted if task else situation.ledger.sessions_of(None)[situation.ledger.planning.forgiven :]
    failures = [session.outcome for session in sessions if isinstance(session.outcome, Failed)]
    if failures:
        tail = quoted(failures[-1].detail)[-1500:]
        parts.append(
            f"<details><summary>The last failure: {failures[-1].reason.value}</summary>\n\n{tail}\n\n</details>"
        )
    if task and task.pull_request:
        parts.append(f"What there is so far: #{task.pull_request.number}.")
    if task and (salvaged := salvage_text(situation, task)):
        parts.append(salvaged)
    tried = sum(s.role is Role.WORKER and not isinstance(s.outcome, Void) for s in sessions)
    if tried:
        parts.append(f"Tried {tried} time{'s' if tried > 1 else ''}.")
    if task and question_of(task) is not None:
        parts.append(f"A comment{where} by somebody with write access is taken as the answer, and the work goes on.")
    again = f"`/retry [hint]`{where} tries again; closing the issue gives it up."
    parts.append("Closing the issue gives it up." if escalation.for_budget else again)
    return "\n\n".join(parts)


def _label(situation: Situation) -> list[Action]:
    label = situation.config.needs_human_label
    records = (situation.ledger.planning, *(task.record for task in tasks_of(situation) if not _settled(task)))
    asking = situation.objective.open and any(record.escalation for record in records)
    if asking and label not in situation.objective.labels:
        return [AddLabel(situation.objective.number, label)]
    if not asking and label in situation.objective.labels:
        return [RemoveLabel(situation.objective.number, label)]
    return []


def _settled(task: Task) -> bool:
    return task.merged or (task.issue is not None and not task.issue.open)


def show_status(situation: Situation) -> list[Action]:
    """The one comment that is edited: what is done, what waits for what. That GitHub's limit is waited for is said
    with the next edit that goes out anyway; it is worth an edit of its own only where the wait is long and the status
    does not speak of it yet. An edit takes none of the content of an hour, but its turn among all writes."""
    text = status_text(situation)
    number = str(situation.objective.number)
    shown = (c.body for c in situation.objective.comments if c.mine and tagged(c.body, "status") == number)
    if any(without_asides(body) == without_asides(text) and not _worth_telling(situation, body) for body in shown):
        return []
    return _put(situation.objective, "status", number, text, situation.snapshot.absence_trusted)


def _worth_telling(situation: Situation, shown: str) -> bool:
    """Whether the status `shown` is edited only to say that a limit is waited for."""
    wait = situation.snapshot.wait
    long = wait is not None and wait.until - situation.now >= LONG
    return long and without_wait(shown) == shown.strip()


def _put(issue: Issue, kind: str, value: str, text: str, absence_trusted: bool) -> list[Action]:
    """One comment with this tag, reading `text`: written where there is none, edited where it reads otherwise."""
    for comment in issue.comments:
        if comment.mine and tagged(comment.body, kind) == value:
            return [] if comment.body.strip() == text.strip() else [EditComment(issue.number, comment.id, text)]
    return [WriteComment(issue.number, text)] if absence_trusted else []
