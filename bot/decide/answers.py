"""What people answer to questions: the first comment of a person with write access that is no command.

A planner's questions stand in a comment of their own. A worker that is blocked asks in its escalation: the answer is
a comment on the task or its pull request, or on the objective where nothing else there is asked. It becomes the hint of
the next session, which goes on where the one that asked had stopped.
"""

from __future__ import annotations

from bot.decide.commands.grammar import is_command
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, tasks_of
from bot.model.marker import tagged, without_tags
from bot.model.observed import Comment, Permission
from bot.model.session import Blocked


def answers(situation: Situation) -> Situation:
    return _answer_workers(_answer_planner(situation))


def _answer_planner(situation: Situation) -> Situation:
    ledger = situation.ledger
    if not ledger.exchanges or ledger.exchanges[-1].answer is not None:
        return situation
    asked = questions_comment(situation)
    if asked is None:
        return situation
    for comment in situation.objective.comments:
        if comment.id > asked.id and _answers(situation, comment):
            exchange = ledger.exchanges[-1].model_copy(
                update={
                    "answer": without_tags(comment.body),
                    "answered_by": comment.author,
                    "comment": comment.id,
                }
            )
            exchanges = (*ledger.exchanges[:-1], exchange)
            return situation.recording(
                ledger.model_copy(update={"exchanges": exchanges}), f"@{comment.author} answered the questions"
            )
    return situation


def _answer_workers(situation: Situation) -> Situation:
    """Where two agents ask, a comment on the objective could be for either: it is taken for none, also not later,
    when only one still asks."""
    asking = [(task, question) for task in tasks_of(situation) if (question := question_of(task)) is not None]
    settled = max((record.answered for record in situation.ledger.tasks), default=0)
    shared = [c for c in situation.objective.comments if c.id > settled] if len(asking) == 1 else []
    for task, question in asking:
        asked = _escalation_comment(situation, task)
        if asked is None:
            continue
        comments = [*_thread_of(task), *shared]
        found = [comment for comment in comments if comment.id > asked.id and _answers(situation, comment)]
        if found:
            first = min(found, key=lambda comment: comment.id)
            hint = f"You asked: {question}\n\n@{first.author} answered: {without_tags(first.body)}"
            ledger = situation.ledger.answered(task.key, hint, first.id)
            situation = situation.recording(ledger, f"@{first.author} answered the question of {task.key}")
    return situation


def question_of(task: Task) -> str | None:
    """What the agent of a task asks, while it waits for the answer."""
    escalation = task.record.escalation
    last = task.counted[-1].outcome if task.counted else None
    waits = escalation is not None and escalation.by is None and task.stage is Stage.ESCALATED
    return last.question if waits and isinstance(last, Blocked) else None


def _escalation_comment(situation: Situation, task: Task) -> Comment | None:
    escalation = task.record.escalation
    wanted = f"{situation.objective.number}.{escalation.ordinal}" if escalation else ""
    return next((c for c in situation.objective.comments if c.mine and tagged(c.body, "escalation") == wanted), None)


def _thread_of(task: Task) -> tuple[Comment, ...]:
    on_task = task.issue.comments if task.issue else ()
    return (*on_task, *(task.pull_request.comments if task.pull_request else ()))


def questions_comment(situation: Situation) -> Comment | None:
    """The comment that asks the newest questions, once it was written."""
    wanted = questions_tag(situation)
    return next((c for c in situation.objective.comments if c.mine and tagged(c.body, "questions") == wanted), None)


def questions_tag(situation: Situation) -> str:
    return f"{situation.objective.number}.{len(situation.ledger.exchanges)}"


def _answers(situation: Situation, comment: Comment) -> bool:
    if comment.mine or comment.author_is_bot or comment.author is None or is_command(comment.body):
        return False
    return situation.snapshot.permissions.get(comment.author, Permission.NONE).may_command
