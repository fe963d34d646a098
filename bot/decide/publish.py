"""What the ledger says and GitHub does not show yet: sub-issues, dependencies, pull requests, checks, reviews.

Each is created because a look did not show it. So nothing is created while the absence may only be a read that lags
behind a write (`absence_trusted`): a second sub-issue could not be taken back.
"""

from __future__ import annotations

from bot.decide import texts
from bot.decide.situation import Situation
from bot.decide.task import REVIEW_CHECK, VERIFY_CHECK, Stage, Task, tasks_of
from bot.model.action import (
    Action,
    Conclusion,
    CreateTasks,
    Dependency,
    EditIssue,
    LineComment,
    LinkDependencies,
    NewTask,
    OpenPullRequest,
    PostReview,
    PublishCheck,
)
from bot.model.marker import tagged
from bot.model.observed import PullRequestState
from bot.model.session import Evidence, Failed, Judged, Published, SessionRecord


def publish(situation: Situation) -> list[Action]:
    if not situation.snapshot.absence_trusted or situation.snapshot.observed.archived:
        return []
    tasks = tasks_of(situation)
    actions: list[Action] = []
    if situation.active:
        actions += _missing_issues(situation, tasks)
        actions += _missing_links(situation, tasks)
        actions += _outdated_terms(tasks)
    for task in tasks:
        if task.stage not in (Stage.DONE, Stage.DROPPED):
            actions += _missing_pull_request(situation, task)
        actions += _missing_checks(task)
        actions += _missing_reviews(task)
    return actions


def _missing_issues(situation: Situation, tasks: tuple[Task, ...]) -> list[Action]:
    missing = tuple(
        NewTask(task.key, task.planned.title, texts.task_body(situation, task))
        for task in tasks
        if task.issue is None and task.record.number is None
    )
    return [CreateTasks(situation.objective.node_id, missing)] if missing else []


def _missing_links(situation: Situation, tasks: tuple[Task, ...]) -> list[Action]:
    """Until all of them stood once: a dependency that a person removes later stays removed."""
    issues = {task.key: task.issue for task in tasks}
    missing = []
    for task in tasks:
        for key in situation.ledger.wanted_links(task.planned):
            blocked, blocking = task.issue, issues[key]
            if blocked is None or blocking is None or task.stage is Stage.DONE:
                continue
            if blocking.number not in {blocker.number for blocker in blocked.blocked_by}:
                missing.append(Dependency(blocked.number, blocked.node_id, blocking.number, blocking.node_id))
    return [LinkDependencies(tuple(missing))] if missing else []


def _outdated_terms(tasks: tuple[Task, ...]) -> list[Action]:
    """What an issue says of its task's paths and dependencies, where the plan was changed since. Only what the bot
    itself had written there is replaced: whoever has put it in other words keeps them."""
    actions: list[Action] = []
    for task in tasks:
        if task.issue is None or not task.issue.open or not task.issue.mine or not task.record.changes:
            continue
        body = task.issue.body.replace("\r\n", "\n")
        wanted = texts.terms(task)
        earlier = (texts.terms(task, known) for known in reversed(range(len(task.record.changes))))
        found = next((text for text in (wanted, *earlier) if texts.has_paragraphs(body, text)), wanted)
        if found != wanted:
            actions.append(EditIssue(task.issue.number, texts.with_paragraphs(body, found, wanted)))
    return actions


def _missing_pull_request(situation: Situation, task: Task) -> list[Action]:
    pull = task.pull_request
    open_already = pull is not None and pull.state is PullRequestState.OPEN
    closed_at_head = pull is not None and pull.state is PullRequestState.CLOSED and pull.head == task.head
    published = situation.ledger.last_published(task.key)
    if open_already or closed_at_head or task.issue is None or task.head is None or published is None:
        return []
    return [
        OpenPullRequest(
            task=task.key,
            title=task.planned.title,
            body=texts.pull_request_body(situation, task, published),
            head_branch=situation.branch_of(task.key),
            head=task.head,
            base_branch=situation.base_branch,
        )
    ]


def _missing_checks(task: Task) -> list[Action]:
    """Evidence and verdict of the present head; those of older commits are history."""
    pull = task.pull_request
    if pull is None or pull.head != task.head:
        return []
    there = {(check.session, check.name) for check in pull.checks if check.mine}
    actions: list[Action] = []
    for session in task.sessions:
        for check in _checks_of(session, task):
            if check.head == task.head and (check.session, check.name) not in there:
                actions.append(check)
    return actions


def _checks_of(session: SessionRecord, task: Task) -> list[PublishCheck]:
    outcome = session.outcome
    checks: list[PublishCheck] = []
    if isinstance(outcome, Published | Judged | Failed) and outcome.evidence is not None:
        checks.append(_verify_check(session, outcome.evidence))
    if isinstance(outcome, Judged):
        approved = outcome.verdict.decision == "approve"
        checks.append(
            PublishCheck(
                name=REVIEW_CHECK,
                head=outcome.head,
                conclusion=Conclusion.SUCCESS if approved else Conclusion.FAILURE,
                title="Approved" if approved else "Changes requested",
                summary=f"{texts.verdict_text(outcome.verdict)}\n\n{texts.session_text(session)}",
                session=session.id,
            )
        )
    return checks


def _verify_check(session: SessionRecord, evidence: Evidence) -> PublishCheck:
    return PublishCheck(
        name=VERIFY_CHECK,
        head=evidence.head,
        conclusion=Conclusion.SUCCESS if evidence.passed else Conclusion.FAILURE,
        title=f"Exit code {evidence.exit_code} after {evidence.seconds:.1f} s",
        summary=f"{texts.evidence_text(evidence)}\n\n{texts.session_text(session)}",
        session=session.id,
    )


def _missing_reviews(task: Task) -> list[Action]:
    pull = task.pull_request
    if pull is None:
        return []
    there = {tagged(review.body, "review") for review in pull.reviews if review.mine}
    actions: list[Action] = []
    for session in task.sessions:
        outcome = session.outcome
        if isinstance(outcome, Judged) and session.id not in there and _belongs(task, session):
            findings = [finding for finding in outcome.verdict.findings if finding.path and finding.line]
            comments = tuple(
                LineComment(finding.path or "", finding.line or 1, texts.finding_text(finding)) for finding in findings
            )
            body = texts.review_body(session.id, outcome.verdict)
            actions.append(PostReview(pull.number, outcome.head, body, comments))
    return actions


def _belongs(task: Task, session: SessionRecord) -> bool:
    """Only the newest verdict, and only while the branch is where it was judged: an earlier one that was never posted
    would come out of its place, and the next pull request of the task has nothing to do with it."""
    judged = [other for other in task.sessions if isinstance(other.outcome, Judged)]
    return judged[-1].id == session.id and session.judges == task.head
