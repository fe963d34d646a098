"""`crewline localhub`: a GitHub on 127.0.0.1 by itself."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import nullcontext
from pathlib import Path

from bot.demo.by_hand import gh_lines, gh_socket
from bot.demo.refusal import Refusal
from bot.demo.sample_project import OWNER, sample_files
from bot.demo.signals import run_until_signalled
from bot.demo.stage import app_manifest
from bot.localhub.model.hub import Hub
from bot.localhub.server import serve


async def run_localhub(port: int, data: Path | None) -> None:
    """Until a signal ends it. Raises Refusal where the port is taken."""
    place = tempfile.TemporaryDirectory(prefix="crewline-localhub-") if data is None else nullcontext(str(data))
    with place as folder:
        try:
            await run_until_signalled(_run(Path(folder), port))
        except OSError as error:
            raise Refusal(f"cannot listen on 127.0.0.1:{port}: {error.strerror}. Name another with --port.") from None


async def _run(folder: Path, port: int) -> None:
    hub = Hub(folder)
    with gh_socket() as socket:
        async with serve(hub, port=port, beside=socket):
            owner = hub.add_user(OWNER)
            repository = await hub.create_repository(owner, "larder", files=sample_files())
            manifest = app_manifest()
            app = hub.add_app(
                manifest.name,
                owner=owner,
                permissions=manifest.default_permissions,
                events=manifest.default_events,
                webhook_url="http://127.0.0.1:8646/webhook",
                webhook_secret="localhub",
            )
            hub.install(app, owner)
            key_file = folder / "app.private-key.pem"
            key_file.touch(mode=0o600)
            key_file.write_text(app.private_key_pem)
            token = hub.user_token(owner)
            print(
                f"""A GitHub runs at {hub.base_url}, with @{owner.login} and {repository.full_name}.

  curl -H 'Authorization: Bearer {token}' {hub.base_url}/repos/{repository.full_name}
  git clone http://{owner.login}:{token}@{hub.base_url.removeprefix("http://")}/{repository.full_name}.git
{gh_lines(socket, hub, owner, repository)}
Crewline against it, in another terminal:

  CREWLINE_APP_ID={app.id} CREWLINE_PRIVATE_KEY_FILE={key_file} CREWLINE_WEBHOOK_SECRET=localhub \\
  CREWLINE_API_URL={hub.base_url} CREWLINE_GIT_URL={hub.base_url} crewline serve

Ctrl-C ends it; everything in it is forgotten then.""",
                flush=True,
            )
            await run_for_ever()


async def run_for_ever() -> None:
    """Until it is cancelled."""
    await asyncio.get_running_loop().create_future()
