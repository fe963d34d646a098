"""Rules of branches, as protection rules and as rulesets, and merge queues."""

from dataclasses import dataclass

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.repository import REPOSITORY
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.repository import Repository
from bot.localhub.model.rules import BranchRules


@dataclass(frozen=True, slots=True)
class Queue:
    """The merge queue of a branch."""

    repository: Repository
    branch: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Branch rules, shown as the ruleset they would be."""

    rules: BranchRules


@REPOSITORY.takes("branchProtectionRules", Page)
def _protections(one: Repository, _ask: Ask, given: Page) -> Connection:
    return Connection(one.rules, given)


class RulesetsPage(Page):
    include_parents: bool = True
    targets: list[str] | None = None


@REPOSITORY.takes("rulesets", RulesetsPage)
def _rulesets(one: Repository, _ask: Ask, given: RulesetsPage) -> Connection:
    wanted = given.targets is None or "BRANCH" in given.targets
    return Connection([Ruleset(rules) for rules in one.rules] if wanted else [], given)


class BranchName(Arguments):
    branch: str | None = None


@REPOSITORY.takes("mergeQueue", BranchName)
def _queue(one: Repository, _ask: Ask, given: BranchName) -> Queue | None:
    branch = given.branch or one.default_branch
    rules = one.rules_for(branch)
    return Queue(one, branch) if rules is not None and rules.merge_queue else None


QUEUE = Fields("MergeQueue", Queue)
QUEUE.reads(id=lambda one: f"MQ_{one.repository.id}_{one.branch}")
QUEUE.asks(url=lambda one, ask: ask.url(f"/{one.repository.full_name}/queue/{one.branch}"))

RULESET = Fields("RepositoryRuleset", Ruleset)
RULESET.reads(
    id=lambda one: f"RRS_{one.rules.id}",
    databaseId=lambda one: one.rules.id,
    name=lambda one: one.rules.pattern,
    enforcement=lambda _: "ACTIVE",
    target=lambda _: "BRANCH",
)

PROTECTION = Fields("BranchProtectionRule", BranchRules)
PROTECTION.reads(
    id=lambda one: one.node_id,
    databaseId=lambda one: one.id,
    pattern=lambda one: one.pattern,
    requiresStatusChecks=lambda one: bool(one.required_checks),
    requiresStrictStatusChecks=lambda one: one.strict,
    requiredStatusCheckContexts=lambda one: list(one.required_checks),
    requiresApprovingReviews=lambda one: one.required_reviews > 0,
    requiredApprovingReviewCount=lambda one: one.required_reviews or None,
    isAdminEnforced=lambda _: True,
    requiresLinearHistory=lambda _: False,
    allowsForcePushes=lambda _: False,
    allowsDeletions=lambda _: False,
)
