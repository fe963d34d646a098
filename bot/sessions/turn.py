"""One turn: the agent gets a prompt, works, and ends. A session has one, or two where an answer is repaired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bot.agents.agent import Account, Agent, AgentError, Invocation
from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.model.session import Failed, FailureKind, Spend, Void
from bot.sandbox.bubblewrap import Room
from bot.sandbox.reach import Reach
from bot.sandbox.sandbox import UNCONFINED, Sandbox
from bot.sessions.confined import run_confined
from bot.sessions.listen import Listener, OnText
from bot.sessions.process import Ending, Tail
from bot.sessions.surroundings import Folders, agent_environment, clean_environment
from bot.sessions.transcript import Transcript
from bot.sessions.workplace import Workplace

_SHOWN = 4_000

Amount = TypeVar("Amount", int, float)


@dataclass
class Stage:
    """All that one session works with. `spend` grows with each turn."""

    assignment: Assignment
    agent: Agent
    credentials: Mapping[str, str]
    mirror: Mirror
    place: Workplace
    transcript: Transcript
    on_text: OnText
    clock: Callable[[], datetime]
    spend: Spend = field(default_factory=Spend)
    mark: str = ""
    base_url: str | None = None
    """Where the agent's model is asked, instead of its maker's address."""
    sandbox: Sandbox = UNCONFINED
    agent_reads: tuple[Path, ...] = ()
    """Files of the machine that the agent's command names."""
    reach: Reach | None = None
    """What the agent may reach where its network is not open."""

    def answer_file(self, turn: int) -> Path:
        """Each turn has a folder of its own: what the turn before left there cannot be taken for an answer."""
        return self.place.folder / f"answer-{turn}" / "answer.json"

    def refused(self, what: str) -> None:
        """The agent wanted to reach what it may not."""
        self.transcript.note("refused", f"the agent may not reach {what}")
        self.on_text(f"refused: {what}")

    def failed(self, reason: FailureKind, detail: str) -> Failed:
        """With secrets masked, and noted in the transcript."""
        masked = self.transcript.mask(detail)
        self.transcript.note("failed", f"{reason.value}: {masked}")
        return Failed(reason=reason, detail=masked)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn went. `failure` is set where the agent did not come to a good end: Void where its model was not to
    be had."""

    ending: Ending
    account: Account
    failure: Failed | Void | None


async def take_turn(stage: Stage, prompt: str, number: int = 1) -> Turn:
    """Run the agent on `prompt`, for what is left of the session's time."""
    assignment, place = stage.assignment, stage.place
    prompt_file = place.folder / f"prompt-{number}.md"
    answer_file = stage.answer_file(number)
    answer_file.parent.mkdir()
    prompt_file.write_text(prompt, encoding="utf-8", errors="replace")
    stage.transcript.note("prompt", prompt)
    invocation = Invocation(
        *(prompt_file, place.tree, answer_file, assignment.id, assignment.model, place.home),
        effort=assignment.effort,
        turns=assignment.turns,
        base_url=stage.base_url,
    )
    command = stage.agent.start(invocation)
    for path, text in command.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    clean = clean_environment(Folders(place.home, place.temporary, stage.mark), stage.mirror.identity)
    environment = agent_environment(clean, assignment.id, prompt_file, answer_file, stage.credentials)
    listener = Listener(stage.agent, stage.transcript, stage.on_text)
    errors = Tail(_SHOWN)
    began = time.monotonic()
    try:
        ending = await run_confined(
            stage.sandbox,
            _room(stage, prompt_file, answer_file),
            command.argv,
            environment={**environment, **command.environment},
            seconds=max(1.0, assignment.seconds - stage.spend.seconds),
            on_output=listener,
            on_error_output=errors,
            reach=stage.reach,
            on_refusal=stage.refused,
        )
        listener.finish(stage.agent.ending(invocation, ending.code))
    except asyncio.CancelledError:
        stage.transcript.note("ended", "the session was stopped")
        raise
    finally:
        stage.spend = _sum(stage.spend, listener.account.spend(time.monotonic() - began))
    stage.transcript.note("exit", _exit_text(ending, errors))
    return Turn(ending, listener.account, _failure(stage, ending, listener.account, errors))


def _room(stage: Stage, prompt_file: Path, answer_file: Path) -> Room:
    """The repository lends objects from the mirror, so these are read."""
    place = stage.place
    return Room(
        folder=place.tree,
        temporary=place.temporary,
        writable=(place.tree, place.repository, place.home, place.temporary, answer_file.parent),
        readable=(stage.mirror.path.absolute() / "objects", prompt_file),
        machine=stage.agent_reads,
    )


def _failure(stage: Stage, ending: Ending, account: Account, errors: Tail) -> Failed | Void | None:
    name = stage.agent.name
    if ending.timed_out:
        said = f"\nIt said last:\n{account.text[-1500:]}" if account.text.strip() else ""
        detail = f"{name} was ended at the limit of {stage.assignment.seconds} seconds.{said}"
        return stage.failed(FailureKind.TIMEOUT, detail)
    if ending.problem:
        return stage.failed(FailureKind.AGENT, f"{name}: {ending.problem}.")
    if account.error is not None:
        return _reported(stage, account.error)
    if ending.code != 0:
        said = (errors.text.strip() or account.text.strip())[-_SHOWN:]
        return stage.failed(FailureKind.AGENT, f"{name} ended with exit code {ending.code}.\n{said}".strip())
    return None


def _reported(stage: Stage, error: AgentError) -> Failed | Void:
    """What a program says of itself is believed as far as this: a failure that it blames on its provider counts as
    nobody's, and is bounded all the same (`bot.decide.bounds`)."""
    name, text = stage.agent.name, error.text[-_SHOWN:]
    if error.trouble is None:
        return stage.failed(FailureKind.AGENT, f"{name} reports an error: {text}")
    reason = stage.transcript.mask(f"the model of {name} is {error.trouble.value}: {text}")
    stage.transcript.note("trouble", reason)
    return Void(reason=reason[:1000], trouble=error.trouble)


def _exit_text(ending: Ending, errors: Tail) -> str:
    parts = [f"exit code {ending.code} after {ending.seconds:.3f} s"]
    parts += ["at the time limit"] * ending.timed_out
    parts += [f"{ending.leftover} processes that it left were ended"] * (ending.leftover > 0)
    parts += [ending.problem or ""]
    parts += [f"standard error ends with:\n{errors.text}"] * (errors.total > 0)
    return "; ".join(part for part in parts if part)


def _sum(left: Spend, right: Spend) -> Spend:
    return Spend(
        seconds=round(left.seconds + right.seconds, 3),
        usd=_add(left.usd, right.usd),
        input_tokens=_add(left.input_tokens, right.input_tokens),
        output_tokens=_add(left.output_tokens, right.output_tokens),
    )


def _add(left: Amount | None, right: Amount | None) -> Amount | None:
    return left if right is None else right if left is None else left + right
