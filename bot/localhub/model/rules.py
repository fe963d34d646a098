"""Rules of branches, and what they say about a pull request."""

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.localhub.model.actor import Role
from bot.localhub.model.node_ids import node_id

if TYPE_CHECKING:
    from bot.localhub.model.pull_request import PullRequest
    from bot.localhub.model.review import Review

MergeableState = Literal["behind", "blocked", "clean", "dirty", "draft", "has_hooks", "unknown", "unstable"]
PASSING = ("success", "neutral", "skipped")


@dataclass(frozen=True, kw_only=True)
class BranchRules:
    """What must hold before a pull request is merged into the branches that match `pattern`."""

    id: int
    pattern: str
    required_checks: tuple[str, ...] = ()
    required_reviews: int = 0
    strict: bool = False
    """The head must contain the newest base."""
    merge_queue: bool = False
    """Pull requests go through a merge queue; a plain merge is refused."""
    dismiss_stale_reviews: bool = False

    @property
    def node_id(self) -> str:
        return node_id("BranchProtectionRule", self.id)

    def applies_to(self, branch: str) -> bool:
        """Whether the branch matches."""
        return fnmatch.fnmatchcase(branch, self.pattern)


def latest_opinions(pull: "PullRequest") -> list["Review"]:
    """The last approving, requesting or dismissed review of each person with write access."""
    last: dict[str, Review] = {}
    for review in pull.reviews:
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED") and review.counts:
            last[review.user.login] = review
    return list(last.values())


def missing_checks(pull: "PullRequest") -> list[str]:
    """Required checks that have not passed on the head commit."""
    rules = pull.repository.rules_for(pull.base_ref)
    return [name for name in rules.required_checks if not _passed(pull, name)] if rules is not None else []


def _passed(pull: "PullRequest", name: str) -> bool:
    runs = [one for one in pull.repository.check_runs if one.head_sha == pull.head_sha and one.name == name]
    if runs:
        newest = max(runs, key=lambda one: one.id)
        return newest.status == "completed" and newest.conclusion in PASSING
    statuses = [one for one in pull.repository.statuses if one.sha == pull.head_sha and one.context == name]
    return bool(statuses) and statuses[-1].state == "success"


def blocking_reasons(pull: "PullRequest") -> list[str]:
    """Why the rules of the base refuse a merge now, in GitHub's words. Empty when they do not."""
    rules = pull.repository.rules_for(pull.base_ref)
    if rules is None:
        return []
    reasons: list[str] = []
    if rules.merge_queue:
        reasons.append("Changes must be made through the merge queue")
    opinions = latest_opinions(pull)
    approvals = sum(review.state == "APPROVED" for review in opinions)
    if rules.required_reviews and any(review.state == "CHANGES_REQUESTED" for review in opinions):
        reasons.append("Changes have been requested on this pull request.")
    if approvals < rules.required_reviews:
        plural = "" if rules.required_reviews == 1 else "s"
        reasons.append(
            f"At least {rules.required_reviews} approving review{plural} is required by reviewers with write access."
        )
    missing = missing_checks(pull)
    if len(missing) == 1:
        reasons.append(f'Required status check "{missing[0]}" is expected.')
    elif missing:
        reasons.append(f"{len(missing)} of {len(rules.required_checks)} required status checks are expected.")
    return reasons


def mergeable_state(pull: "PullRequest", mergeable: bool | None) -> MergeableState:
    """REST's `mergeable_state` for what is known of `mergeable`; upper case it is GraphQL's `mergeStateStatus`."""
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    if pull.draft:
        return "draft"
    rules = pull.repository.rules_for(pull.base_ref)
    if blocking_reasons(pull):
        return "blocked"
    if rules is not None and rules.strict and pull.behind:
        return "behind"
    return "unstable" if _any_check_not_passed(pull) else "clean"


def _any_check_not_passed(pull: "PullRequest") -> bool:
    runs = {one.name: one for one in pull.repository.check_runs if one.head_sha == pull.head_sha}
    if any(one.status != "completed" or one.conclusion not in PASSING for one in runs.values()):
        return True
    contexts = {one.context: one for one in pull.repository.statuses if one.sha == pull.head_sha}
    return any(one.state != "success" for one in contexts.values())


def review_decision(pull: "PullRequest") -> Literal["APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"] | None:
    """GraphQL's `reviewDecision`."""
    opinions = latest_opinions(pull)
    rules = pull.repository.rules_for(pull.base_ref)
    if any(review.state == "CHANGES_REQUESTED" for review in opinions):
        return "CHANGES_REQUESTED"
    if rules is None or rules.required_reviews == 0:
        return "APPROVED" if any(review.state == "APPROVED" for review in opinions) else None
    approvals = sum(review.state == "APPROVED" for review in opinions)
    return "APPROVED" if approvals >= rules.required_reviews else "REVIEW_REQUIRED"


def counts_for_rules(role: Role, app_may_write: bool) -> bool:
    """Whether a review counts towards required reviews: its author can push."""
    return role >= Role.WRITE or app_may_write
