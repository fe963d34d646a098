"""Registering an App from a manifest ("Registering a GitHub App from a manifest").

A form is posted with the manifest; the browser is sent back to `redirect_url` with a code; within an hour
the code is changed, once, for the App's key and secrets.
"""

import re
import uuid
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.localhub.model.errors import FieldError, Validation
from bot.localhub.model.user import User

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.hub import Hub


class HookAttributes(BaseModel):
    """Where webhooks go."""

    model_config = ConfigDict(frozen=True)

    url: str
    active: bool = True


class Manifest(BaseModel):
    """The keys of a manifest that matter here."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    url: str
    hook_attributes: HookAttributes | None = None
    redirect_url: str | None = None
    description: str | None = None
    default_events: tuple[str, ...] = ()
    default_permissions: dict[str, str] = Field(default_factory=dict)


def parse_manifest(text: str) -> Manifest:
    """A manifest from its JSON; 422 when it is none."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"]) or "manifest"
        raise Validation(FieldError("Integration", "invalid", where, first["msg"])) from error


def register(hub: "Hub", owner: User, manifest: Manifest) -> tuple["App", str]:
    """The App of a manifest, and the code that gives its secrets away once."""
    name = manifest.name or f"app-{len(hub.apps) + 1}"
    app = hub.add_app(
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        owner=owner,
        name=name,
        permissions=manifest.default_permissions,
        events=manifest.default_events,
        webhook_url=manifest.hook_attributes.url if manifest.hook_attributes is not None else None,
        webhook_secret=uuid.uuid4().hex,
        url=manifest.url,
    )
    app.description = manifest.description
    app.webhook_active = manifest.hook_attributes is not None and manifest.hook_attributes.active
    code = uuid.uuid4().hex
    hub.manifest_codes[code] = app
    return app, code
