"""A fetch of single branches as one or two HTTP requests, with one process at most: for the usual step after a merge.

``git fetch`` starts four processes and opens a connection anew. After a merge we want one branch, which moved by a
commit or two. So what git would ask is asked over a connection that stays, in version 2 of the protocol
(gitprotocol-v2(5)): where the branches are, and, where that is news, a pack of what we lack. ``git unpack-objects
--strict`` takes it: it keeps nothing that is broken or has something missing. The refs are moved last.

Only a plain success counts. Whatever is otherwise (a branch that is not there, a status, a large pack, an answer that
is not understood) is left to git itself, which knows all the words for it.

What we offer to have (`haves`) may be unknown to the remote; it then sends more. What we have and do not offer is sent
once more. Neither does harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import httpx

from bot.git.errors import GitFailed, Unreachable
from bot.git.smart_http import AGENT, DELIMITER, FLUSH, Remote, headers, packet, packets
from bot.model.identity import CommitSha

MOST_BYTES = 4_000_000
_CAPABILITIES = tuple(packet(f"{text}\n".encode()) for text in (AGENT, "object-format=sha1"))
_PACK, _PROGRESS = b"\x01", b"\x02"

Unpack = Callable[[bytes], Awaitable[None]]
"""Takes a pack into the repository. Raises GitFailed."""


async def quick_fetch(
    remote: Remote, branches: Sequence[str], known: Mapping[str, CommitSha | None], haves: Iterable[str], unpack: Unpack
) -> Mapping[str, CommitSha] | None:
    """Where `branches` are on the remote now, with their commits brought here. None: nothing is known, git has to do
    it. `known` says where they were. Raises Unreachable where the remote is silent."""
    try:
        heads = await _heads(remote, branches)
        if heads is None:
            return None
        news = sorted({head for name, head in heads.items() if known.get(name) != head})
        if news:
            pack = await _pack(remote, news, haves)
            if pack is None:
                return None
            await unpack(pack)
    except httpx.TimeoutException as error:
        problem = f"no answer within {remote.seconds:g} s: {error!r}"
        raise Unreachable(("fetch", *branches), None, problem) from None
    except (httpx.HTTPError, GitFailed, ValueError):
        return None
    return heads


async def stands_at(remote: Remote, ref: str, commit: CommitSha | None) -> bool:
    """Whether `ref` of the remote is where it was known to be (None: nowhere), by one request. False where it is not,
    and where nothing is known. Raises Unreachable where the remote is silent."""
    try:
        answer = await _ask(remote, "ls-refs", [packet(f"ref-prefix {ref}\n".encode())])
        if answer is None or not answer.endswith(FLUSH):
            return False
        lines = [line.decode().rstrip("\n").partition(" ") for line in packets(answer)]
    except httpx.TimeoutException as error:
        raise Unreachable(("ls-refs", ref), None, f"no answer within {remote.seconds:g} s: {error!r}") from None
    except (httpx.HTTPError, ValueError):
        return False
    return next((sha for sha, _, name in lines if name == ref), None) == commit


async def _heads(remote: Remote, branches: Sequence[str]) -> Mapping[str, CommitSha] | None:
    """None where one of them is not there."""
    prefixes = [packet(f"ref-prefix refs/heads/{name}\n".encode()) for name in branches]
    answer = await _ask(remote, "ls-refs", prefixes)
    if answer is None:
        return None
    found: dict[str, CommitSha] = {}
    for line in packets(answer):
        sha, _, ref = line.decode().rstrip("\n").partition(" ")
        found[ref.removeprefix("refs/heads/")] = CommitSha(sha)
    return {name: found[name] for name in branches} if set(branches) <= found.keys() else None


async def _pack(remote: Remote, wants: Iterable[str], haves: Iterable[str]) -> bytes | None:
    words = ["no-progress", "ofs-delta", *(f"want {sha}" for sha in wants), *(f"have {sha}" for sha in haves), "done"]
    answer = await _ask(remote, "fetch", [packet(f"{word}\n".encode()) for word in words])
    if answer is None:
        return None
    first, *rest = packets(answer)
    if first != b"packfile\n" or any(one[:1] not in (_PACK, _PROGRESS) for one in rest):
        return None
    return b"".join(one[1:] for one in rest if one[:1] == _PACK)


async def _ask(remote: Remote, command: str, arguments: Sequence[bytes]) -> bytes | None:
    """The body of the answer; None where it is no success, or large."""
    request = remote.client.build_request(
        "POST",
        f"{remote.url}/git-upload-pack",
        content=b"".join([packet(f"command={command}\n".encode()), *_CAPABILITIES, DELIMITER, *arguments, FLUSH]),
        headers={**headers("git-upload-pack", remote.token), "git-protocol": "version=2"},
        timeout=remote.seconds,
    )
    answer = await remote.client.send(request, stream=True, follow_redirects=False)
    try:
        if answer.status_code != 200:
            return None
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                return None
        return bytes(body)
    finally:
        await answer.aclose()
