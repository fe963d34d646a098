"""What people answer to a planner's questions: the first comment of a person with write access that is no command."""

from __future__ import annotations

from bot.decide.commands.grammar import is_command
from bot.decide.situation import Situation
from bot.model.marker import tagged, without_tags
from bot.model.observed import Comment, Permission


def answers(situation: Situation) -> Situation:
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
