"""A worker's session: the agent commits, the gate judges, the verify command proves.

The order is part of the promise: what an agent says decides nothing but whether it wants to go on (blocked,
partial); what it committed is brought back, judged, and only then run.
"""

from __future__ import annotations

from bot.agents.summary import SUMMARY, UnreadableSummary, find_summary
from bot.git.errors import GitFailed
from bot.journal import TOLD_AGAIN, tell
from bot.model.assignment import WorkerBriefing
from bot.model.identity import CommitSha
from bot.model.scope import problem_with
from bot.model.session import Blocked, Evidence, Failed, FailureKind, Outcome, Published, Summary
from bot.sessions.evidence import Verification
from bot.sessions.follow_up import better, complaint_about, follow_up
from bot.sessions.gate.change import collect
from bot.sessions.gate.history import judge_history
from bot.sessions.gate.rules import judge, only_outside, refusal_text
from bot.sessions.gate.weakened import weakened
from bot.sessions.going_on import answered
from bot.sessions.harvest import Unharvestable, harvest, uncommitted
from bot.sessions.prompt import Surroundings, memory, render
from bot.sessions.salvage import rules_of
from bot.sessions.turn import Stage, Turn, notice_file, take_turn


async def work(stage: Stage, template: str | None, verification: Verification) -> Outcome:
    """Raises PromptFailed, and GitFailed where our own side fails."""
    turn, first = await _first_turn(stage, template)
    outcome = await _judge(stage, turn, verification)
    told: tuple[str, ...] = ()
    for number in range(first + 1, first + 1 + stage.assignment.follow_ups):
        complaint = await complaint_about(stage, outcome, told) if stage.can_go_on() else None
        if complaint is None:
            break
        told += complaint.left
        tell(TOLD_AGAIN, **stage.assignment.ids, turn=number, reason=complaint.name)
        turn = await take_turn(stage, await follow_up(stage, complaint, number), number)
        outcome = better(outcome, await _judge(stage, turn, verification))
    return outcome


async def _first_turn(stage: Stage, template: str | None) -> tuple[Turn, int]:
    """And its number: it is the second where an answer was told to a program that did not go on."""
    turn = await answered(stage)
    if turn is not None:
        return turn, 1
    number = 1 if stage.prompt is None else 2
    prompt = render(stage.assignment, await surroundings_of(stage, number), template)
    return await take_turn(stage, prompt, number), number


async def surroundings_of(stage: Stage, turn: int = 1) -> Surroundings:
    """What the whole prompt of a session is made with, besides its assignment."""
    place, answer_file = stage.place, stage.answer_file(turn)
    return Surroundings(
        answer_file=answer_file,
        base=place.base,
        conflicts=place.conflicts,
        merged_base=place.merged_base,
        budget=stage.left(),
        notice_file=notice_file(answer_file),
        memory=await memory(stage.mirror, stage.assignment.default_branch or stage.assignment.base_branch),
    )


async def _judge(stage: Stage, turn: Turn, verification: Verification) -> Outcome:
    """What a turn has come to."""
    if turn.failure is not None:
        return turn.failure
    summary = _summary_of(stage, turn)
    if summary is not None and summary.status == "blocked":
        question = summary.follow_up_notes.strip() or summary.summary.strip() or "The agent did not say what it needs."
        return Blocked(question=question)
    outcome = await _outcome(stage, summary, verification)
    if summary is None or not isinstance(outcome, Failed) or outcome.reason is FailureKind.GATE:
        return outcome
    return outcome.model_copy(update={"outside": _asked_for(summary)})


def _summary_of(stage: Stage, turn: Turn) -> Summary | None:
    """What the agent says of its work, masked; None where it says nothing that can be read."""
    found = find_summary(turn.account.text)
    if isinstance(found, UnreadableSummary):
        stage.transcript.note("summary", found.problem)
        return None
    return None if found is None else stage.transcript.mask.data(found, SUMMARY)


async def _outcome(stage: Stage, summary: Summary | None, verification: Verification) -> Outcome:
    """What the commits are worth, of an agent that came to its end."""
    head = await _bring_back(stage, summary)
    if isinstance(head, Failed):
        return head
    if summary is not None and summary.status == "partial":
        return stage.failed(FailureKind.PARTIAL, _notes("The agent says that its work is not complete.", summary))
    passed = await _gate(stage, head)
    if isinstance(passed, Failed):
        return passed
    outcome = await _prove(stage, head, summary, verification)
    return outcome.model_copy(update={"weakened": passed}) if isinstance(outcome, Published) else outcome


async def _bring_back(stage: Stage, summary: Summary | None) -> CommitSha | Failed:
    """The head of the session's work in the mirror."""
    place, session = stage.place, stage.assignment.id
    try:
        found = await harvest(stage.mirror, place, session, stage.agent.name, stage.clock(), stage.transcript.mask)
    except Unharvestable as error:
        return stage.failed(FailureKind.GATE, str(error))
    if found is not None:
        stage.transcript.note("harvest", f"{found.commits} commits; in the bot's form the head is {found.head}")
        stage.made(found.commits)
        most = stage.assignment.commits
        if most is not None and found.commits > most:
            detail = f"There are {found.commits} commits; at most {most} are allowed. Join them (`git reset --soft`)."
            return stage.failed(FailureKind.GATE, detail)
        return found.head
    if place.merged_base and _was_for_a_conflict(stage):
        return place.start  # the conflict is gone: the merge alone is the work
    if stage.assignment.continues is not None and not place.conflicts:
        return place.start  # the session that it continues had done all of the work
    detail = "The agent ended without a commit on the branch that was checked out."
    if left := await uncommitted(stage.mirror, place, place.start):
        detail += f" It left changes that are not committed: {', '.join(left)}."
    return stage.failed(FailureKind.NO_COMMITS, _notes(detail, summary))


def _was_for_a_conflict(stage: Stage) -> bool:
    briefing = stage.assignment.briefing
    setback = briefing.setback if isinstance(briefing, WorkerBriefing) else None
    return setback is not None and setback.reason is FailureKind.CONFLICT


async def _gate(stage: Stage, head: CommitSha) -> tuple[str, ...] | Failed:
    """What the reviewer must know of it, where it may leave."""
    assignment, secrets = stage.assignment, stage.transcript.secrets
    changes = await collect(stage.mirror, stage.place.base, head, assignment.largest_file, secrets)
    if changes is None:
        return stage.failed(FailureKind.GATE, f"The commits share no history with {assignment.base_branch}.")
    if not changes:
        detail = f"The commits change nothing compared to {assignment.base_branch}."
        return stage.failed(FailureKind.NO_COMMITS, detail)
    rules = rules_of(assignment)
    of_history = await judge_history(stage.mirror, stage.place.base, head, rules, secrets)
    if refusals := (*judge(changes, rules), *of_history):
        paths = tuple(stage.transcript.mask(refusal.path) for refusal in refusals)
        outside = paths if all(map(only_outside, refusals)) else ()
        return stage.failed(FailureKind.GATE, refusal_text(refusals)).model_copy(update={"outside": outside})
    return weakened(changes)


async def _prove(stage: Stage, head: CommitSha, summary: Summary | None, verification: Verification) -> Outcome:
    evidence = await prove(stage, head, verification)
    if isinstance(evidence, Failed):
        return evidence
    made_in = stage.made_in()
    return Published(head=head, base=stage.place.base, evidence=evidence, summary=summary, made_in=made_in)


async def prove(stage: Stage, head: CommitSha, verification: Verification) -> Evidence | Failed | None:
    """Evidence that `head` passes; None where no verify command is configured."""
    command = stage.assignment.verify_command
    if command is None:
        return None
    stage.on_text(f"verifying: {command}")
    try:
        found = await verification.run(command, head, stage.assignment.verify_seconds)
    except GitFailed as error:
        stage.transcript.note("verify", str(error))
        raise
    evidence = found.model_copy(update={"tail": stage.transcript.mask(found.tail)})
    stage.transcript.note("verify", f"`{command}` on {head}: exit code {evidence.exit_code}\n{evidence.tail}")
    if evidence.passed:
        return evidence
    detail = f"`{command}` ended with exit code {evidence.exit_code}. The end of its output:\n{evidence.tail[-4000:]}"
    failed = stage.failed(FailureKind.VERIFY, detail)
    return failed.model_copy(update={"evidence": evidence})


def _asked_for(summary: Summary) -> tuple[str, ...]:
    """The paths that the agent says it needs, as far as they can be paths."""
    return tuple(path for path in summary.out_of_scope_changes_needed[:20] if problem_with(path) is None)


def _notes(detail: str, summary: Summary | None) -> str:
    if summary is None:
        return detail
    said = [summary.summary, summary.follow_up_notes, ", ".join(summary.out_of_scope_changes_needed)]
    labels = ("It says: ", "What remains: ", "Paths outside of its scope that it asks for: ")
    lines = [label + text.strip() for label, text in zip(labels, said, strict=True) if text.strip()]
    return "\n".join([detail, *lines])[:8_000]
