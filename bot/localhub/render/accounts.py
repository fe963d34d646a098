"""Users, Apps and installations."""

from urllib.parse import quote

from bot.localhub.model.app import App, Installation
from bot.localhub.model.hub import Hub
from bot.localhub.model.user import User
from bot.localhub.render.json import JsonObject, time, time_or_null

_USER_URLS = {
    "followers_url": "/followers", "following_url": "/following{/other_user}", "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}", "subscriptions_url": "/subscriptions", "organizations_url": "/orgs",
    "repos_url": "/repos", "events_url": "/events{/privacy}", "received_events_url": "/received_events",
}  # fmt: skip


def api(hub: Hub) -> str:
    """The root of the REST API, where the URLs in its answers point."""
    return f"{hub.base_url}/api/v3"


def user_json(hub: Hub, user: User) -> JsonObject:
    """A `simple-user`."""
    url = f"{api(hub)}/users/{quote(user.login)}"
    page = f"{hub.base_url}/apps/{user.bot_of.slug}" if user.bot_of is not None else f"{hub.base_url}/{user.login}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": user.node_id,
        "avatar_url": f"{hub.base_url}/avatars/{user.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": page,
        **{name: url + path for name, path in _USER_URLS.items()},
        "type": user.type,
        "user_view_type": "public",
        "site_admin": user.site_admin,
    }


def full_user_json(hub: Hub, user: User) -> JsonObject:
    """A `public-user`."""
    count = sum(one.owner is user for one in hub.repositories.values())
    return {
        **user_json(hub, user),
        "name": user.name, "company": None, "blog": "", "location": None, "email": user.email, "hireable": None,
        "bio": None, "twitter_username": None, "public_repos": count, "public_gists": 0, "followers": 0,
        "following": 0, "created_at": time(user.created_at), "updated_at": time(user.created_at),
    }  # fmt: skip


def organization_json(hub: Hub, user: User) -> JsonObject:
    """An `organization-simple`, as webhooks carry it."""
    url = f"{api(hub)}/orgs/{user.login}"
    return {
        "login": user.login, "id": user.id, "node_id": user.node_id, "url": url, "repos_url": f"{url}/repos",
        "events_url": f"{url}/events", "hooks_url": f"{url}/hooks", "issues_url": f"{url}/issues",
        "members_url": url + "/members{/member}", "public_members_url": url + "/public_members{/member}",
        "avatar_url": f"{hub.base_url}/avatars/{user.id}", "description": None,
    }  # fmt: skip


def app_json(app: App) -> JsonObject:
    """An `integration`."""
    hub = app.hub
    return {
        "id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "node_id": app.node_id,
        "owner": user_json(hub, app.owner),
        "name": app.name,
        "description": app.description,
        "external_url": app.external_url,
        "html_url": f"{hub.base_url}/apps/{app.slug}",
        "created_at": time(app.created_at),
        "updated_at": time(app.created_at),
        "permissions": dict(app.permissions),
        "events": list(app.events),
    }


def installation_json(installation: Installation) -> JsonObject:
    """An `installation`."""
    hub, app = installation.hub, installation.target_app
    url = f"{api(hub)}/app/installations/{installation.id}"
    suspended_by = installation.suspended_by
    return {
        "id": installation.id,
        "account": user_json(hub, installation.target),
        "repository_selection": installation.repository_selection,
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{api(hub)}/installation/repositories",
        "html_url": f"{hub.base_url}/settings/installations/{installation.id}",
        "app_id": app.id,
        "client_id": app.client_id,
        "app_slug": app.slug,
        "target_id": installation.target.id,
        "target_type": "Organization" if installation.target.type == "Organization" else "User",
        "permissions": dict(installation.permissions),
        "events": list(installation.events),
        "created_at": time(installation.created_at),
        "updated_at": time(installation.updated_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user_json(hub, suspended_by) if suspended_by is not None else None,
        "suspended_at": time_or_null(installation.suspended_at),
    }
