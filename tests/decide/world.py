"""A GitHub of pure values for the policy: it carries out actions at once and exactly, and shows them at the next look.

Whether GitHub is really like that is not the question here (the stories ask that); whether `decide` comes to rest,
and keeps its invariants on the way, is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.config import Limits, RepositoryConfig
from bot.control.own_writes import OwnWrite, correct
from bot.decide.decide import Decision, decide
from bot.model.action import (
    Action,
    AddLabel,
    CloseIssue,
    CreateTasks,
    EditComment,
    EditIssue,
    LinkDependencies,
    Merge,
    OpenPullRequest,
    PostReview,
    PublishCheck,
    PushLedger,
    React,
    RemoveLabel,
    StartSession,
    StopSession,
    Write,
    WriteComment,
)
from bot.model.assignment import Assignment
from bot.model.fact import (
    BranchMoved,
    CheckPublished,
    CommentWritten,
    DependencyLinked,
    Fact,
    IssueClosed,
    IssueEdited,
    LabelChanged,
    Merged,
    PullRequestOpened,
    Reacted,
    ReviewPosted,
    TaskCreated,
)
from bot.model.identity import CommitSha, InstanceId, Login, RepositoryName, SessionId
from bot.model.ledger import Ledger
from bot.model.observed import (
    Check,
    CheckState,
    Comment,
    Issue,
    Labelling,
    Mergeable,
    Observation,
    Permission,
    PullRequest,
    PullRequestState,
    Review,
)
from bot.model.session import Outcome, SessionReport, Spend, Void
from bot.model.snapshot import BadSettings, Elsewhere, Snapshot

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOT = Login("crewline[bot]")


def issue(number: int, title: str = "Make it so", body: str = "Please.", **changes: object) -> Issue:
    made = Issue(
        number=number,
        id=1000 + number,
        node_id=f"I_{number}",
        title=title,
        body=body,
        open=True,
        completed=False,
        labels=frozenset({"crewline"}),
        author=Login("alice"),
        mine=False,
        url=f"https://github.com/octo/shop/issues/{number}",
        labelling=Labelling(Login("alice"), START),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """One objective, number 12, and everything the bot did about it."""

    config: RepositoryConfig = field(default_factory=lambda: RepositoryConfig(limits=Limits(backoff_seconds=0)))
    observed: Observation = field(default_factory=lambda: Observation(issue(12), (), (), "main"))
    ledger: Ledger | None = None
    instance: InstanceId = field(default=InstanceId("first"))
    now: datetime = START
    permissions: dict[Login, Permission] = field(default_factory=lambda: {Login("alice"): Permission.WRITE})
    running: dict[SessionId, Assignment] = field(default_factory=dict)
    reports: list[SessionReport] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    slots: int = 6
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    agents: tuple[str, ...] = ()
    absence_trusted: bool = True
    config_problem: BadSettings | None = None
    numbers: int = 12
    commits: int = 0

    def snapshot(self) -> Snapshot:
        return Snapshot(
            repository=RepositoryName("octo", "shop"),
            observed=self.observed,
            ledger=self.ledger,
            instance=self.instance,
            bot=BOT,
            default_agent="scripted",
            agents=self.agents,
            permissions=self.permissions,
            reports=tuple(self.reports),
            running=frozenset(self.running),
            elsewhere=self.elsewhere,
            free_slots=self.slots - len(self.running),
            absence_trusted=self.absence_trusted,
            config_problem=self.config_problem,
        )

    def decide(self) -> Decision:
        return decide(self.snapshot(), self.config, self.now)

    def settle(self) -> list[Action]:
        """Decide and carry out until nothing is left to do; returns what was done."""
        done: list[Action] = []
        for _ in range(50):
            decision = self.decide()
            actions = decision.actions or decision.afterwards
            if not actions:
                return done
            for action in actions:
                self.carry_out(action)
                done.append(action)
        kinds = [type(action).__name__ for action in done[-10:]]
        raise AssertionError(f"decide does not come to rest: {kinds}")

    def end(self, session: SessionId, outcome: Outcome) -> None:
        """A running session ends like this; the next look harvests it."""
        del self.running[session]
        self.reports.append(SessionReport(id=session, outcome=outcome, spend=Spend(seconds=1)))

    def say(self, body: str, by: str = "alice", on: int = 12) -> int:
        """A person comments on the thread `on`; returns the comment's id."""
        return self._comment(on, body, Login(by), mine=False)

    def unblock(self, number: int) -> None:
        """A person removes what blocks a task."""
        self._change(number, blocked_by=())

    def edit(self, number: int, body: str) -> None:
        """A person edits the text of a task."""
        self._change(number, body=body)

    def replies(self, on: int = 12) -> list[str]:
        """The bodies of the bot's comments in a thread."""
        threads: list[Issue | PullRequest] = [self.observed.objective, *self.observed.tasks]
        threads += self.observed.pull_requests
        return [c.body for thread in threads if thread.number == on for c in thread.comments if c.mine]

    def status(self) -> str:
        return next(body for body in self.replies() if "crewline:status" in body)

    def restart(self) -> None:
        """The server dies with everything in its memory, and another one starts."""
        self.running.clear()
        self.reports.clear()
        self.instance = InstanceId(f"{self.instance}+")

    def next_commit(self) -> CommitSha:
        self.commits += 1
        return CommitSha(f"{self.commits:040x}")

    def sha(self, branch: str) -> CommitSha | None:
        return self.observed.branch(branch)

    def carry_out(self, action: Action) -> None:
        self.done.append(action)
        match action:
            case PushLedger():
                self.ledger = Ledger.model_validate_json(action.ledger.model_dump_json())
                ended = {s.id for s in self.ledger.sessions if s.outcome is not None}
                self.reports = [report for report in self.reports if report.id not in ended]
                for push in action.branches:
                    assert self.sha(push.branch) == push.expected
                    self._show(BranchMoved(push.branch, push.expected, push.head))
            case StartSession(assignment):
                assert assignment.id not in self.running
                self.running[assignment.id] = assignment
            case StopSession(session, reason):
                self.end(session, Void(reason=reason))
            case write:
                for fact in self._facts(write):
                    self._show(fact)

    def _show(self, fact: Fact) -> None:
        self.observed = correct(self.observed, [OwnWrite(fact, self.now)])

    def _change(self, number: int, **changes: object) -> None:
        tasks = (replace(t, **changes) if t.number == number else t for t in self.observed.tasks)  # type: ignore[arg-type]
        self.observed = replace(self.observed, tasks=tuple(tasks))

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _comment(self, on: int, body: str, by: Login, *, mine: bool) -> int:
        number = self._number()
        self._show(CommentWritten(on, Comment(number, body, by, False, self.now + timedelta(seconds=1), mine)))
        return number

    def _facts(self, write: Write) -> list[Fact]:
        match write:
            case CreateTasks():
                return [
                    TaskCreated(issue(self._number(), new.title, new.body, mine=True, author=BOT, labels=frozenset()))
                    for new in write.tasks
                ]
            case LinkDependencies():
                return [DependencyLinked(link.number, link.blocked_by) for link in write.dependencies]
            case OpenPullRequest():
                return [PullRequestOpened(self._pull_request(write))]
            case PublishCheck():
                state = CheckState.PASSED if write.conclusion == "success" else CheckState.FAILED
                return [CheckPublished(write.head, Check(write.name, state, write.summary, True, write.session))]
            case PostReview():
                return [ReviewPosted(write.pull_request, Review(self._number(), BOT, write.body, write.head, True))]
            case Merge():
                return [Merged(write.pull_request, self.next_commit())]
            case EditIssue():
                return [IssueEdited(write.number, write.body)]
            case CloseIssue():
                return [IssueClosed(write.number, write.completed)]
            case WriteComment():
                return [CommentWritten(write.issue, Comment(self._number(), write.body, BOT, True, self.now, True))]
            case EditComment():
                return [CommentWritten(write.issue, Comment(write.comment, write.body, BOT, True, self.now, True))]
            case React():
                return [Reacted(write.issue, write.comment, write.reaction)]
            case AddLabel():
                return [LabelChanged(write.issue, write.label, True)]
            case RemoveLabel():
                return [LabelChanged(write.issue, write.label, False)]

    def _pull_request(self, write: OpenPullRequest) -> PullRequest:
        number = self._number()
        return PullRequest(
            number=number,
            node_id=f"PR_{number}",
            state=PullRequestState.OPEN,
            head_branch=write.head_branch,
            head=write.head,
            base_branch=write.base_branch,
            mergeable=Mergeable.MERGEABLE,
            merge_state="CLEAN",
            mine=True,
            url=f"https://github.com/octo/shop/pull/{number}",
        )
