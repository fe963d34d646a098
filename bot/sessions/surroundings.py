"""The clean environment of what a session runs: nothing of the server's but what is named here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.git.process import Identity
from bot.sessions.guards import MARK

_KEPT = ("PATH", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Folders:
    """Private folders of a session, which exist. `mark` names the run of the bot that the session belongs to, so that
    a later run finds what is left of it."""

    home: Path
    temporary: Path
    mark: str = ""


def clean_environment(folders: Folders, identity: Identity) -> dict[str, str]:
    """For the verify command, and the base of an agent's. Values of the server's environment other than those
    of `_KEPT` and the proxies, secrets above all, are not in it."""
    environment = {name: os.environ[name] for name in (*_KEPT, *PROXIES) if name in os.environ}
    return environment | {
        "LANG": "C.UTF-8",
        "HOME": str(folders.home),
        MARK: folders.mark,
        "TMPDIR": str(folders.temporary),
        "XDG_CONFIG_HOME": str(folders.home / ".config"),
        "XDG_CACHE_HOME": str(folders.home / ".cache"),
        "XDG_DATA_HOME": str(folders.home / ".local" / "share"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": identity.name,
        "GIT_AUTHOR_EMAIL": identity.email,
        "GIT_COMMITTER_NAME": identity.name,
        "GIT_COMMITTER_EMAIL": identity.email,
    }


def agent_environment(
    clean: Mapping[str, str], session: str, prompt_file: Path, answer_file: Path, credentials: Mapping[str, str]
) -> dict[str, str]:
    """The clean environment with what an agent is told, and the credentials of this agent alone."""
    return {
        **clean,
        **credentials,
        "CREWLINE_SESSION": session,
        "CREWLINE_PROMPT_FILE": str(prompt_file),
        "CREWLINE_ANSWER_FILE": str(answer_file),
    }
