"""Repositories, who works on them, and who is who."""

from bot.localhub.model.actor import Level, Role, require
from bot.localhub.model.app import TokenActor
from bot.localhub.model.default_branch import set_default_branch
from bot.localhub.model.errors import Forbidden, NotFound, Unauthorized
from bot.localhub.model.repository import require_admin
from bot.localhub.model.user import User
from bot.localhub.render.accounts import full_user_json, user_json
from bot.localhub.render.json import JsonObject
from bot.localhub.render.repositories import full_repository_json, repository_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint

_ROLE_PERMISSION = {
    Role.NONE: "none", Role.READ: "read", Role.TRIAGE: "read", Role.WRITE: "write", Role.MAINTAIN: "write",
    Role.ADMIN: "admin",
}  # fmt: skip


class NewRepository(Body):
    name: str
    description: str | None = None
    private: bool = False
    auto_init: bool = False


class RepositoryChange(Body):
    name: str | None = None
    description: str | None = None
    private: bool | None = None
    archived: bool | None = None
    default_branch: str | None = None
    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None
    delete_branch_on_merge: bool | None = None


class CollaboratorBody(Body):
    permission: str = "push"


def _person(call: Call) -> User:
    actor = call.actor
    if not isinstance(actor, User):
        raise Forbidden("Resource not accessible by integration")
    return actor


async def get_repository(call: Call) -> Answer:
    return Answer(full_repository_json(call.repository, call.caller.actor))


async def edit_repository(call: Call) -> Answer:
    repository, asked, actor = call.repository, call.body(RepositoryChange), call.actor
    if asked.archived is not None:
        require_admin(actor, repository)
        repository.set_archived(actor, asked.archived)
    else:
        require(actor, repository, role=Role.ADMIN, permissions=("administration",))
    if asked.name is not None and asked.name != repository.name:
        repository.rename(actor, asked.name)
    if asked.default_branch is not None:
        await set_default_branch(repository, actor, asked.default_branch)
    for field in RepositoryChange.model_fields:
        value = getattr(asked, field)
        if value is not None and field not in ("name", "archived", "default_branch"):
            setattr(repository, field, value)
    return Answer(full_repository_json(repository, actor))


async def delete_repository(call: Call) -> Answer:
    repository, actor = call.repository, _person(call)
    require_admin(actor, repository)
    call.hub.delete_repository(repository, actor)
    return NO_CONTENT


async def create_repository(call: Call) -> Answer:
    owner, asked = _person(call), call.body(NewRepository)
    files = {"README.md": f"# {asked.name}\n"} if asked.auto_init else None
    repository = await call.hub.create_repository(
        owner, asked.name, files=files, private=asked.private, description=asked.description
    )
    found = full_repository_json(repository, owner)
    return Answer(found, 201, {"location": str(found["url"])})


async def my_repositories(call: Call) -> Answer:
    me = _person(call)
    mine = [one for one in call.hub.repositories.values() if one.owner is me or me.login in one.collaborators]
    return call.page(mine, lambda one: repository_json(one, me))


async def user_repositories(call: Call) -> Answer:
    owner = call.hub.user(call.part("username"))
    actor = call.caller.actor
    found = [
        one
        for one in call.hub.repositories.values()
        if one.owner is owner and (not one.private or (actor is not None and actor.sees(one)))
    ]
    return call.page(found, lambda one: repository_json(one, actor))


async def me(call: Call) -> Answer:
    return Answer(full_user_json(call.hub, _person(call)))


async def get_user(call: Call) -> Answer:
    return Answer(full_user_json(call.hub, call.hub.user(call.part("username"))))


def _collaborator_json(call: Call, user: User) -> JsonObject:
    role = user.role_in(call.repository)
    return {
        **user_json(call.hub, user),
        "permissions": {
            "admin": role >= Role.ADMIN, "maintain": role >= Role.MAINTAIN, "push": role >= Role.WRITE,
            "triage": role >= Role.TRIAGE, "pull": role >= Role.READ,
        },
        "role_name": role.name.lower(),
    }  # fmt: skip


async def list_collaborators(call: Call) -> Answer:
    repository = call.repository
    require(call.actor, repository, role=Role.WRITE, permissions=("metadata",), level=Level.READ)
    people = [repository.owner, *(call.hub.user(login) for login in repository.collaborators)]
    return call.page(people, lambda one: _collaborator_json(call, one))


async def is_collaborator(call: Call) -> Answer:
    repository, user = call.repository, call.hub.user(call.part("username"))
    if user is not repository.owner and user.login not in repository.collaborators:
        raise NotFound
    return NO_CONTENT


async def add_collaborator(call: Call) -> Answer:
    repository, user = call.repository, call.hub.user(call.part("username"))
    require(call.actor, repository, role=Role.ADMIN, permissions=("administration",))
    name = call.body(CollaboratorBody).permission
    repository.add_collaborator(user, {"pull": "read", "push": "write"}.get(name, name))
    return NO_CONTENT


async def remove_collaborator(call: Call) -> Answer:
    repository = call.repository
    require(call.actor, repository, role=Role.ADMIN, permissions=("administration",))
    repository.remove_collaborator(call.hub.user(call.part("username")))
    return NO_CONTENT


async def get_permission(call: Call) -> Answer:
    """What a user may do here; the answer to "may this person command the bot"."""
    repository = call.repository
    require(call.actor, repository, role=Role.READ, permissions=("metadata",), level=Level.READ)
    user = call.hub.user(call.part("username"))
    if user.bot_of is not None:
        levels = [one for one in call.hub.installations_on(repository) if one.target_app is user.bot_of]
        can_write = any(one.permissions.get("contents") == "write" for one in levels)
        role = Role.WRITE if can_write else Role.READ if levels or not repository.private else Role.NONE
    else:
        role = user.role_in(repository)
    return Answer(
        {
            "permission": _ROLE_PERMISSION[role],
            "role_name": role.name.lower(),
            "user": {**_collaborator_json(call, user), "role_name": role.name.lower()},
        }
    )


async def installation_repositories(call: Call) -> Answer:
    actor = call.actor
    if not isinstance(actor, TokenActor):
        raise Unauthorized("A JSON web token could not be decoded")
    page = call.page(actor.repositories, lambda one: repository_json(one, actor), wrap="repositories")
    assert isinstance(page.json, dict)
    return Answer({**page.json, "repository_selection": actor.installation.repository_selection}, 200, page.headers)


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("GET", _REPO, get_repository),
    Endpoint("PATCH", _REPO, edit_repository),
    Endpoint("DELETE", _REPO, delete_repository),
    Endpoint("POST", "/user/repos", create_repository),
    Endpoint("GET", "/user/repos", my_repositories),
    Endpoint("GET", "/user", me),
    Endpoint("GET", "/users/{username}", get_user),
    Endpoint("GET", "/users/{username}/repos", user_repositories),
    Endpoint("GET", _REPO + "/collaborators", list_collaborators),
    Endpoint("GET", _REPO + "/collaborators/{username}", is_collaborator),
    Endpoint("PUT", _REPO + "/collaborators/{username}", add_collaborator),
    Endpoint("DELETE", _REPO + "/collaborators/{username}", remove_collaborator),
    Endpoint("GET", _REPO + "/collaborators/{username}/permission", get_permission),
    Endpoint("GET", "/installation/repositories", installation_repositories),
]
