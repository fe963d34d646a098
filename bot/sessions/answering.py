"""Sessions that answer with data: the planner's plan, the reviewer's verdict. A bad answer gets one repair turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.agents.answer import BadAnswer, read_answer
from bot.journal import TOLD_AGAIN, tell
from bot.model.amendment import AMENDING_ANSWER, Amendment, Refusal, problem_of
from bot.model.assignment import PlannerBriefing, ReviewerBriefing
from bot.model.plan import PLANNER_ANSWER, PlainAnswer, Plan, Questions
from bot.model.session import (
    VERDICT,
    Evidence,
    Failed,
    FailureKind,
    Judged,
    Outcome,
    Planned,
    Verdict,
    Void,
)
from bot.sessions.evidence import Verification
from bot.sessions.prompt import render, render_repair
from bot.sessions.turn import Stage, take_turn
from bot.sessions.worker import prove, surroundings_of

T = TypeVar("T")


async def plan(stage: Stage, template: str | None) -> Outcome:
    """A plan, or the amendment of one that is under way. Raises PromptFailed."""
    briefing, most = stage.assignment.briefing, stage.assignment.most_tasks
    need = briefing.need if isinstance(briefing, PlannerBriefing) else None

    def problem(answer: Plan | Questions | PlainAnswer) -> str | None:
        if isinstance(answer, Plan) and len(answer.tasks) > most:
            return f"The plan has {len(answer.tasks)} tasks; at most {most} are allowed. Join what belongs together."
        return None

    def misfit(answer: Amendment | Refusal | Questions) -> str | None:
        found = problem_of(answer, need.standing) if need and isinstance(answer, Amendment) else None
        return f"The plan cannot be amended like that: {found}." if found else None

    prompt = render(stage.assignment, await surroundings_of(stage), template)
    answer: Plan | Questions | PlainAnswer | Amendment | Refusal | Failed | Void
    if need is not None:
        answer = await _ask(stage, prompt, AMENDING_ANSWER, misfit)
    else:
        answer = await _ask(stage, prompt, PLANNER_ANSWER, problem)
    return answer if isinstance(answer, Failed | Void) else Planned(answer=answer)


async def review(stage: Stage, template: str | None, verification: Verification) -> Outcome:
    """Judge the commit that the assignment names; verified first, where nobody has. Raises PromptFailed, and
    GitFailed where our own side fails."""
    briefing = stage.assignment.briefing
    assert isinstance(briefing, ReviewerBriefing)
    head = stage.assignment.judges or briefing.head
    fresh: Evidence | None = None
    if briefing.evidence is None:
        proof = await prove(stage, head, verification)
        if isinstance(proof, Failed):
            return proof
        fresh = proof
    surroundings = replace(await surroundings_of(stage), evidence=briefing.evidence or fresh)

    def problem(verdict: Verdict) -> str | None:
        return None

    verdict = await _ask(stage, render(stage.assignment, surroundings, template), VERDICT, problem)
    return verdict if isinstance(verdict, Failed | Void) else Judged(head=head, verdict=verdict, evidence=fresh)


async def _ask(
    stage: Stage, prompt: str, adapter: TypeAdapter[T], problem_with: Callable[[T], str | None]
) -> T | Failed | Void:
    """The answer, or why there is none after the repair turn."""
    text = prompt
    bad = BadAnswer("There is no answer file.")
    for number in (1, 2):
        turn = await take_turn(stage, text, number)
        if turn.failure is not None:
            return turn.failure
        found = _answer(stage, number, adapter)
        if not isinstance(found, BadAnswer):
            problem = problem_with(found)
            if problem is None:
                return found
            found = BadAnswer(problem, adapter.dump_json(found).decode())
        bad = found
        stage.transcript.note("answer", bad.problem)
        if number == 2 or stage.exhausted():
            break
        tell(TOLD_AGAIN, **stage.assignment.ids, turn=2, reason=stage.transcript.mask(bad.problem))
        remembers = stage.agent.resumes and stage.conversation is not None
        instructions = "" if remembers else prompt.replace(str(stage.answer_file(1)), str(stage.answer_file(2)))
        text = render_repair(instructions, bad.problem, bad.text, stage.answer_file(2))
    return stage.failed(FailureKind.BAD_ANSWER, f"{bad.problem}\n\nThe agent was told so and did not repair it.")


def _answer(stage: Stage, number: int, adapter: TypeAdapter[T]) -> T | BadAnswer:
    """What the agent answered in turn `number`, masked."""
    found = read_answer(stage.answer_file(number), adapter)
    if isinstance(found, BadAnswer):
        return found
    try:
        return stage.transcript.mask.data(found, adapter)
    except ValidationError:
        return BadAnswer("The answer holds a credential of this server. Leave it out.")
