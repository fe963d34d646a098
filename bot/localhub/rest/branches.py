"""Branches, their protection, and the rules that apply to them."""

from bot.localhub.model.actor import Level, Role, require
from bot.localhub.model.errors import NotFound
from bot.localhub.model.repository import Repository
from bot.localhub.model.rules import BranchRules
from bot.localhub.render.commits import commit_json
from bot.localhub.render.json import Json, JsonObject
from bot.localhub.render.repositories import page_url, repository_url
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class Check(Body):
    context: str


class RequiredChecks(Body):
    strict: bool = False
    contexts: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


class RequiredReviews(Body):
    required_approving_review_count: int = 1
    dismiss_stale_reviews: bool = False


class ProtectionBody(Body):
    required_status_checks: RequiredChecks | None = None
    required_pull_request_reviews: RequiredReviews | None = None


def _short(repository: Repository, name: str, sha: str) -> Json:
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{repository_url(repository)}/commits/{sha}"},
        "protected": repository.rules_for(name) is not None,
    }


async def list_branches(call: Call) -> Answer:
    repository = call.readable("contents")
    found = await repository.git.refs("refs/heads/")
    return call.page(list(found.items()), lambda one: _short(repository, one[0].removeprefix("refs/heads/"), one[1]))


async def _branch(call: Call) -> tuple[Repository, str, str]:
    repository, name = call.readable("contents"), call.part("branch")
    sha = await repository.git.branch(name)
    if sha is None:
        raise NotFound("Branch not found")
    return repository, name, sha


async def get_branch(call: Call) -> Answer:
    repository, name, sha = await _branch(call)
    rules = repository.rules_for(name)
    url = f"{repository_url(repository)}/branches/{name}"
    protection: JsonObject = {"enabled": rules is not None}
    checks = rules.required_checks if rules is not None else ()
    protection["required_status_checks"] = {
        "enforcement_level": "everyone" if checks else "off",
        "contexts": list(checks),
        "checks": [{"context": one, "app_id": None} for one in checks],
    }
    return Answer(
        {
            "name": name,
            "commit": commit_json(repository, await repository.git.commit(sha)),
            "_links": {"self": url, "html": f"{page_url(repository)}/tree/{name}"},
            "protected": rules is not None,
            "protection": protection,
            "protection_url": f"{url}/protection",
        }
    )


def _protection_json(repository: Repository, name: str, rules: BranchRules) -> JsonObject:
    url = f"{repository_url(repository)}/branches/{name}/protection"
    found: JsonObject = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": True},
        "required_linear_history": {"enabled": False},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
        "block_creations": {"enabled": False},
        "required_conversation_resolution": {"enabled": False},
        "lock_branch": {"enabled": False},
        "allow_fork_syncing": {"enabled": False},
    }
    if rules.required_checks:
        found["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": rules.strict,
            "contexts": list(rules.required_checks),
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": one, "app_id": None} for one in rules.required_checks],
        }
    if rules.required_reviews:
        found["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": rules.dismiss_stale_reviews,
            "require_code_owner_reviews": False,
            "require_last_push_approval": False,
            "required_approving_review_count": rules.required_reviews,
        }
    return found


async def get_protection(call: Call) -> Answer:
    repository, name, _ = await _branch(call)
    require(call.actor, repository, role=Role.ADMIN, permissions=("administration",), level=Level.READ)
    rules = repository.rules_for(name)
    if rules is None:
        raise NotFound("Branch not protected")
    return Answer(_protection_json(repository, name, rules))


async def set_protection(call: Call) -> Answer:
    repository, name, _ = await _branch(call)
    require(call.actor, repository, role=Role.ADMIN, permissions=("administration",))
    asked = call.body(ProtectionBody)
    checks, reviews = asked.required_status_checks, asked.required_pull_request_reviews
    rules = repository.protect(
        name,
        required_checks=tuple(dict.fromkeys((*checks.contexts, *(one.context for one in checks.checks))))
        if checks
        else (),
        strict=checks is not None and checks.strict,
        required_reviews=reviews.required_approving_review_count if reviews is not None else 0,
        dismiss_stale_reviews=reviews is not None and reviews.dismiss_stale_reviews,
    )
    return Answer(_protection_json(repository, name, rules))


async def delete_protection(call: Call) -> Answer:
    repository, name, _ = await _branch(call)
    require(call.actor, repository, role=Role.ADMIN, permissions=("administration",))
    repository.unprotect(name)
    return NO_CONTENT


async def branch_rules(call: Call) -> Answer:
    """The rules as rulesets tell them: what a merge needs, readable without administration."""
    repository, name = call.readable("metadata"), call.part("branch")
    rules = repository.rules_for(name)
    found: list[Json] = []
    if rules is not None:
        source: JsonObject = {
            "ruleset_source_type": "Repository",
            "ruleset_source": repository.full_name,
            "ruleset_id": rules.id,
        }
        found = [{**source, **one} for one in _rules(rules)]
    return call.page(found, lambda one: one)


def _rules(rules: BranchRules) -> list[JsonObject]:
    found: list[JsonObject] = []
    if rules.required_reviews:
        parameters: JsonObject = {
            "required_approving_review_count": rules.required_reviews,
            "dismiss_stale_reviews_on_push": rules.dismiss_stale_reviews,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        }
        found.append({"type": "pull_request", "parameters": parameters})
    if rules.required_checks:
        checks: list[Json] = [{"context": one} for one in rules.required_checks]
        policy: JsonObject = {
            "required_status_checks": checks,
            "strict_required_status_checks_policy": rules.strict,
        }
        found.append({"type": "required_status_checks", "parameters": policy})
    if rules.merge_queue:
        queue: JsonObject = {
            "check_response_timeout_minutes": 60,
            "grouping_strategy": "ALLGREEN",
            "max_entries_to_build": 5,
            "max_entries_to_merge": 5,
            "merge_method": "MERGE",
            "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 5,
        }
        found.append({"type": "merge_queue", "parameters": queue})
    return found


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("GET", _REPO + "/branches", list_branches),
    Endpoint("GET", _REPO + "/branches/{branch:path}/protection", get_protection),
    Endpoint("PUT", _REPO + "/branches/{branch:path}/protection", set_protection),
    Endpoint("DELETE", _REPO + "/branches/{branch:path}/protection", delete_protection),
    Endpoint("GET", _REPO + "/branches/{branch:path}", get_branch),
    Endpoint("GET", _REPO + "/rules/branches/{branch:path}", branch_rules),
]
