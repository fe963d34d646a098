"""What the server refuses, repeats and gives up, told in one way: a log line and a counter for each.

Every such event stands here once, with what it means for whoever runs the server; `tell` writes its line and counts
it. What belongs together is found by ids that are bound where they become known (`about`) and stand in every line
from there on, through all that is called:

* `delivery`: the GUIDs of the webhooks that a look goes back to; as GitHub shows them in the App's delivery log.
* `objective` and `repository`, `task` and `session`: where the line belongs.
* `request_id`: GitHub's name of a request that it answered; its support asks for it.

Counters have few labels, and never a name, a title or a number that strangers could multiply.

Lines that tell of ordinary progress are plain log lines and stand nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import structlog

Field = str | int | float | bool | None
Level = Literal["info", "warning", "error"]
Id = Literal["delivery", "repository", "objective", "task", "session", "request_id"]
WEBHOOK: tuple[Id, ...] = ("delivery",)
REPOSITORY: tuple[Id, ...] = ("repository",)
OBJECTIVE: tuple[Id, ...] = (*REPOSITORY, "objective")
SESSION: tuple[Id, ...] = (*OBJECTIVE, "session")
"""And its task, where it has one: a planner has none."""
REQUEST: tuple[Id, ...] = ("request_id",)
LONGEST = 500
"""Characters of one field: what others sent may be megabytes."""

log = structlog.get_logger("crewline")


class Sort(Enum):
    REFUSAL = "refusal"
    RETRY = "retry"
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class Event:
    """`name` begins its log line, `meaning` explains it, `remedy` says what a person can do, if anything."""

    name: str
    sort: Sort
    meaning: str
    remedy: str = ""
    level: Level = "warning"
    ids: tuple[Id, ...] = ()
    """What its line names, always: the witness of each event is held to it."""

    @property
    def label(self) -> str:
        """As the counter names it."""
        return "_".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split())


class Events:
    """All of them, by name, and how often each was told."""

    def __init__(self) -> None:
        self.all: dict[str, Event] = {}
        self.counts: Counter[str] = Counter()

    def add(self, event: Event) -> Event:
        assert event.name not in self.all, f"{event.name!r} stands twice"
        self.all[event.name] = event
        return event


EVENTS = Events()


def refusal(name: str, meaning: str, remedy: str = "", *, level: Level = "warning", ids: tuple[Id, ...] = ()) -> Event:
    """Somebody asked for what is not done, or GitHub did not do what we asked."""
    return EVENTS.add(Event(name, Sort.REFUSAL, meaning, remedy, level, ids))


def retry(name: str, meaning: str, remedy: str = "", *, level: Level = "warning", ids: tuple[Id, ...] = ()) -> Event:
    """It did not work now, and is tried again without a person."""
    return EVENTS.add(Event(name, Sort.RETRY, meaning, remedy, level, ids))


def give_up(name: str, meaning: str, remedy: str = "", *, level: Level = "warning", ids: tuple[Id, ...] = ()) -> Event:
    """It is not tried again; what comes of it says the meaning."""
    return EVENTS.add(Event(name, Sort.GIVE_UP, meaning, remedy, level, ids))


def tell(event: Event, *, traceback: bool = False, **fields: Field) -> None:
    """Count it, and write its line with `fields` and with whatever is bound. With `traceback`, the exception that is
    being handled is told too, as an error."""
    EVENTS.counts[event.name] += 1
    shown = {name: _short(value) for name, value in fields.items() if value is not None}
    if traceback:
        log.error(event.name, exc_info=True, **shown)
    else:
        getattr(log, event.level)(event.name, **shown)


@contextmanager
def about(**ids: Field) -> Iterator[None]:
    """Lines that are written while the block runs, and by tasks that it starts, have these ids."""
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def begin() -> None:
    """Forget the ids of whatever caused this task: it works for others too."""
    structlog.contextvars.clear_contextvars()


def as_prometheus(gauges: Mapping[str, int | float] = {}) -> str:
    """Every counter, also those at nought, in Prometheus' text format (version 0.0.4), and `gauges`."""
    lines = ["# HELP crewline_events_total Refusals, retries and give-ups.", "# TYPE crewline_events_total counter"]
    for event in EVENTS.all.values():
        count = EVENTS.counts[event.name]
        lines.append(f'crewline_events_total{{event="{event.label}",sort="{event.sort.value}"}} {count}')
    for name, value in gauges.items():
        lines += [f"# TYPE crewline_{name} gauge", f"crewline_{name} {value:g}"]
    return "\n".join(lines) + "\n"


def _short(value: Field) -> Field:
    return value[:LONGEST] + " …" if isinstance(value, str) and len(value) > LONGEST else value


# Webhooks and connections

WEBHOOK_REFUSED = refusal(
    "webhook refused",
    "A delivery was not signed with our secret, was too large or too slow, or is not of GitHub's form.",
    "Where they are GitHub's own: compare CREWLINE_WEBHOOK_SECRET with the App's page.",
    ids=WEBHOOK,
)
CONNECTION_REFUSED = refusal(
    "connection refused", "Too many connections are open, and none of them is silent.", "See who floods the port."
)
NO_DESCRIPTORS = refusal(
    "no descriptors left",
    "The process may open no more files; who connects is hung up on. Told for each thousandth.",
    "Raise the limit of open files (`ulimit -n`).",
    level="error",
)
FEW_DESCRIPTORS = refusal("few descriptors", "The limit of open files could not be raised.", "Raise its hard limit.")
HINTS_LOST = retry(
    "hints were lost",
    "What webhooks named could not be looked up; a sweep looks at all that is open.",
    ids=(*REPOSITORY, *WEBHOOK),
)
TOO_MANY_HINTS = retry("too many hints", "More changed at once than is remembered; a sweep looks at all that is open.")
LOG_UNREADABLE = retry("the delivery log could not be read", "Missed webhooks are looked for again after a while.")
NO_LOG = give_up(
    "there is no delivery log", "This GitHub does not have one; the sweep finds what is missed.", level="info"
)
TOO_MANY_MISSED = give_up(
    "more webhooks were missed than are redelivered", "A sweep looks at all that is open instead.", level="warning"
)
REDELIVERED = retry(
    "a missed webhook is redelivered", "GitHub is asked to send it once more.", level="info", ids=WEBHOOK
)
NOT_REDELIVERED = refusal("not redelivered", "GitHub does not redeliver it.", level="info")
WEBHOOK_GIVEN_UP = give_up(
    "a webhook is given up", "It was redelivered in vain; the sweep finds what it was about.", ids=WEBHOOK
)

# Looks

LOOK_FAILED = retry("a look failed and is repeated", "With growing pauses, up to five minutes.", ids=OBJECTIVE)
SWEEP_FAILED = retry("the sweep failed and is repeated", "With growing pauses.")
ASKED_TO_WAIT = retry("GitHub asks to wait", "The objective is looked at again when GitHub allows it.", ids=OBJECTIVE)
SEEN_BEFORE = retry(
    "goes on with what was seen", "GitHub cannot be asked now; what needs no look goes on.", level="info", ids=OBJECTIVE
)
WRITES_WAIT = retry(
    "waits",
    "Writes that a limit holds back are sent when it allows; the status says when.",
    level="info",
    ids=OBJECTIVE,
)
ACTION_REFUSED = refusal(
    "GitHub refused", "One write was refused; the others are done, and the look is repeated.", ids=OBJECTIVE
)
OLDER_READ = retry(
    "a read was older than the one before it", "The newer counts; it is read again.", level="info", ids=OBJECTIVE
)
HANDED_OFF_UNKNOWN = retry(
    "what was just handed off could not be asked for", "A sweep looks at all that is open.", ids=REPOSITORY
)
HINTS_HELD_BACK = retry(
    "hints are held back",
    "More came for an objective than looks are allowed for; it is looked at when one is.",
    level="info",
    ids=OBJECTIVE,
)
NOT_ALL_SEEN = give_up(
    "not all that was said is read",
    "A conversation of more than a thousand comments, reviews or checks: what lies in its middle is not seen.",
    "Say what counts once more.",
    level="info",
    ids=OBJECTIVE,
)
LEFT_ALONE = give_up("left alone", "The issue is gone, moved away, or a pull request.", level="info", ids=OBJECTIVE)
BAD_CONFIGURATION = refusal(
    "bad configuration",
    "`.github/crewline.yml` cannot be used; the last good one stays in force, and where none was ever good, nothing "
    "starts and nothing merges. The status of every objective says it.",
    "Mend the line that is named.",
    ids=REPOSITORY,
)
LEDGER_LEFT_OUT = refusal(
    "ledger left out",
    "A ledger cannot be read; its objective waits, and a comment there says why.",
    "The comment says how to put it back.",
    ids=OBJECTIVE,
)
SET_BACK = retry(
    "a ledger was set back",
    "Somebody deleted or moved its ref; sessions of names that were used already are left out.",
    ids=SESSION,
)
LEFT = give_up(
    "left a repository",
    "The App reaches it no more, or under another name. What runs for it ends; it goes on where GitHub shows it again.",
    "Install the App there again, if it should go on.",
    ids=REPOSITORY,
)
NOT_INSTALLED = refusal(
    "not installed", "A webhook is about a repository that the App cannot reach.", level="info", ids=REPOSITORY
)

# Requests to GitHub

REQUEST_REFUSED = refusal(
    "refused", "GitHub answered a request with an error; `request_id` is its name.", level="info", ids=REQUEST
)
LIMIT_REACHED = retry("limit reached", "The request waits as long as GitHub says, and goes out again.", ids=REQUEST)
NO_ANSWER = retry(
    "no answer", "A request was not answered. What may be sent twice is sent again; else a look finds out."
)
TOKEN_RENEWED = retry(
    "token renewed",
    "GitHub did not take a token: it ran out, or a clock that is off signed it. The request goes out once more.",
    level="info",
    ids=REQUEST,
)
GIT_TOKEN_RENEWED = retry(
    "token renewed for git",
    "A fetch or a push was refused with a token that ran out; it is done once more with another.",
    level="info",
    ids=REPOSITORY,
)
GITHUB_DOWN = retry("GitHub does not answer", "The server that starts waits for it, or for a limit of it.")

# Sessions

SESSION_BROKE = give_up(
    "a session broke", "By a fault of ours; it counts against no bound and starts again.", level="error", ids=SESSION
)
SESSION_CANNOT_RUN = retry("a session cannot run now", "Its place could not be prepared; it starts again.", ids=SESSION)
REPORT_NOT_TAKEN = give_up("the report of a session was not taken", "By a fault of ours.", level="error", ids=SESSION)
REPORT_NOT_WRITTEN = give_up(
    "the report of a session was not written down", "A crash right now would lose it.", ids=SESSION
)
NOT_SALVAGED = give_up(
    "commits not salvaged", "What a session had committed is lost; its task starts again.", ids=SESSION
)
PROGRESS_NOT_TAKEN = give_up("progress of a session was not taken", "By a fault of ours.", level="error", ids=SESSION)
LEFT_UNKNOWN = give_up(
    "what an earlier process left is not known", "Its sessions start again.", level="error", ids=REPOSITORY
)
CUT_OFF = retry(
    "a session was cut off", "By the end of an earlier run; its task starts again.", level="info", ids=SESSION
)
SALVAGE_REFUSED = refusal(
    "commits refused for salvage", "The gate keeps them; the ledger says why.", level="info", ids=SESSION
)
LEFTOVERS_ENDED = give_up("ended processes of an earlier run", "They outlived the server that had started them.")
RUN_NOT_RECORDED = give_up(
    "this run is not recorded", "What it leaves would not be found by the next.", "See that the data can be written to."
)
NOT_CLEARED = give_up("what an earlier run left could not be cleared", "Its place is thrown away whole.")

# The work itself, as it is recorded

ATTEMPT_FAILED = retry(
    "an attempt failed",
    "`reason` says why, refusals at the gate among them. The task is tried again, or a person is asked.",
    ids=SESSION,
)
SESSION_VOID = retry(
    "a session came to nothing",
    "By no fault of its own: it was stopped, cut off or hindered. It counts against no bound and starts again.",
    level="info",
    ids=SESSION,
)
TOLD_AGAIN = retry(
    "an agent is told what is wrong",
    "In a further turn of its session, before its attempt counts as failed; `reason` says what.",
    level="info",
    ids=SESSION,
)
CONVERSATION_LOST = retry(
    "a conversation could not be gone on with",
    "The answer to an agent's question was to be its next turn, and its program did not take it; `reason` is what that "
    "said. In the same session it gets the whole prompt, with question and answer.",
    level="info",
    ids=SESSION,
)
PLANNER_ASKS = give_up(
    "a planner has questions",
    "It cannot go on before somebody has answered.",
    "Answer them in a comment on the objective.",
    ids=SESSION,
)
AMENDMENT_REFUSED = refusal(
    "the planner refused to amend the plan",
    "The task that needs more than its plan gives it goes on without; `hint` says how.",
    level="info",
    ids=SESSION,
)
SESSION_BLOCKED = give_up("an agent cannot go on without a person", "It asks; the comment says what.", ids=SESSION)
CHANGES_REQUESTED = refusal("a review asked for changes", "The work goes back to an agent.", level="info", ids=SESSION)
PERSON_ASKED = give_up(
    "a person is asked",
    "A bound was reached, an agent is blocked, or somebody commanded it; what waits, waits for a person.",
    "The comment on the objective says which command continues.",
    ids=OBJECTIVE,
)
COMMAND_REFUSED = refusal(
    "a command was refused",
    "The answer to its comment says why, and what to type instead.",
    level="info",
    ids=OBJECTIVE,
)
HAND_OFF_REFUSED = refusal(
    "a hand-off was refused", "The comment on the issue says why.", "It also says what to do.", ids=OBJECTIVE
)
MERGE_REFUSED = retry(
    "GitHub refused a merge", "The status says why; it is tried again after every change.", level="info", ids=OBJECTIVE
)
PUSH_REFUSED = refusal(
    "GitHub refused a push",
    "By a rule of the repository or for a missing permission. Work that cannot be pushed has failed, and is told so.",
    "Let the App push to `crewline/**`.",
    ids=OBJECTIVE,
)

# The disk

DISK_IN_TROUBLE = retry(
    "the disk is in trouble", "Something could not be written; it is tried again.", "Make space; see the status."
)
NO_SESSION_STARTS = refusal(
    "no session starts",
    "The disk takes nothing, or too little is free. What runs goes on, and the status says so.",
    "Make space, or see why it is read-only.",
)

NOT_DELETED = give_up(
    "could not be deleted",
    "Something that is no longer needed stays on the disk.",
    "Delete it, or mend its permissions.",
)

# Leases

STANDS_BY = give_up("stands by", "Another server serves the repository; this one waits for it to go.", ids=REPOSITORY)
LEASE_NOT_RENEWED = retry("the lease was not renewed", "It is tried again, while it holds.", ids=REPOSITORY)
LEASE_NOT_SEEN = retry("the lease could not be looked at", "It is tried again.", level="info", ids=REPOSITORY)
LEASE_NOT_RELEASED = give_up(
    "the lease was not released", "The next server waits until it has run out.", ids=REPOSITORY
)
NOT_TAKEN_UP = retry("a repository could not be taken up", "A sweep looks at it.", ids=REPOSITORY)

# The end

NOT_IN_TIME = give_up("sessions did not end in time", "They are ended; the next server starts their tasks again.")
NOT_RECORDED = give_up("not all ends of sessions could be recorded", "The next server does it.")
RUNS_UNKNOWN = give_up(
    "earlier runs are not known", "The data directory takes no file.", "See that it can be written to."
)
