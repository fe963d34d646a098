"""A localhub by hand: what a person types to drive it with curl or the gh CLI.

gh takes every host but its own for one with TLS, except github.localhost, and that one by its name alone. So the hub
listens on a socket besides its port, and gh is told of it in a settings folder of its own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User

LONGEST = 103
"""Bytes in the path of a socket, on the system that allows fewest (unix(7): 107 on Linux)."""


@contextmanager
def gh_socket() -> Iterator[Path | None]:
    """A place for the socket; None where temporary folders have too long a name for one."""
    with tempfile.TemporaryDirectory(prefix="crewline-gh-") as folder:
        socket = Path(folder) / "s"
        (socket.parent / "config.yml").write_text(f"http_unix_socket: {socket}\n")
        yield socket if len(bytes(socket)) <= LONGEST else None


@dataclass(frozen=True)
class Remark:
    """A comment that a person may want to write: on which issue or pull request, and what."""

    number: int
    body: str


STATUS = Remark(1, "/status")


def curl_line(hub: Hub, user: User, repository: Repository, remark: Remark) -> str:
    """What writes the comment, as `user`."""
    url = f"{hub.base_url}/repos/{repository.full_name}/issues/{remark.number}/comments"
    body = quote(json.dumps({"body": remark.body}))
    return f"  curl -H 'Authorization: Bearer {hub.user_token(user)}' -d {body} {url}"


def gh_lines(socket: Path | None, hub: Hub, user: User, repository: Repository, remark: Remark = STATUS) -> str:
    """What to type first, and what then; nothing where there is no socket."""
    if socket is None:
        return ""
    variables = {
        "GH_CONFIG_DIR": quote(str(socket.parent)),
        "GH_HOST": "github.localhost",
        "GH_TOKEN": hub.user_token(user),
        "GH_REPO": f"github.localhost/{repository.full_name}",
    }
    exported = " ".join(f"{name}={value}" for name, value in variables.items())
    comment = f"gh issue comment {remark.number} --body {quote(remark.body)}"
    return f"""
With the gh CLI:

  export {exported}
  gh issue list --state all; gh pr list --state all; {comment}
"""
