"""What the planner may answer when it is asked to amend a plan that is under way, and whether that can be followed.

Whether it can is asked twice, by the same function: when the agent has answered, so that it can repair its answer, and
when the answer is recorded, since meanwhile tasks may have started, merged or been given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, field_validator, model_validator

from bot.model.frozen import Frozen
from bot.model.identity import TaskKey
from bot.model.plan import Line, PlannedTask, Questions, check_dag
from bot.model.scope import covers, overlap, problem_with

Hint = Annotated[str, Field(max_length=20_000)]


class Widening(Frozen):
    """Paths that a task may change besides those that it may change already."""

    task: TaskKey
    paths: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]

    @field_validator("paths")
    @classmethod
    def _paths_stay_inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if problem := problem_with(path):
                raise ValueError(problem)
        return paths


class Ordering(Frozen):
    """Tasks that must be merged before `task` goes on."""

    task: TaskKey
    depends_on: Annotated[tuple[TaskKey, ...], Field(min_length=1, max_length=50)]


class Amendment(Frozen):
    """The plan is changed. `reason` is for people, `hint` for the agent that asked."""

    kind: Literal["amendment"] = "amendment"
    reason: Line
    hint: Hint = ""
    widen: Annotated[tuple[Widening, ...], Field(max_length=20)] = ()
    add: Annotated[tuple[PlannedTask, ...], Field(max_length=90)] = ()
    order: Annotated[tuple[Ordering, ...], Field(max_length=90)] = ()

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.widen or self.add or self.order):
            raise ValueError("an amendment that changes nothing is a refusal: answer with kind 'refusal'")
        return self


class Refusal(Frozen):
    """The plan stays as it is. `hint` says how the agent that asked can do without."""

    kind: Literal["refusal"] = "refusal"
    reason: Line
    hint: Hint = ""


AmendingAnswer = Annotated[Amendment | Refusal | Questions, Field(discriminator="kind")]
AMENDING_ANSWER: TypeAdapter[Amendment | Refusal | Questions] = TypeAdapter(AmendingAnswer)


class Condition(StrEnum):
    """How far a task is, as far as it matters to a plan that is to be changed."""

    OPEN = "not begun"
    UNDER_WAY = "under way"
    RUNNING = "being worked on"
    DONE = "done"
    GIVEN_UP = "given up"


class StandingTask(Frozen):
    """A task of the plan as it stands. `task` has all paths that were granted, `state` is a word for people, `summary`
    what a done one has merged."""

    task: PlannedTask
    condition: Condition
    state: str
    summary: str = ""


class Standing(Frozen):
    """The plan that is to be amended."""

    tasks: tuple[StandingTask, ...]
    most_tasks: int
    protected: tuple[str, ...] = ()


def problem_of(amendment: Amendment, standing: Standing) -> str | None:
    """Why `amendment` cannot be followed, in words for the planner; None where it can."""
    return next(_problems(amendment, standing), None)


def amended(tasks: Iterable[PlannedTask], amendment: Amendment) -> tuple[PlannedTask, ...]:
    """`tasks` with the new dependencies, and the new tasks behind them; scopes as they were."""
    wanted: dict[str, list[str]] = {}
    for ordering in amendment.order:
        wanted.setdefault(ordering.task, []).extend(ordering.depends_on)
    changed = (
        task.model_copy(update={"depends_on": tuple(dict.fromkeys((*task.depends_on, *wanted.get(task.key, ()))))})
        for task in tasks
    )
    return (*changed, *amendment.add)


def _problems(amendment: Amendment, standing: Standing) -> Iterator[str]:
    known = {one.task.key: one for one in standing.tasks}
    for widening in amendment.widen:
        yield from _untouchable(known, widening.task, "widened")
        yield from _protected(standing, widening.task, widening.paths)
    for ordering in amendment.order:
        yield from _untouchable(known, ordering.task, "put behind another task")
    for new in amendment.add:
        if new.key in known:
            yield f"there is a task {new.key!r} already: a new task needs a key of its own"
        yield from _protected(standing, new.key, new.scope)
    count = len(standing.tasks) + len(amendment.add)
    if amendment.add and count > standing.most_tasks:
        yield f"with {len(amendment.add)} more the plan has {count} tasks; at most {standing.most_tasks} are allowed"
    after = amended((one.task for one in standing.tasks), amendment)
    try:
        check_dag(after)
    except ValueError as error:
        yield str(error)
        return
    yield from _hopeless(amendment, known)
    yield from _unordered(amendment, known, after)


def _untouchable(known: Mapping[str, StandingTask], key: str, what: str) -> Iterator[str]:
    """What has ended stays as it is; what a session works on was told something else."""
    if key not in known:
        yield f"there is no task {key!r} that could be {what}; there are: {', '.join(known)}"
    elif known[key].condition in (Condition.RUNNING, Condition.DONE, Condition.GIVEN_UP):
        yield f"task {key!r} is {known[key].condition.value} and cannot be {what}"


def _protected(standing: Standing, key: str, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if covers(standing.protected, path):
            yield f"no task may change {path!r}, so {key!r} may not either; ask people where it must change"


def _hopeless(amendment: Amendment, known: Mapping[str, StandingTask]) -> Iterator[str]:
    """Nobody will complete what was given up."""
    wanted = [(one.task, key) for one in amendment.order for key in one.depends_on]
    wanted += [(new.key, key) for new in amendment.add for key in new.depends_on]
    for key, needed in wanted:
        if needed in known and known[needed].condition is Condition.GIVEN_UP:
            yield f"task {key!r} cannot depend on {needed!r}, which was given up"


def _unordered(amendment: Amendment, known: Mapping[str, StandingTask], after: Sequence[PlannedTask]) -> Iterator[str]:
    """Two tasks that are both under way may not come to share a path unless one waits for the other: each works on
    what it saw when it began."""
    needs = {task.key: task.depends_on for task in after}
    granted = {widening.task: widening.paths for widening in amendment.widen}
    begun = (Condition.UNDER_WAY, Condition.RUNNING)
    for widening in amendment.widen:
        for key, other in known.items():
            scope = (*other.task.scope, *granted.get(key, ()))
            both = known[widening.task].condition in begun and other.condition in begun
            if key == widening.task or not both or not overlap(widening.paths, scope):
                continue
            behind = other.condition is Condition.UNDER_WAY and _needs(needs, key, widening.task)
            if not behind and not _needs(needs, widening.task, key):
                yield (
                    f"{', '.join(widening.paths)} may be changed by task {key!r}, which is {other.condition.value}: "
                    f"let {widening.task!r} depend on {key!r} too, or give the change to that one or to a new task"
                )


def _needs(needs: Mapping[str, Sequence[str]], key: str, wanted: str) -> bool:
    """Whether `key` depends on `wanted`, over any number of tasks."""
    seen: set[str] = set()
    rest = list(needs[key])
    while rest:
        one = rest.pop()
        if one == wanted:
            return True
        if one not in seen:
            seen.add(one)
            rest.extend(needs[one])
    return False
