"""Labels and milestones."""

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.repository import REPOSITORY, Number, Order
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.repository import DEFAULT_LABELS, Repository


class LabelName(Arguments):
    name: str


@REPOSITORY.takes("label", LabelName)
def _label(one: Repository, _ask: Ask, given: LabelName) -> Label | None:
    return one.label(given.name)


class LabelsPage(Page):
    query: str | None = None
    order_by: Order | None = None


def sorted_labels(labels: tuple[Label, ...], order: Order | None) -> list[Label]:
    """By age, or by name."""
    if order is not None and order.field == "NAME":
        found = sorted(labels, key=lambda label: label.name.casefold())
    else:
        found = list(labels)
    return found[::-1] if order is not None and order.direction == "DESC" else found


@REPOSITORY.takes("labels", LabelsPage)
def _labels(one: Repository, _ask: Ask, given: LabelsPage) -> Connection:
    words = (given.query or "").casefold()
    found = [
        label for label in sorted_labels(one.labels, given.order_by)
        if words in label.name.casefold() or words in (label.description or "").casefold()
    ]  # fmt: skip
    return Connection(found, given)


@REPOSITORY.takes("milestone", Number)
def _milestone(one: Repository, _ask: Ask, given: Number) -> Milestone | None:
    return next((found for found in one.milestones if found.number == given.number), None)


class MilestonesPage(Page):
    states: list[str] | None = None
    query: str | None = None
    order_by: Order | None = None


@REPOSITORY.takes("milestones", MilestonesPage)
def _milestones(one: Repository, _ask: Ask, given: MilestonesPage) -> Connection:
    states = given.states or ["OPEN", "CLOSED"]
    words = (given.query or "").casefold()
    found = [each for each in one.milestones if each.state.upper() in states and words in each.title.casefold()]
    down = given.order_by is not None and given.order_by.direction == "DESC"
    return Connection(found[::-1] if down else found, given)


LABEL = Fields("Label", Label)
LABEL.reads(
    id=lambda one: one.node_id,
    name=lambda one: one.name,
    description=lambda one: one.description,
    color=lambda one: one.color,
    isDefault=lambda one: one.name in DEFAULT_LABELS,
    createdAt=lambda one: one.repository.created_at,
    updatedAt=lambda one: one.repository.created_at,
    repository=lambda one: one.repository,
)
LABEL.asks(url=lambda one, ask: ask.url(f"/{one.repository.full_name}/labels/{one.name}"))


def _progress(one: Milestone) -> float:
    inside = [issue for issue in one.repository.issues.values() if issue.milestone is one]
    return 100.0 * sum(issue.state == "closed" for issue in inside) / len(inside) if inside else 0.0


def _milestone_path(one: Milestone) -> str:
    return f"/{one.repository.full_name}/milestone/{one.number}"


MILESTONE = Fields("Milestone", Milestone)
MILESTONE.reads(
    id=lambda one: one.node_id,
    number=lambda one: one.number,
    title=lambda one: one.title,
    description=lambda one: one.description,
    dueOn=lambda one: one.due_on,
    state=lambda one: one.state.upper(),
    closed=lambda one: one.state == "closed",
    closedAt=lambda one: one.closed_at,
    progressPercentage=_progress,
    resourcePath=_milestone_path,
)
MILESTONE.asks(url=lambda one, ask: ask.url(_milestone_path(one)))
