"""The App as its manifest says, installed on a hub; and the one key that all tests of a process share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from bot.localhub.model.app import App, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.user import User

MANIFEST = Path(__file__).parents[1] / "app.yml"
SECRET = "the secret of all tests"
NOBODY = "http://127.0.0.1:9/webhook"


@cache
def private_key() -> str:
    """Making one is slow."""
    return new_private_key()


def install_app(hub: Hub, owner: User, *, webhook_url: str = NOBODY, webhooks: bool = True) -> App:
    """With `SECRET` for `webhooks`, which go to `webhook_url`, or are switched off after the first ping."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    app = hub.add_app(
        "crewline",
        owner=owner,
        permissions=manifest["default_permissions"],
        events=manifest["default_events"],
        webhook_url=webhook_url,
        webhook_secret=SECRET,
        private_key_pem=private_key(),
    )
    app.webhook_active = webhooks
    hub.install(app, owner)
    return app
