"""What must hold for every plan, however it is amended, and every order of events: `decide` comes to rest, and
keeps its promises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Limits, RepositoryConfig
from bot.decide.situation import Situation
from bot.decide.task import Stage, tasks_of
from bot.model.action import Merge, StartSession
from bot.model.amendment import Amendment, Ordering, Refusal, Widening
from bot.model.assignment import Need, PlannerBriefing
from bot.model.identity import CommitSha, SessionId
from bot.model.marker import tagged
from bot.model.plan import Plan, PlannedTask, Questions
from bot.model.scope import overlap
from bot.model.session import (
    Evidence,
    Failed,
    FailureKind,
    Finding,
    Judged,
    Outcome,
    Planned,
    Published,
    Role,
    Salvage,
    Verdict,
    Void,
)
from bot.model.snapshot import BadSettings
from tests.decide.world import World

APPROVE = Verdict(decision="approve", summary="Good.")
MOST_TASKS = 8
AMENDMENTS = 3
FOLDERS = ("src/**", "src/cart.py", "tests/**", "docs/*.md", "docs/**", "tools/**")
NEVER_GOOD = BadSettings(".github/crewline.yml:1:1: unknown key 'lable'", never_good=True)
LACKING = ("src/cart.py", "docs/x.md", "tools/y.py", "other.txt", ".github/workflows/ci.yml")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(1, 6))
    tasks = []
    for index in range(size):
        depends = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        scope = draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=2, unique=True))
        tasks.append(
            PlannedTask(
                key=f"t{index}",
                title=f"Task {index}",
                description="Do it.",
                scope=tuple(scope),
                depends_on=tuple(f"t{other}" for other in depends),
            )
        )
    return Plan(summary="All of it.", tasks=tuple(tasks))


class Story:
    """Drives a world with random events and checks it after each."""

    def __init__(self, plan: Plan) -> None:
        limits = Limits(backoff_seconds=0, tasks=MOST_TASKS, amendments=AMENDMENTS)
        self.world = World(config=RepositoryConfig(limits=limits))
        self.findings = 0
        self.voids = 0
        self.salvaged: dict[SessionId, CommitSha] = {}
        self.step()
        self.world.end(SessionId("12.planner.1"), Planned(answer=plan))
        self.step()

    def step(self) -> None:
        for action in self.world.settle():
            assert not (self.world.config_problem and isinstance(action, StartSession | Merge)), (
                "nobody knows the rules"
            )
            if isinstance(action, StartSession):
                self._may_start(action)
            if isinstance(action, Merge):
                self._may_merge(action)
        decision = self.world.decide()
        assert not decision.actions, "deciding twice changes something"
        assert not decision.afterwards, "deciding twice says something"
        self._no_overlap()
        self._nothing_left_behind()
        self._plan_is_whole()

    def end_one(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.world.running)))
        assignment = self.world.running[session]
        good = data.draw(st.booleans())
        if isinstance(assignment.briefing, PlannerBriefing):
            assert assignment.briefing.need is not None
            self.world.end(session, self._amends(data, assignment.briefing.need))
            return
        if assignment.role is Role.REVIEWER:
            assert assignment.judges is not None
            self.findings += 1
            finding = Finding(message=f"remark {self.findings}")
            refuse = Verdict(decision="request_changes", summary="No.", findings=(finding,))
            self.world.end(session, Judged(head=assignment.judges, verdict=APPROVE if good else refuse))
        elif good:
            head = self.world.next_commit()
            evidence = Evidence(command="true", exit_code=0, head=head, seconds=0)
            base = self.world.next_commit()
            self.world.end(session, Published(head=head, base=base, evidence=evidence, summary=None))
        else:
            self.world.end(session, self._failure(data, session))

    def _failure(self, data: st.DataObject, session: SessionId) -> Failed | Void:
        """Commits are left behind, or none; or paths are lacking."""
        if data.draw(st.booleans()):
            outside = tuple(data.draw(st.lists(st.sampled_from(LACKING), min_size=1, max_size=2, unique=True)))
            return Failed(reason=FailureKind.GATE, detail="outside", outside=outside)
        reason = data.draw(st.sampled_from([FailureKind.NO_COMMITS, FailureKind.TIMEOUT, FailureKind.VERIFY]))
        if reason is FailureKind.NO_COMMITS:
            return Failed(reason=reason, detail="nothing")
        head = self.world.next_commit()
        self.salvaged[session] = head
        if self.voids < 5 and data.draw(st.booleans()):
            self.voids += 1
            return Void(reason="handed over", salvage=Salvage(head=head))
        return Failed(reason=reason, detail="too little", salvage=Salvage(head=head))

    def _amends(self, data: st.DataObject, need: Need) -> Outcome:
        """What a planner may answer, sense or nonsense."""
        keys = [one.task.key for one in need.standing.tasks]
        some = st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True).map(tuple)
        new = f"t{len(keys)}"
        task = PlannedTask(key=new, title="New", description="Do it.", scope=(data.draw(st.sampled_from(FOLDERS)),))
        widening = Widening(task=data.draw(st.just(need.task) | st.sampled_from(keys)), paths=need.paths)
        behind = Ordering(task=need.task, depends_on=(new,))
        others = Ordering(task=data.draw(st.just(need.task) | st.sampled_from(keys)), depends_on=data.draw(some))
        choices: tuple[Outcome, ...] = (
            Planned(answer=Amendment(reason="So.", widen=(widening,))),
            Planned(answer=Amendment(reason="So.", add=(task,), order=(behind,))),
            Planned(answer=Amendment(reason="So.", widen=(widening,), order=(others,))),
            Planned(answer=Amendment(reason="So.", add=(task.model_copy(update={"depends_on": others.depends_on}),))),
            Planned(answer=Refusal(reason="No.")),
            Planned(answer=Questions(questions=("Why?",))),
            Failed(reason=FailureKind.BAD_ANSWER, detail="no JSON"),
        )
        return data.draw(st.sampled_from(choices))

    def asked(self) -> bool:
        """Whether the planner waits for an answer of people."""
        ledger = self.world.ledger
        return ledger is not None and bool(ledger.exchanges) and ledger.exchanges[-1].answer is None

    def _plan_is_whole(self) -> None:
        """Every task has one issue, every issue says what its task may change, and the bounds hold."""
        ledger, tasks = self.world.ledger, self.world.observed.tasks
        if ledger is None or ledger.plan is None:
            return
        Plan.model_validate(ledger.plan.model_dump())
        keys = [f"12.{task.key}" for task in ledger.plan.tasks]
        assert sorted(tagged(one.body, "task") or "" for one in tasks) == sorted(keys)
        assert len(tasks) <= MOST_TASKS
        answers = [s.outcome.answer for s in ledger.sessions if isinstance(s.outcome, Planned)]
        assert sum(isinstance(answer, Amendment | Refusal) for answer in answers) <= AMENDMENTS
        situation = Situation(self.world.snapshot(), self.world.config, self.world.now, ledger)
        for task in tasks_of(situation):
            assert task.issue is not None
            lines = task.issue.body.splitlines()
            shown = "**May change** " + ", ".join(f"`{glob}`" for glob in task.planned.scope)
            assert shown in lines or not task.issue.open
            native = {blocker.number for blocker in task.issue.blocked_by}
            needs = {t.issue.number for t in tasks_of(situation) if t.issue and t.key in task.planned.depends_on}
            assert needs <= native or task.stage is Stage.DONE

    def _nothing_left_behind(self) -> None:
        """What was salvaged has a branch, and only that is continued."""
        for session, head in self.salvaged.items():
            _, key, _, _ = session.split(".")
            assert self.world.sha(f"crewline/salvage/12/{key}/{session}") == head
        for assignment in self.world.running.values():
            earlier = {head for session, head in self.salvaged.items() if session.split(".")[1] == assignment.task}
            assert assignment.continues is None or assignment.continues in earlier

    def _tasks(self) -> dict[str, Stage]:
        assert self.world.ledger is not None
        situation = Situation(self.world.snapshot(), self.world.config, self.world.now, self.world.ledger)
        return {task.key: task.stage for task in tasks_of(situation)}

    def _may_start(self, action: StartSession) -> None:
        """Invariants 1 and 3."""
        assert self.world.ledger is not None
        claim = self.world.ledger.session(action.assignment.id)
        assert claim is not None, "a session without a claim"
        if action.assignment.task is not None and self.world.ledger.plan is not None:
            stages = self._tasks()
            needs = self.world.ledger.plan.task(action.assignment.task).depends_on
            assert all(stages[key] is Stage.DONE for key in needs), "started before its dependencies were merged"

    def _may_merge(self, action: Merge) -> None:
        """Invariant 5: what was merged was verified and approved at exactly this commit."""
        assert self.world.ledger is not None
        judged = [s.outcome for s in self.world.ledger.sessions if isinstance(s.outcome, Judged)]
        published = [s.outcome for s in self.world.ledger.sessions if isinstance(s.outcome, Published)]
        assert any(j.head == action.head and j.verdict.decision == "approve" for j in judged)
        assert any(p.head == action.head and p.evidence and p.evidence.passed for p in published)

    def _no_overlap(self) -> None:
        """Invariant 2."""
        running = list(self.world.running.values())
        assert len({assignment.task for assignment in running}) == len(running), "two sessions of one task"
        for index, one in enumerate(running):
            for other in running[index + 1 :]:
                assert not overlap(one.scope, other.scope), "two running tasks may change the same files"


@settings(max_examples=25, deadline=None)
@given(plan=plans(), data=st.data())
def test_every_objective_ends_or_asks_a_person(plan: Plan, data: st.DataObject) -> None:
    story = Story(plan)
    restarts = data.draw(st.integers(0, 3))
    spoilings = data.draw(st.integers(0, 2))
    for _ in range(150):
        if spoilings and story.world.config_problem is None and data.draw(st.booleans()):
            spoilings -= 1
            story.world.config_problem = NEVER_GOOD
        elif story.world.config_problem and (not story.world.running or data.draw(st.booleans())):
            story.world.config_problem = None
        elif restarts and data.draw(st.booleans()):
            restarts -= 1
            story.world.restart()
        elif story.world.running:
            story.end_one(data)
        elif story.asked():
            story.world.say("Because.")
        else:
            break
        story.step()
    else:
        raise AssertionError("the loops are not bounded")
    asking = "crewline:needs-human" in story.world.observed.objective.labels
    assert asking or not story.world.observed.objective.open
