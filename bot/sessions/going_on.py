"""The answer to a question as the next turn of the agent that asked it, in the session that brings the answer.

The tree and the home were kept (`kept`), and what was told then still holds (`conversation`). What is looked at here is
whether the tree has the work, whether the standing rules are the same, and whether the program does go on: where it
does not know the conversation any more, nothing is lost but a moment. The agent then gets the whole prompt, which has
question and answer too, in the same session.
"""

from __future__ import annotations

from bot.git.mirror import Mirror
from bot.journal import CONVERSATION_LOST, tell
from bot.model.assignment import Assignment, WorkerBriefing
from bot.model.identity import CommitSha, SessionId
from bot.model.session import Blocked, Failed, FailureKind, Outcome
from bot.sessions.conversation import Conversation
from bot.sessions.harvest import checked_out
from bot.sessions.kept import KeptTree
from bot.sessions.prompt import Surroundings, override, render_answer
from bot.sessions.turn import Stage, Turn, notice_file, take_turn


def conversation_of(stage: Stage, outcome: Outcome) -> Conversation | None:
    """What the session leaves to the one that brings the answer; None where nobody is asked, the program cannot go on
    with a conversation, or there are commits of which no more is known."""
    if not isinstance(outcome, Blocked) or stage.conversation is None or not stage.agent.resumes:
        return None
    assignment, place = stage.assignment, stage.place
    head = outcome.salvage.head if outcome.salvage is not None else None
    if head is None and checked_out(place.repository) != place.start:
        return None
    head = head or assignment.continues or assignment.starts_from or place.base
    return Conversation(assignment, stage.conversation, head, stage.system, stage.told)


async def prepare(stage: Stage, kept: KeptTree | None) -> None:
    """Where the workplace was made in that of the attempt before: go on with the conversation that was kept there, if
    there is one and the tree has its work. Raises OSError, and GitFailed where our own side fails."""
    if kept is not None:
        resumed = "with what it had made" if stage.place.resumed else "and made anew"
        stage.transcript.note("tree", f"it lies where that of the attempt before lay, {resumed}")
    if kept is None or kept.conversation is None:
        if (asked := _asked(stage.assignment)) is not None:
            text = f"a new one begins: that of session {asked} was not kept, or does not know what this one is told"
            stage.transcript.note("conversation", text)
        return
    earlier = kept.conversation
    stage.renew_home = kept.renew_home
    home = stage.place.home
    if home.is_symlink() or not home.is_dir():
        stage.begin_anew("its home is gone")
    elif not stage.place.resumed or not await _has(stage.mirror, stage.place.start, earlier.head):
        stage.begin_anew("its tree is not what it was")
    else:
        stage.go_on_with(earlier)


async def answered(stage: Stage) -> Turn | None:
    """The turn that the answer began; None where there is no conversation to go on with, or not any more. Raises
    PromptFailed, OSError, and GitFailed where our own side fails."""
    earlier = stage.earlier
    if earlier is None:
        return None
    if earlier.system != stage.system:
        stage.begin_anew("the standing rules have changed")
        return None
    turn = await take_turn(stage, await _prompt(stage))
    if not _came_to_nothing(turn):
        return turn
    said = turn.failure.detail if isinstance(turn.failure, Failed) else "its program said nothing"
    tell(CONVERSATION_LOST, **stage.assignment.ids, reason=said)
    stage.begin_anew(f"{stage.agent.name} did not go on with the former one")
    return None


def _asked(assignment: Assignment) -> SessionId | None:
    """The session whose question is answered."""
    return assignment.briefing.answers if isinstance(assignment.briefing, WorkerBriefing) else None


async def _has(mirror: Mirror, start: CommitSha, head: CommitSha) -> bool:
    return not await mirror.missing_from(start, [head])


async def _prompt(stage: Stage) -> str:
    """Short: the conversation knows the rest."""
    assignment, answer_file = stage.assignment, stage.answer_file(1)
    template = await override(stage.mirror, assignment.default_branch or assignment.base_branch, "answer")
    around = Surroundings(
        answer_file=answer_file, base=stage.place.base, budget=stage.left(), notice_file=notice_file(answer_file)
    )
    return render_answer(assignment, around, stage.place.start, template)


def _came_to_nothing(turn: Turn) -> bool:
    """Whether the program ended by itself before its model had said anything."""
    if turn.account.turns:
        return False
    failure = turn.failure
    if failure is None:
        return not turn.account.text.strip()
    return isinstance(failure, Failed) and failure.reason is FailureKind.AGENT
