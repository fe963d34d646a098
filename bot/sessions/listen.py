"""From an agent's output to events: lines cut, bounded, read by its adapter, kept and shown.

An agent may print anything, 200 MB without a line end included. Lines are read one by one up to a bound; beyond
it only the end of the output is kept, and read when the agent has ended, because the last line is where a program
says how it went. What comes in one piece is kept, shown and weighed as one: one write, one time, and of many lines the
last ones for the live view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot.agents.agent import Account, Agent, AgentError, AgentEvent, Finished, Message, RateLimited, ToolCall
from bot.sessions.notebook import MOST_OF_TURN, Notebook
from bot.sessions.process import Tail
from bot.sessions.reckoning import Reckoning
from bot.sessions.transcript import Transcript

MOST_READ = 32_000_000
MOST_LINES = 200_000
LONGEST_LINE = 4_000_000
_TAIL = 1_000_000
_LAST_LOOKS = 4
"""At the end, into what the program wrote down faster than it was read."""
_MOST_SHOWN = 50
"""Events of one piece that are shown live."""

OnText = Callable[[str], None]


class Listener:
    """The sink of an agent's standard output. `account` is what was understood, and `on_event` is told once for each
    piece that said something; `finish` after the last piece, with what is known beside the output. What the program
    writes into `notebook` is heard too, and `reckoning` puts a price on what has none."""

    def __init__(
        self,
        agent: Agent,
        transcript: Transcript,
        on_text: OnText,
        on_event: Callable[[], None] = lambda: None,
        notebook: Notebook | None = None,
        reckoning: Reckoning | None = None,
    ) -> None:
        self.account = Account()
        self._notebook = notebook
        self._reckoning = reckoning
        self._on_event = on_event
        self._agent = agent
        self._transcript = transcript
        self._on_text = on_text
        self._line = bytearray()
        self._read = 0
        self._lines = 0
        self._tail: Tail | None = None

    def __call__(self, chunk: bytes) -> None:
        if self._tail is not None:
            self._tail(chunk)
            return
        self._read += len(chunk)
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = bytes(self._line) + whole[0]
            self._line.clear()
            self._take(whole)
        self._line += rest
        if self._read > MOST_READ or self._lines > MOST_LINES or len(self._line) > LONGEST_LINE:
            self._tail = Tail(_TAIL)
            self._tail(bytes(self._line))
        self.look()
        self._transcript.flush()

    def look(self) -> None:
        """See what the program has written down since; its output may tell of no cost."""
        book = self._notebook
        if book is None:
            return
        self._hear([event for line in book.new_lines() for event in self._agent.noted(line)])
        if book.full:
            self._notebook = None
            text = f"the program wrote down more than {MOST_OF_TURN} bytes of its work; what follows is not read"
            self._transcript.note("skipped", text)

    def finish(self, last: Iterable[AgentEvent] = ()) -> None:
        if self._tail is not None:
            self._transcript.note("skipped", "the agent printed so much that only the end was read")
            lines = self._tail.text.encode().split(b"\n")
            self._take(lines[1:] or lines)
        elif self._line:
            self._take([bytes(self._line)])
        self.look()
        for _ in range(_LAST_LOOKS):
            if self._notebook is not None and self._notebook.behind:
                self.look()
        self._hear(tuple(last))
        self._transcript.flush()

    def _take(self, lines: Sequence[bytes]) -> None:
        self._lines += len(lines)
        self._hear([event for line in lines for event in self._agent.events(line)])

    def _hear(self, events: Sequence[AgentEvent]) -> None:
        if not events:
            return
        if self._reckoning is not None:
            events = [self._reckoning.priced(event) for event in events]
        for event in events:
            self.account.add(event)
        self._transcript.events(events)
        self._on_event()
        for event in events[-_MOST_SHOWN:]:
            if text := _shown(event):
                self._on_text(self._transcript.mask(text))


def _shown(event: AgentEvent) -> str:
    """One line for the live view."""
    match event:
        case Message(text=text) | Finished(text=text) | RateLimited(text=text) | AgentError(text=text):
            return " ".join(text[:400].split())[:200]
        case ToolCall(name=name, arguments=arguments):
            return f"{name} {' '.join(arguments[:400].split())}"[:200]
        case _:
            return ""
