"""Where webhooks show things otherwise than REST.

GitHub's description of webhook payloads is older than that of REST: users and Apps lack newer fields
there, issues do not say who closed them or what they are part of, and the events an App subscribes to
name no newer ones.
"""

from collections.abc import Mapping

from bot.localhub.render.json import Json

_NOT_OF_USERS = "user_view_type"
_NEWER_EVENTS = ("sub_issues", "issue_dependencies")
_SOMETIMES_LEFT_OUT = frozenset({_NOT_OF_USERS, "client_id", "closed_by", "parent_issue_url"})


def as_webhook(value: Json) -> Json:
    """A value of the REST form as webhooks show it."""
    if isinstance(value, dict):  # not Mapping, whose check is most of the work
        shown = {
            name: as_webhook(one) if isinstance(one, dict | list) else one
            for name, one in value.items()
            if name not in _SOMETIMES_LEFT_OUT or not _left_out(name, value)
        }
        events = shown.get("events")
        if "external_url" in shown and isinstance(events, list):
            shown["events"] = [one for one in events if one not in _NEWER_EVENTS]
        return shown
    if isinstance(value, list):
        return [as_webhook(one) if isinstance(one, dict | list) else one for one in value]
    return value


def _left_out(name: str, within: Mapping[str, Json]) -> bool:
    if name == _NOT_OF_USERS:
        return True
    if name == "client_id":
        return "external_url" in within
    return name in ("closed_by", "parent_issue_url") and "sub_issues_summary" in within
