"""Check runs, check suites and commit statuses, and the rollup of both."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.localhub.graphql.ask import Ask, unresolved_node
from bot.localhub.graphql.connection import Connection, Page, never
from bot.localhub.graphql.read.git_objects import COMMIT, GitCommit, commit_of, ref_of
from bot.localhub.graphql.read.issues import PULL
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.check import Annotation, CheckRun, CheckSuite, CommitStatus, require_checks_read
from bot.localhub.model.node_ids import named_node_id
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository


@dataclass(frozen=True, slots=True)
class Rollup:
    """All checks and statuses of a commit, the newest of each name."""

    repository: Repository
    sha: str
    contexts: Sequence[CheckRun | CommitStatus]


@dataclass(frozen=True, slots=True)
class Statuses:
    """The commit statuses of a commit, the newest of each context."""

    repository: Repository
    sha: str
    contexts: Sequence[CommitStatus]


@dataclass(frozen=True, slots=True)
class Count:
    """How many contexts are in a state."""

    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """A line and column."""

    line: int
    column: int | None


def rollup(repository: Repository, sha: str) -> Rollup | None:
    """None when nothing was reported on the commit."""
    runs = {(one.app.id, one.name): one for one in repository.check_runs if one.head_sha == sha}
    contexts: list[CheckRun | CommitStatus] = [*runs.values(), *newest_statuses(repository, sha)]
    return Rollup(repository, sha, contexts) if contexts else None


def newest_statuses(repository: Repository, sha: str) -> list[CommitStatus]:
    """The last of each context."""
    return list({one.context: one for one in repository.statuses if one.sha == sha}.values())


def _state(one: CheckRun | CommitStatus) -> str:
    """A context's part in the rollup's `StatusState`."""
    if isinstance(one, CommitStatus):
        return one.state.upper()
    if one.status != "completed":
        return "PENDING"
    if one.conclusion in ("success", "neutral", "skipped"):
        return "SUCCESS"
    return "FAILURE"


def worst(contexts: Sequence[CheckRun | CommitStatus]) -> str:
    """ERROR and FAILURE over PENDING over SUCCESS."""
    found = {_state(one) for one in contexts}
    return next((one for one in ("ERROR", "FAILURE", "PENDING") if one in found), "SUCCESS")


def _rollup_of_commit(one: GitCommit, ask: Ask) -> Rollup | None:
    require_checks_read(ask.actor, one.repository)
    return rollup(one.repository, one.commit.sha)


def _rollup_of_pull(pull: PullRequest, ask: Ask) -> Rollup | None:
    require_checks_read(ask.actor, pull.repository)
    return rollup(pull.repository, pull.head_sha)


COMMIT.asks(statusCheckRollup=_rollup_of_commit)
PULL.asks(statusCheckRollup=_rollup_of_pull)


def _statuses(one: GitCommit) -> Statuses | None:
    found = newest_statuses(one.repository, one.commit.sha)
    return Statuses(one.repository, one.commit.sha, found) if found else None


COMMIT.reads(status=_statuses)
ROLLUP = Fields("StatusCheckRollup", Rollup)
ROLLUP.reads(
    id=lambda one: named_node_id("Status", one.repository.id, f"rollup:{one.sha}"),
    state=lambda one: worst(one.contexts),
    commit=lambda one: commit_of(one.repository, one.sha),
)
STATUSES = Fields("Status", Statuses)


class ContextName(Arguments):
    name: str


@STATUSES.takes("context", ContextName)
def _context(one: Statuses, _ask: Ask, given: ContextName) -> CommitStatus | None:
    return next((each for each in one.contexts if each.context == given.name), None)


STATUSES.reads(
    id=lambda one: named_node_id("Status", one.repository.id, one.sha),
    state=lambda one: worst(one.contexts),
    contexts=lambda one: one.contexts,
    commit=lambda one: commit_of(one.repository, one.sha),
)


@ROLLUP.takes("contexts", Page)
def _contexts(one: Rollup, _ask: Ask, given: Page) -> Connection:
    return Connection(one.contexts, given)


def _run_state(run: CheckRun) -> str:
    return (run.conclusion if run.status == "completed" and run.conclusion is not None else run.status).upper()


def _runs(found: Connection) -> list[CheckRun]:
    return [one for one in found.everything if isinstance(one, CheckRun)]


def _older(found: Connection) -> list[CommitStatus]:
    return [one for one in found.everything if isinstance(one, CommitStatus)]


def _counts(states: Sequence[str]) -> list[Count]:
    return [Count(state, count) for state, count in sorted(Counter(states).items())]


CONTEXTS = Fields("StatusCheckRollupContextConnection", Connection, never)
CONTEXTS.reads(
    nodes=lambda found: found.nodes,
    pageInfo=lambda found: found.info,
    totalCount=lambda found: len(found.everything),
    checkRunCount=lambda found: len(_runs(found)),
    checkRunCountsByState=lambda found: _counts([_run_state(one) for one in _runs(found)]),
    statusContextCount=lambda found: len(_older(found)),
    statusContextCountsByState=lambda found: _counts([one.state.upper() for one in _older(found)]),
)
for _name in ("CheckRunStateCount", "StatusContextStateCount"):
    Fields(_name, Count, never).reads(state=lambda one: one.state, count=lambda one: one.count)


class ForPull(Arguments):
    pull_request_id: str | None = None
    pull_request_number: int | None = None


def required(repository: Repository, name: str, ask: Ask, given: ForPull) -> bool:
    """Whether the rules of a pull request's base ask for this check."""
    if given.pull_request_number is not None:
        pull: object = repository.pull_request(given.pull_request_number)
    elif given.pull_request_id is not None:
        pull = ask.hub.node(given.pull_request_id)
    else:
        raise unresolved_node("")
    if not isinstance(pull, PullRequest):
        raise unresolved_node(given.pull_request_id or "")
    rules = repository.rules_for(pull.base_ref)
    return rules is not None and name in rules.required_checks


RUN = Fields("CheckRun", CheckRun)


def _run_path(run: CheckRun) -> str:
    return f"/{run.repository.full_name}/runs/{run.id}"


RUN.reads(
    id=lambda run: run.node_id,
    databaseId=lambda run: run.id,
    name=lambda run: run.name,
    status=lambda run: run.status.upper(),
    conclusion=lambda run: run.conclusion.upper() if run.conclusion is not None else None,
    externalId=lambda run: run.external_id,
    title=lambda run: run.output.title,
    summary=lambda run: run.output.summary,
    text=lambda run: run.output.text,
    startedAt=lambda run: run.started_at,
    completedAt=lambda run: run.completed_at,
    checkSuite=lambda run: run.suite,
    repository=lambda run: run.repository,
    resourcePath=_run_path,
)
RUN.asks(
    url=lambda run, ask: ask.url(_run_path(run)),
    permalink=lambda run, ask: ask.url(_run_path(run)),
    detailsUrl=lambda run, ask: run.details_url or ask.url(_run_path(run)),
)


@RUN.takes("isRequired", ForPull)
def _run_required(run: CheckRun, ask: Ask, given: ForPull) -> bool:
    return required(run.repository, run.name, ask, given)


@RUN.takes("annotations", Page)
def _annotations(run: CheckRun, _ask: Ask, given: Page) -> Connection:
    return Connection(run.annotations, given)


ANNOTATION = Fields("CheckAnnotation", Annotation)
ANNOTATION.reads(
    path=lambda one: one.path,
    message=lambda one: one.message,
    title=lambda one: one.title,
    annotationLevel=lambda one: one.annotation_level.upper(),
    rawDetails=lambda one: one.raw_details,
    location=lambda one: one,
)
Fields("CheckAnnotationSpan", Annotation, never).reads(
    start=lambda one: Place(one.start_line, one.start_column), end=lambda one: Place(one.end_line, one.end_column)
)
Fields("CheckAnnotationPosition", Place).reads(line=lambda one: one.line, column=lambda one: one.column)

STATUS = Fields("StatusContext", CommitStatus)
STATUS.reads(
    id=lambda one: one.node_id,
    context=lambda one: one.context,
    state=lambda one: one.state.upper(),
    targetUrl=lambda one: one.target_url,
    description=lambda one: one.description,
    createdAt=lambda one: one.created_at,
    creator=lambda one: one.creator,
    commit=lambda one: commit_of(one.repository, one.sha),
)


@STATUS.takes("isRequired", ForPull)
def _status_required(one: CommitStatus, ask: Ask, given: ForPull) -> bool:
    return required(one.repository, one.context, ask, given)


SUITE = Fields("CheckSuite", CheckSuite)
SUITE.reads(
    id=lambda one: one.node_id,
    databaseId=lambda one: one.id,
    app=lambda one: one.app,
    branch=lambda one: ref_of(one.repository, f"refs/heads/{one.head_branch}") if one.head_branch else None,
    commit=lambda one: commit_of(one.repository, one.head_sha),
    status=lambda one: one.status.upper(),
    conclusion=lambda one: one.conclusion.upper() if one.conclusion is not None else None,
    createdAt=lambda one: one.created_at,
    updatedAt=lambda one: one.updated_at,
    repository=lambda one: one.repository,
    workflowRun=lambda _: None,
)
SUITE.asks(url=lambda one, ask: ask.url(f"/{one.repository.full_name}/commit/{one.head_sha}/checks"))


class RunFilter(Arguments):
    app_id: int | None = None
    check_name: str | None = None
    check_type: str | None = None
    conclusions: list[str] | None = None
    status: str | None = None
    statuses: list[str] | None = None


class RunsPage(Page):
    filter_by: RunFilter | None = None


@SUITE.takes("checkRuns", RunsPage)
def _check_runs(one: CheckSuite, _ask: Ask, given: RunsPage) -> Connection:
    wanted = given.filter_by or RunFilter()
    statuses = [*(wanted.statuses or []), *([wanted.status] if wanted.status else [])]
    found = [
        run for run in (one.check_runs if wanted.check_type == "ALL" else one.latest_check_runs)
        if wanted.app_id in (None, run.app.id)
        and wanted.check_name in (None, run.name)
        and (wanted.conclusions is None or (run.conclusion or "").upper() in wanted.conclusions)
        and (not statuses or run.status.upper() in statuses)
    ]  # fmt: skip
    return Connection(found, given)


class SuiteFilter(Arguments):
    app_id: int | None = None
    check_name: str | None = None


class SuitesPage(Page):
    filter_by: SuiteFilter | None = None


@COMMIT.takes("checkSuites", SuitesPage)
def _suites(one: GitCommit, ask: Ask, given: SuitesPage) -> Connection:
    require_checks_read(ask.actor, one.repository)
    wanted = given.filter_by or SuiteFilter()
    found = [
        suite for suite in one.repository.check_suites
        if suite.head_sha == one.commit.sha
        and wanted.app_id in (None, suite.app.id)
        and (wanted.check_name is None or any(run.name == wanted.check_name for run in suite.check_runs))
    ]  # fmt: skip
    return Connection(found, given)
