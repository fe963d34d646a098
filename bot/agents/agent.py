"""What the bot needs to know of an agent program, and the events that all of them are turned into.

A program reads a prompt, works in the current folder, prints lines and exits. What it prints is never trusted:
an unknown line is kept as `Raw`, and nothing that an event says counts as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar

from pydantic import Field, TypeAdapter

from bot.agents.steps import Steps
from bot.model.budget import Metric
from bot.model.frozen import Frozen
from bot.model.offer import McpServer
from bot.model.session import Spend, Trouble

Choice = Literal["model", "effort"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of an agent. `home` is a private folder that the agent may write to.

    `effort`, `turns` and `usd` are passed on where the program knows such a thing; the bot bounds turns and money by
    itself in any case. `continues` is the name that the program gave a conversation of the same home, to be gone on
    with. `base_url` is where its model is asked instead of the maker's own address. `system` are standing rules, and
    `mcp` servers of tools: both are only set where the agent has a place for them.
    """

    prompt_file: Path
    worktree: Path
    answer_file: Path
    session_id: str
    model: str | None
    home: Path
    effort: str | None = None
    turns: int | None = None
    usd: float | None = None
    continues: str | None = None
    base_url: str | None = None
    system: str | None = None
    mcp: Mapping[str, McpServer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a model is asked, and the variables whose values are keys to it."""

    url: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, never a shell's text; standard input is the null device. `environment` is
    what the program needs besides the clean environment that every session gets; `files` are settings that it
    reads, by path, to be written before it starts."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)


class Started(Frozen):
    kind: Literal["started"] = "started"
    conversation: str | None = None
    """The program's own name for this conversation."""


class Thinking(Frozen):
    """What the model thought aloud; kept in the transcript, never taken for its answer."""

    kind: Literal["thinking"] = "thinking"
    text: str


class Message(Frozen):
    """What the agent says to people. `continued` goes on with the message before it, without a line between."""

    kind: Literal["message"] = "message"
    text: str
    continued: bool = False


class ToolCall(Frozen):
    """`arguments` is shortened text for people."""

    kind: Literal["tool_call"] = "tool_call"
    name: str
    arguments: str


class ToolResult(Frozen):
    kind: Literal["tool_result"] = "tool_result"
    text: str
    failed: bool = False


class Usage(Frozen):
    """What the whole run has cost so far: a later one replaces an earlier one. Where a program only tells what each
    step costs, `adds` says so. `of_conversation`: a run that goes on with a conversation tells what the whole of it
    has cost."""

    kind: Literal["usage"] = "usage"
    usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    adds: bool = False
    of_conversation: bool = False


class StepUsage(Frozen):
    """What one answer of the model has cost so far, while the whole is not told yet. A later one of the same `step`
    replaces an earlier one, and `Usage` all of them."""

    kind: Literal["step_usage"] = "step_usage"
    step: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    """Of those read: what the provider had in its cache, and asks less for."""
    model: str | None = None
    """Who answered, where the program says so here."""
    usd: float | None = None
    """By list prices (`bot.agents.prices`), where the program tells no money itself."""


class Model(Frozen):
    """Who answers from here on."""

    kind: Literal["model"] = "model"
    name: str


class RateLimited(Frozen):
    """The program waits for its model and will ask again by itself."""

    kind: Literal["rate_limited"] = "rate_limited"
    text: str


class AgentError(Frozen):
    """The program says that it failed; it may still exit with 0. `trouble` is set where its model's provider is to
    blame, `capped` where a bound ended it that we had set."""

    kind: Literal["error"] = "error"
    text: str
    trouble: Trouble | None = None
    capped: bool = False


class Finished(Frozen):
    """The program's last word."""

    kind: Literal["finished"] = "finished"
    text: str


class Raw(Frozen):
    """A line that the adapter does not know."""

    kind: Literal["raw"] = "raw"
    text: str


AgentEvent = Annotated[
    Started
    | Thinking
    | Message
    | ToolCall
    | ToolResult
    | Usage
    | StepUsage
    | Model
    | RateLimited
    | AgentError
    | Finished
    | Raw,
    Field(discriminator="kind"),
]
AGENT_EVENT: TypeAdapter[AgentEvent] = TypeAdapter(AgentEvent)


class Agent(Protocol):
    """One program. It holds no state of a run, so one object serves all sessions."""

    @property
    def name(self) -> str: ...

    @property
    def program(self) -> str:
        """What must be found on the PATH."""
        ...

    @property
    def credentials(self) -> tuple[str, ...]:
        """The environment variables of the server that this agent, and no other, is given."""
        ...

    @property
    def resumes(self) -> bool:
        """Whether it can go on with a conversation (`Invocation.continues`)."""
        ...

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it must reach to ask its model, where no other address is set."""
        ...

    @property
    def system_place(self) -> str | None:
        """Where `Invocation.system` goes, for people; None where the program has no place for a system prompt."""
        ...

    @property
    def mcp_place(self) -> str | None:
        """Where `Invocation.mcp` goes, for people; None where the program knows no MCP servers."""
        ...

    @property
    def keeps(self) -> tuple[Metric, ...]:
        """The budgets that it is told (`Invocation.turns`, `Invocation.usd`) and ends for by itself."""
        ...

    @property
    def takes(self) -> tuple[Choice, ...]:
        """What it can be told of how a role is to be played (`Invocation.model`, `Invocation.effort`)."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether it asks no model where none is named."""
        ...

    @property
    def tells_money(self) -> bool:
        """Whether it is known to tell what it costs; where it does not, that is reckoned from the tokens of
        `StepUsage`, and where it tells none of these either, a bound on money bounds nothing."""
        ...

    @property
    def notebook(self) -> str | None:
        """Where below its home it writes down what it does while it does it, one JSON object a line: a path, with
        ``*`` for any part of a name. None where its output tells of the cost in time."""
        ...

    def noted(self, line: bytes) -> tuple[AgentEvent, ...]:
        """What one line of its notebook says of the cost. It never raises."""
        ...

    def upstream(self, model: str | None, base_url: str | None) -> Upstream | None:
        """Where it asks `model`, if it can be told to ask it elsewhere: at `base_url`, or at its maker's address."""
        ...

    def start(self, invocation: Invocation) -> Command: ...

    def events(self, line: bytes) -> tuple[AgentEvent, ...]:
        """What one line of standard output says. It never raises."""
        ...

    def ending(self, invocation: Invocation, code: int, errors: str = "") -> tuple[AgentEvent, ...]:
        """What its exit code says, the end of its standard error, and files that it left in its home; none of it is
        believed. It never raises."""
        ...


_KEPT = 200_000
Amount = TypeVar("Amount", int, float)


class Account:
    """What is kept of one run's events: the text in which the summary is looked for, the cost, the error."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._length = 0
        self._usage: Usage | None = None
        self._steps = Steps()
        self.error: AgentError | None = None
        self.conversation: str | None = None
        self.turns = 0
        """Answers of the model: what it says and calls until tools have answered is one."""
        self.tool_calls = 0
        self._answering = False
        self._unanswered = 0

    @property
    def asks_again(self) -> bool:
        """Whether its model is about to be asked once more: all the tools that it called have answered."""
        return self.tool_calls > 0 and not self._answering and self._unanswered <= 0

    def add(self, event: AgentEvent) -> None:
        if isinstance(event, Thinking | Message | ToolCall):
            self.turns += not self._answering
            self.tool_calls += isinstance(event, ToolCall)
            self._unanswered += isinstance(event, ToolCall)
            self._answering = True
        elif isinstance(event, ToolResult):
            self._answering = False
            self._unanswered -= 1
        if isinstance(event, Message | Finished):
            joined = isinstance(event, Message) and event.continued
            self._texts.append(event.text if joined or not self._texts else f"\n{event.text}")
            self._length += len(event.text)
            if self._length > 2 * _KEPT:
                self._texts = [self.text]
                self._length = len(self._texts[0])
        elif isinstance(event, Usage):
            self._usage = _sum(self._usage, event) if event.adds and self._usage is not None else event
        elif isinstance(event, StepUsage):
            self._steps.add(event.step, event.input_tokens, event.output_tokens, event.usd)
        elif isinstance(event, AgentError):
            self.error = event
        elif isinstance(event, Started):
            self.conversation = event.conversation or self.conversation

    @property
    def text(self) -> str:
        """The end of all that the agent said to people."""
        return "".join(self._texts)[-_KEPT:]

    def spend(self, seconds: float) -> Spend:
        steps = self._steps
        usage = self._usage or (Usage(input_tokens=steps.read, output_tokens=steps.written) if steps else Usage())
        return Spend(
            seconds=round(seconds, 3),
            usd=usage.usd,
            reckoned_usd=steps.usd if usage.usd is None else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            turns=self.turns,
            tool_calls=self.tool_calls,
        )

    @property
    def of_conversation(self) -> bool:
        """Whether money and tokens are those of the whole conversation that the run went on with."""
        return self._usage is not None and self._usage.of_conversation


def _sum(so_far: Usage, step: Usage) -> Usage:
    return Usage(
        usd=_plus(so_far.usd, step.usd),
        input_tokens=_plus(so_far.input_tokens, step.input_tokens),
        output_tokens=_plus(so_far.output_tokens, step.output_tokens),
    )


def _plus(left: Amount | None, right: Amount | None) -> Amount | None:
    return left if right is None else right if left is None else left + right
