"""One turn: the agent gets a prompt, works, and ends. A session has one, and more where it is told what is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from bot.agents.agent import Account, Agent, AgentError, Invocation
from bot.agents.shared_files import make_shared_folder, write_shared
from bot.agents.summary import BEGIN
from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.model.budget import Caps, Metric, in_words
from bot.model.offer import McpServer
from bot.model.session import Failed, FailureKind, Spend, Void
from bot.sandbox.bubblewrap import Room
from bot.sandbox.reach import Reach
from bot.sandbox.sandbox import UNCONFINED, Sandbox
from bot.sessions.confined import run_confined
from bot.sessions.conversation import Conversation, Told
from bot.sessions.harvest import checked_out
from bot.sessions.listen import Listener, OnText
from bot.sessions.notebook import Notebook
from bot.sessions.process import Ending, OnOutput, Tail
from bot.sessions.reckoning import Reckoning
from bot.sessions.surroundings import Folders, agent_environment, clean_environment
from bot.sessions.transcript import Transcript
from bot.sessions.watch import WARNED_AT, Over, Watch
from bot.sessions.workplace import Workplace

_SHOWN = 4_000
_MOST_NOTICES = 3
BEFORE = "told before"
"""The kind of a transcript's line with what a conversation had cost before the session."""
LONGEST_SAID = 600

Amount = TypeVar("Amount", int, float)


def notice_file(answer_file: Path) -> Path:
    """Where a running agent is told that its budget runs out, beside its answer."""
    return answer_file.with_name("notice.txt")


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
    verifying: Sandbox = UNCONFINED
    """What the verify command runs in."""
    system: str | None = None
    """Standing rules, beside every prompt."""
    mcp: Mapping[str, McpServer] = field(default_factory=dict)
    agent_reads: tuple[Path, ...] = ()
    """Files of the machine that the agent's command, or that of an MCP server, names."""
    reach: Reach | None = None
    """What the agent may reach where its network is not open."""
    notices: list[str] = field(default_factory=list)
    """What the sandbox kept the agent from."""
    conversation: str | None = None
    """The name that the agent's program gave its conversation."""
    prompt: str | None = None
    """The SHA-256 of the first prompt."""
    said: str = ""
    """The end of what the agent said to people in its last turn, masked, without its summary."""
    earlier: Conversation | None = None
    """That of the session before, which had asked people something and whose next turn is the first of this one."""
    renew_home: Callable[[], None] = lambda: None
    told: Told = field(default_factory=Told)
    """What the present conversation has cost in all, also before this session."""
    _outside: tuple[float | None, int | None, int | None] = (None, None, None)
    """What was spent before the present conversation: money, tokens read, tokens written."""

    def answer_file(self, turn: int) -> Path:
        """Each turn has a folder of its own: what the turn before left there cannot be taken for an answer."""
        return self.place.folder / f"answer-{turn}" / "answer.json"

    @property
    def caps(self) -> Caps:
        given = self.assignment
        return Caps(usd=given.usd, tokens=given.tokens, turns=given.turns, commits=given.commits, seconds=given.seconds)

    def go_on_with(self, earlier: Conversation) -> None:
        """The first turn is the next one of this conversation."""
        self.earlier, self.conversation, self.told = earlier, earlier.name, earlier.told
        self.transcript.note("conversation", f"it goes on with that of session {earlier.assignment.id}")
        if earlier.told != Told():
            self.transcript.note(BEFORE, earlier.told.model_dump_json())

    def begin_anew(self, reason: str) -> None:
        """What the session before had said goes on no more: with a new home, a new conversation begins. Raises
        OSError."""
        if self.earlier is not None and self.earlier.told != Told():
            self.transcript.note(BEFORE, Told().model_dump_json())
        self.transcript.note("conversation", f"a new one begins, in a new home: {reason}")
        self.earlier, self.conversation, self.told = None, None, Told()
        self.renew_home()

    def can_go_on(self) -> bool:
        """Whether the agent can be told something more in the same conversation, and its budget lasts for it."""
        return self.conversation is not None and self.agent.resumes and not self.exhausted()

    def exhausted(self) -> bool:
        """Whether so little of the budget is left that a further turn is not worth its beginning."""
        used = self.spend.of()
        caps = self.caps.of().items()
        return any(used[metric] >= WARNED_AT * cap for metric, cap in caps if metric is not Metric.COMMITS)

    def left(self) -> tuple[str, ...]:
        """What may still be spent, in words."""
        used = self.spend.of()
        return tuple(in_words(metric, max(0.0, cap - used[metric])) for metric, cap in self.caps.of().items())

    def made(self, commits: int) -> None:
        """The commits of the session were counted."""
        self.spend = self.spend.model_copy(update={"commits": commits})

    def warn(self, words: str, turn: int) -> None:
        """That little of its budget is left: for the transcript, and in a file that the agent was told of. The folder
        is the agent's, so no link of its own there is followed."""
        text = f"Of the budget of this session {words} are used. Come to an end: commit what is good.\n"
        self.transcript.note("warned", text.strip())
        self.on_text(f"warned: {words} are used")
        file = notice_file(self.answer_file(turn))
        with suppress(OSError):  # it stands in the transcript too
            write_shared(self.place.folder, file, text)

    def counted(self, account: Account, seconds: float, commits: int, *, resumed: bool) -> Spend:
        """What the session has cost with a turn. Where its program tells what the whole conversation has cost, that
        takes the place of what it told before."""
        used = account.spend(seconds).model_copy(update={"commits": commits})
        before = self.spend
        if resumed and account.of_conversation:
            used = self.earlier.told.not_in(used) if self.earlier is not None else used
            usd, read, written = self._outside
            before = before.model_copy(update={"usd": usd, "input_tokens": read, "output_tokens": written})
        return _sum(before, used)

    def count(self, account: Account, seconds: float, commits: int, *, resumed: bool) -> None:
        if not resumed:
            self._outside = (self.spend.usd, self.spend.input_tokens, self.spend.output_tokens)
        self.spend = self.counted(account, seconds, commits, resumed=resumed)
        self.told = Told.of(account.spend(0.0)) if account.of_conversation else self.told if resumed else Told()
        self.conversation = account.conversation or (self.conversation if resumed else None)
        self.said = (
            self.transcript.mask(account.text.partition(BEGIN)[0].replace("\0", "�").strip())[-LONGEST_SAID:].strip()
            or self.said
        )

    def made_in(self) -> str:
        """For people: what the agent ran in, and what it was kept from there."""
        kept = self.notices[:_MOST_NOTICES]
        more = [f"and {len(self.notices) - len(kept)} more"] if len(self.notices) > len(kept) else []
        ours, verify = self.sandbox.short(), self.verifying.short()
        apart = [f"of its verify command: {verify}"] if verify != ours and self.assignment.verify_command else []
        return self.transcript.mask("; ".join([ours, *apart, *kept, *more]))

    def noticed(self, what: str) -> None:
        """The sandbox kept the agent from something."""
        self.notices.append(what)
        self.transcript.note("sandbox", what)
        self.on_text(f"sandbox: {what}")

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
    """Run the agent on `prompt`, for what is left of the session's budget; where it can, it goes on with the
    conversation of the turn before."""
    invocation = _invocation(stage, prompt, number)
    command = stage.agent.start(invocation)
    for path, text in command.files.items():
        write_shared(stage.place.folder, path, text)
    notebook = Notebook(stage.place.home, stage.agent.notebook)
    reckoning = Reckoning(stage.agent, stage.assignment.model, stage.clock)
    await reckoning.prepare()
    listener = Listener(stage.agent, stage.transcript, stage.on_text, lambda: watch.progressed(), notebook, reckoning)
    errors = Tail(_SHOWN)

    resumed = invocation.continues is not None

    def hear(sink: OnOutput) -> OnOutput:
        def hears(data: bytes) -> None:
            watch.heard()
            sink(data)

        return hears

    watch = Watch(
        stage.caps,
        lambda seconds, commits: stage.counted(listener.account, seconds, commits, resumed=resumed),
        lambda: checked_out(stage.place.repository),
        stall=stage.assignment.stall_seconds,
        warn=lambda words: stage.warn(words, number),
        say=stage.on_text,
        look=listener.look,
        asks_again=lambda: listener.account.asks_again,
        keeps=stage.agent.keeps,
    )
    began = time.monotonic()
    try:
        async with watch:
            ending = await run_confined(
                stage.sandbox,
                _room(stage, invocation.prompt_file, invocation.answer_file),
                command.argv,
                environment={**_environment(stage, invocation), **command.environment},
                seconds=max(1.0, stage.assignment.seconds - stage.spend.seconds),
                on_output=hear(listener),
                on_error_output=hear(errors),
                reach=stage.reach,
                on_notice=stage.noticed,
                enough=watch.over,
            )
        listener.finish(stage.agent.ending(invocation, ending.code, errors.text))
    except asyncio.CancelledError:
        stage.transcript.note("ended", "the session was stopped")
        raise
    finally:
        stage.count(listener.account, time.monotonic() - began, watch.commits, resumed=resumed)
    stage.transcript.note("exit", _exit_text(ending, errors))
    return Turn(ending, listener.account, _failure(stage, ending, listener.account, errors, watch.found))


def _invocation(stage: Stage, prompt: str, number: int) -> Invocation:
    """With the prompt written and kept. What the program bounds by itself is told what is left."""
    assignment, place = stage.assignment, stage.place
    prompt_file = place.folder / f"prompt-{number}.md"
    answer_file = stage.answer_file(number)
    make_shared_folder(place.folder, answer_file.parent)
    continues = stage.conversation if stage.agent.resumes else None
    if stage.system and stage.agent.system_place is None and continues is None:
        prompt = f"{stage.system}\n\n{prompt}"
    elif stage.system and number == 1:
        stage.transcript.note("system", stage.system)
    write_shared(place.folder, prompt_file, prompt)
    stage.transcript.note("prompt", prompt)
    if stage.prompt is None:
        stage.prompt = sha256(prompt.encode(errors="replace")).hexdigest()
    return Invocation(
        *(prompt_file, place.tree, answer_file, assignment.id, assignment.model, place.home),
        effort=assignment.effort,
        turns=max(1, assignment.turns - stage.spend.turns) if assignment.turns is not None else None,
        usd=max(0.01, assignment.usd - (stage.spend.money or 0.0)) if assignment.usd is not None else None,
        continues=continues,
        base_url=stage.base_url,
        system=stage.system if stage.agent.system_place else None,
        mcp=stage.mcp,
    )


def _environment(stage: Stage, invocation: Invocation) -> dict[str, str]:
    place = stage.place
    clean = clean_environment(Folders(place.home, place.temporary, stage.mark), stage.mirror.identity)
    files = (invocation.prompt_file, invocation.answer_file)
    environment = agent_environment(clean, invocation.session_id, *files, stage.credentials)
    return {**environment, "CREWLINE_NOTICE_FILE": str(notice_file(invocation.answer_file))}


def _room(stage: Stage, prompt_file: Path, answer_file: Path) -> Room:
    """The repository lends objects from the mirror, so these are read."""
    place = stage.place
    return Room(
        folder=place.tree,
        temporary=place.temporary,
        writable=(place.tree, place.repository, place.home, place.temporary, answer_file.parent),
        readable=(stage.mirror.path.absolute() / "objects", *place.lent, prompt_file),
        machine=stage.agent_reads,
    )


def _failure(stage: Stage, ending: Ending, account: Account, errors: Tail, over: Over | None) -> Failed | Void | None:
    name = stage.agent.name
    if over is not None:
        return stage.failed(over.reason, f"{name} {over.text}.{_said_last(account)}")
    if ending.timed_out:
        limit = f"{name} was ended at the limit of {stage.assignment.seconds} seconds."
        detail = limit + _said_last(account)
        return stage.failed(FailureKind.TIMEOUT, detail)
    if ending.problem:
        return stage.failed(FailureKind.AGENT, f"{name}: {ending.problem}.")
    if account.error is not None:
        return _reported(stage, account.error)
    if ending.code != 0:
        said = (errors.text.strip() or account.text.strip())[-_SHOWN:]
        return stage.failed(FailureKind.AGENT, f"{name} ended with exit code {ending.code}.\n{said}".strip())
    return None


def _said_last(account: Account) -> str:
    return f"\nIt said last:\n{account.text[-1500:]}" if account.text.strip() else ""


def _reported(stage: Stage, error: AgentError) -> Failed | Void:
    """What a program says of itself is believed as far as this: a failure that it blames on its provider counts as
    nobody's, and is bounded all the same (`bot.decide.bounds`)."""
    name, text = stage.agent.name, error.text[-_SHOWN:]
    if error.capped:
        return stage.failed(FailureKind.BUDGET, f"{name} ended, since its budget is spent: {text}")
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


def total(before: Spend, account: Account, told: Told) -> Spend:
    """With one more turn of a session whose turns are all of one conversation, of which `told` is of before it."""
    used = account.spend(0.0)
    if account.of_conversation:
        before = before.model_copy(update={"usd": None, "input_tokens": None, "output_tokens": None})
        used = told.not_in(used)
    return _sum(before, used)


def _sum(left: Spend, right: Spend) -> Spend:
    return Spend(
        seconds=round(left.seconds + right.seconds, 3),
        usd=_add(left.usd, right.usd),
        reckoned_usd=_add(left.reckoned_usd, right.reckoned_usd),
        input_tokens=_add(left.input_tokens, right.input_tokens),
        output_tokens=_add(left.output_tokens, right.output_tokens),
        turns=left.turns + right.turns,
        commits=left.commits + right.commits,
        tool_calls=left.tool_calls + right.tool_calls,
    )


def _add(left: Amount | None, right: Amount | None) -> Amount | None:
    return left if right is None else right if left is None else left + right
