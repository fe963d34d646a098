"""The end of a run as lines of text, the same for every run that ended the same.

Nothing is left out but what must differ: times, numbers of issues, names of commits and sessions (`names`), and the
order of things that nothing orders. What a crash honestly costs is checked and then left out: sessions that were
lost are void, of a bot that died, cost nothing, and are the only ones that the counts in the summary may add. So is the
label that says that a person is asked: where the person had answered before a bot lived again, nobody needed it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping

from bot.config import RepositoryConfig
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.model.ledger import Ledger
from bot.model.session import Failed, Judged, Role, SessionRecord, Void
from tests.torture.names import Names, names_of

NEEDS_HUMAN = RepositoryConfig().needs_human_label
_COUNTS = re.compile(r"\d+ sessions \(\d+ planner, \d+ worker, \d+ reviewer\)")


async def normal_form(repository: Repository, bot: User) -> tuple[str, ...]:
    """One repository, sorted. `bot` is the App's account."""
    ledgers = await ledgers_of(repository)
    names = await names_of(repository, ledgers)
    lines = [
        *(line for issue in repository.issues.values() for line in _issue(issue, names, ledgers, bot)),
        *[line for pull in repository.pull_requests for line in await _pull_request(pull, names)],
        *(line for number, ledger in ledgers.items() for line in _ledger(ledger, names.issue(number), names)),
        *[line async for line in _checks(repository, names)],
        *[line async for line in _branches(repository, names)],
        *await _merges(repository, names),
        *(f"label {label.name}" for label in repository.labels if label.name != NEEDS_HUMAN),
    ]
    return tuple(sorted(lines))


async def ledgers_of(repository: Repository) -> dict[int, Ledger]:
    """By the number of the objective."""
    refs = await repository.git.refs("refs/crewline/objectives/")
    return {
        int(ref.rpartition("/")[2]): Ledger.model_validate_json(await repository.git.git("show", f"{sha}:ledger.json"))
        for ref, sha in refs.items()
    }


def _issue(issue: Issue, names: Names, ledgers: Mapping[int, Ledger], bot: User) -> Iterator[str]:
    name = names.issue(issue.number)
    yield f"{name}: {issue.state} {issue.state_reason} by {issue.user.login}: {issue.title}"
    yield f"{name} reads: {_one_line(names.text(issue.body or ''))}"
    yield f"{name} has labels: {sorted(label.name for label in issue.labels)}"
    yield f"{name} has sub-issues: {[names.issue(one.number) for one in issue.sub_issues]}"
    yield f"{name} is blocked by: {sorted(names.issue(one.number) for one in issue.blocked_by)}"
    for comment in issue.comments:
        text = names.text(_without_counts(comment.body, ledgers.get(issue.number)))
        reactions = sorted(f"{one.content} by {one.user.login}" for one in comment.reactions)
        yield f"{name} is told by {comment.user.login}: {_one_line(text)} {reactions}"
    reactions = sorted(f"{one.content} by {one.user.login}" for one in issue.reactions)
    yield f"{name} has reactions: {reactions}"


async def _pull_request(pull: PullRequest, names: Names) -> list[str]:
    name = names.issue(pull.number)
    lines = [f"{name}: {pull.head_ref.rpartition('/')[2]} into {pull.base_ref}, merged {pull.merged}"]
    for review in pull.reviews:
        lines.append(
            f"{name} is reviewed by {review.user.login}: {review.state} "
            f"on {names.commit(review.commit_id)}: {_one_line(names.text(review.body))}"
        )
        for comment in review.comments:
            lines.append(f"{name} is reviewed at {comment.path}:{comment.original_line}: {names.text(comment.body)}")
    for file in await pull.files():
        lines.append(f"{name} changes {file.path}: {file.status} {_one_line(file.patch or '')}")
    return lines


async def _checks(repository: Repository, names: Names) -> AsyncIterator[str]:
    for run in repository.check_runs:
        output = names.text(f"{run.output.title}: {run.output.summary}")
        yield (
            f"{names.commit(run.head_sha)} has check {run.name}: {run.status} {run.conclusion} "
            f"by {names.session(run.external_id)}: {_one_line(output)}"
        )


async def _branches(repository: Repository, names: Names) -> AsyncIterator[str]:
    for ref, sha in (await repository.git.refs("refs/heads/")).items():
        if ref == f"refs/heads/{repository.default_branch}":
            yield f"{ref} has tree {(await repository.git.commit(sha)).tree}"
        else:
            number, _, key = ref.removeprefix("refs/heads/crewline/").partition("/")
            where = f"{names.issue(int(number))}/{key}" if number.isdigit() else ref
            yield f"branch {where}: {names.commit(sha)}"


async def _merges(repository: Repository, names: Names) -> list[str]:
    """What is on the default branch. That nothing was merged before what blocks it, `out_of_order` checks."""
    commits = await repository.git.commits(repository.default_branch, limit=10_000)
    return [f"{repository.default_branch} has: {_one_line(names.text(commit.message))}" for commit in commits]


def _ledger(ledger: Ledger, name: str, names: Names) -> Iterator[str]:
    yield f"ledger of {name}: {ledger.hand_off.title} / {ledger.hand_off.body} by {ledger.hand_off.by}"
    links = (ledger.needs_linking, ledger.unlinked)
    yield f"ledger of {name} plans: {ledger.plan} answers: {ledger.answer} links: {links}"
    for exchange in ledger.exchanges:
        asked = f"{names.session(exchange.session)} asked {exchange.questions}"
        yield f"ledger of {name}: {asked}, {exchange.answered_by} answered {exchange.answer}"
    for command in ledger.commands:
        yield f"ledger of {name}: @{command.by}: {command.name} {command.result} {names.text(command.reply or '')}"
    for record in (ledger.planning, *ledger.tasks):
        sessions = ledger.sessions_of(None if record is ledger.planning else record.key)
        forgiven = sum(_counts(session) for session in sessions[: record.forgiven])
        number = names.issue(record.number) if record.number else None
        escalation = record.escalation and (names.text(record.escalation.reason), record.escalation.by)
        yield f"ledger of {name}, {record.key}: {number} forgiven {forgiven} hint {record.hint} asks {escalation}"
        yield f"ledger of {name}, {record.key}: excused {record.excused} changes {record.changes}"
    for session in ledger.sessions:
        if _counts(session):
            yield f"ledger of {name}: {names.session(session.id)}: {session.cause}, {_outcome(session, names)}"


def _outcome(session: SessionRecord, names: Names) -> str:
    outcome, spend = session.outcome, session.spend
    what: list[str] = [outcome.kind if outcome is not None else "still claimed"]
    if isinstance(outcome, Failed):
        what += [outcome.reason, names.text(outcome.detail)]
    if isinstance(outcome, Judged):
        what += [outcome.verdict.decision, f"on {names.commit(outcome.head)}"]
    return f"{' '.join(what)}; {spend.seconds} s, ${spend.usd}, {spend.input_tokens} and {spend.output_tokens} tokens"


def _counts(session: SessionRecord) -> bool:
    return not isinstance(session.outcome, Void)


def _without_counts(text: str, ledger: Ledger | None) -> str:
    """The summary counts all sessions, those that were lost as well. Where it counts right, the counts go."""
    if ledger is None:
        return text
    of = {role: sum(session.role is role for session in ledger.sessions) for role in Role}
    right = f"{len(ledger.sessions)} sessions ({', '.join(f'{of[role]} {role.value}' for role in Role)})"
    return _COUNTS.sub(lambda match: "so many sessions" if match[0] == right else match[0], text)


def _one_line(text: str) -> str:
    return " ⏎ ".join(text.strip().splitlines())
