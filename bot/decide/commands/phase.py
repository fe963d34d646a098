"""The commands phase: what people asked for since the last look, each carried out once.

That a command was handled is recorded in the same push as its effect, so a crash between the two cannot happen and
a command that came while the bot was down is found, unhandled, after the restart. The reactions follow from the
record: 👀 while it is not handled, 🚀 or 😕 once it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.decide.commands.command import CommandRule, Done, Refused, Request
from bot.decide.commands.grammar import Command, Unknown, parse
from bot.decide.commands.help import HELP, RULES, access_text, help_text
from bot.decide.situation import Situation
from bot.decide.task import tasks_of
from bot.model.identity import Login
from bot.model.ledger import HandledCommand
from bot.model.observed import Comment, Permission


@dataclass(frozen=True, slots=True)
class Asked:
    """A command in a comment of the thread `issue` (an issue or pull request number)."""

    issue: int
    task: str | None
    comment: Comment
    by: Login
    command: Command | Unknown


def commands(situation: Situation) -> Situation:
    for asked in unhandled(situation):
        situation = _carry_out(situation, asked)
    return situation


def unhandled(situation: Situation) -> tuple[Asked, ...]:
    """The commands that no record names yet, oldest first."""
    handled = {command.comment for command in situation.ledger.commands}
    return tuple(asked for asked in commanding(situation) if asked.comment.id not in handled)


def commanding(situation: Situation) -> tuple[Asked, ...]:
    """Every comment since the hand-off that holds a command of a person, oldest first."""
    found = []
    for issue, task, comment in _threads(situation):
        if comment.mine or comment.author_is_bot or comment.author is None:
            continue
        command = parse(comment.body) if comment.created_at >= situation.ledger.hand_off.at else None
        if command is not None:
            found.append(Asked(issue, task, comment, comment.author, command))
    return tuple(sorted(found, key=lambda asked: asked.comment.id))


def _threads(situation: Situation) -> Iterator[tuple[int, str | None, Comment]]:
    for comment in situation.objective.comments:
        yield situation.objective.number, None, comment
    for task in tasks_of(situation):
        for comment in task.issue.comments if task.issue else ():
            yield task.issue.number if task.issue else 0, task.key, comment
        for comment in task.pull_request.comments if task.pull_request else ():
            yield task.pull_request.number if task.pull_request else 0, task.key, comment


def _carry_out(situation: Situation, asked: Asked) -> Situation:
    name, outcome = _outcome(situation, asked)
    if isinstance(outcome, Refused):
        reply = None if _told_before(situation, asked, outcome) else outcome.reason
        handled = HandledCommand(comment=asked.comment.id, by=asked.by, name=name, result="refused", reply=reply)
    else:
        situation = outcome.situation
        handled = HandledCommand(comment=asked.comment.id, by=asked.by, name=name, result="done", reply=outcome.reply)
    return situation.recording(situation.ledger.handle(handled), f"@{asked.by}: /{name} {handled.result}")


def _outcome(situation: Situation, asked: Asked) -> tuple[str, Done | Refused]:
    """The word that was typed and what comes of it. What is no command is told to whoever may ask for help."""
    command, permission = asked.command, situation.snapshot.permissions.get(asked.by, Permission.NONE)
    if isinstance(command, Unknown):
        refused = Refused(_unknown_text(command) if permission.includes(HELP.needs) else _only_text(HELP))
        return command.word, refused
    rule = next(rule for rule in RULES if rule.name == command.name)
    if not permission.includes(rule.needs):
        return command.name, Refused(_only_text(rule))
    return command.name, rule.carry_out(situation, Request(asked.by, asked.task, command.argument))


def _only_text(rule: CommandRule) -> str:
    return f"only people with {access_text((rule,))} to this repository can command."


def _unknown_text(unknown: Unknown) -> str:
    guess = f" Did you mean `/{unknown.nearest}`?" if unknown.nearest else ""
    return f"`/{unknown.word}` is no command.{guess}\n\n{help_text(RULES)}"


def _told_before(situation: Situation, asked: Asked, refused: Refused) -> bool:
    """Somebody without the access is told once; a hundred commands of theirs do not make a hundred comments."""
    if refused.reason not in map(_only_text, RULES):
        return False
    return any(command.by == asked.by and command.reply == refused.reason for command in situation.ledger.commands)
