"""What a planner may answer: a plan, questions for people, or a plain answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, field_validator, model_validator

from bot.model.frozen import Frozen
from bot.model.identity import TaskKey
from bot.model.scope import problem_with

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\r\n]+$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]


class PlannedTask(Frozen):
    """One unit of work, one pull request."""

    key: TaskKey
    title: Line
    description: Text
    scope: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    depends_on: tuple[TaskKey, ...] = ()
    criteria: Annotated[tuple[Line, ...], Field(max_length=30)] = ()

    @field_validator("scope")
    @classmethod
    def _scope_stays_inside(cls, scope: tuple[str, ...]) -> tuple[str, ...]:
        for glob in scope:
            if problem := problem_with(glob):
                raise ValueError(problem)
        return scope


class Plan(Frozen):
    """The tasks of an objective and their dependencies: not empty, without a cycle, every name known."""

    kind: Literal["plan"] = "plan"
    summary: Text
    tasks: Annotated[tuple[PlannedTask, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_dag(self) -> Plan:
        check_dag(self.tasks)
        return self

    def task(self, key: str) -> PlannedTask:
        """Raises KeyError when the plan has no such task."""
        for task in self.tasks:
            if task.key == key:
                return task
        raise KeyError(key)


class Questions(Frozen):
    """The planner cannot go on before people have answered."""

    kind: Literal["questions"] = "questions"
    questions: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]


class PlainAnswer(Frozen):
    """The issue needs no change of code."""

    kind: Literal["answer"] = "answer"
    answer: Text


PlannerAnswer = Annotated[Plan | Questions | PlainAnswer, Field(discriminator="kind")]
PLANNER_ANSWER: TypeAdapter[Plan | Questions | PlainAnswer] = TypeAdapter(PlannerAnswer)


def check_dag(tasks: Sequence[PlannedTask]) -> None:
    """Raises ValueError where two tasks share a key, a dependency is unknown, or there is a cycle."""
    keys = [task.key for task in tasks]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"two tasks share the key {repeated[0]!r}")
    for task in tasks:
        if unknown := sorted(set(task.depends_on) - set(keys)):
            known = ", ".join(keys)
            raise ValueError(f"task {task.key!r} depends on {unknown[0]!r}, which is not one of: {known}")
    merge_order(tasks)


def merge_order(tasks: Iterable[PlannedTask]) -> tuple[str, ...]:
    """The keys, each after everything it depends on; ties in the planner's order.

    Raises ValueError that names the cycle where there is one.
    """
    graph: Mapping[str, tuple[str, ...]] = {task.key: task.depends_on for task in tasks}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        raise ValueError(f"the dependencies form a cycle: {cycle}") from None
