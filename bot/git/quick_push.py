"""A push as one HTTP request, without a process: for the few small objects of a usual push.

``git push`` starts five processes, opens a connection anew and asks for the remote's refs first. What we push is
nearly always a ledger's next revision and a handful of commits on top of something that the remote has, from where we
know it to be. So the request that git would send after all that is sent at once, over a connection that stays
(gitprotocol-http(5), gitprotocol-pack(5)): the ref updates with the value that each must still have, ``atomic``, and a
pack with the objects whole.

Only a plain success counts. After anything else (a refusal, a status, a redirect, an answer that is not understood or
does not come) the caller lets git itself push the same: it knows all the words for what went wrong, and what was
pushed already is pushed again without harm.

That the remote has the commit on which new ones build is presumed, not asked: it is the branch's value that the push
expects, or the first commit without our trailer, which was fetched from there. Where that is wrong the remote finds
objects missing and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import httpx

from bot.git.errors import GitFailed, Unreachable
from bot.git.objects import ObjectReader
from bot.git.pack import PlainObject, make_pack
from bot.git.push import RefUpdate
from bot.git.smart_http import AGENT, FLUSH, Remote, headers, packet, packets
from bot.git.trees import NO_OBJECT, Entry, entries, tree_and_parents

CAPABILITIES = f"report-status side-band-64k atomic object-format=sha1 {AGENT}"
TRAILER = b"\nCrewline-"
MOST_COMMITS = 50
MOST_OBJECTS = 400
MOST_BYTES = 4_000_000
_SUBMODULE = "160000"


async def quick_push(remote: Remote, updates: Sequence[RefUpdate], objects: ObjectReader) -> bool:
    """Whether all of `updates` were carried out. False: nothing is known, `git push` has to do it. Raises Unreachable
    where the remote is silent: git would wait once more for nothing."""
    try:
        found: dict[str, PlainObject] = {}
        for update in updates:
            if update.new is None or not await _gather(objects, update, found):
                return False
        answer = await remote.client.post(
            f"{remote.url}/git-receive-pack",
            content=b"".join(_commands(updates)) + FLUSH + make_pack(list(found.values())),
            headers=headers("git-receive-pack", remote.token),
            timeout=remote.seconds,
            follow_redirects=False,
        )
    except httpx.TimeoutException as error:
        refs = (update.ref for update in updates)
        raise Unreachable(("push", *refs), None, f"no answer within {remote.seconds:g} s: {error!r}") from None
    except (httpx.HTTPError, GitFailed, ValueError):
        return False
    return answer.status_code == 200 and _succeeded(answer.content, [update.ref for update in updates])


def _commands(updates: Sequence[RefUpdate]) -> Iterator[bytes]:
    for number, update in enumerate(updates):
        command = f"{update.expected or NO_OBJECT} {update.new} {update.ref}"
        yield packet(f"{command}\0 {CAPABILITIES}".encode() if number == 0 else command.encode())


async def _gather(objects: ObjectReader, update: RefUpdate, found: dict[str, PlainObject]) -> bool:
    """Put what the remote may lack of `update` into `found`; False where that is more, or other, than usual."""
    at = update.new
    for _ in range(MOST_COMMITS):
        if at is None or at == update.expected or at in found:
            return True
        commit = await _read(objects, at, "commit")
        tree, parents = tree_and_parents(commit)
        ours = TRAILER in commit or not parents  # a ledger begins with a commit of ours that has no parent
        if not ours and not update.ref.startswith("refs/heads/"):
            ours = True  # ledgers and leases are ours alone, whatever their messages say
        if len(parents) > 1:
            return False
        if not ours:
            return True
        found[at] = PlainObject("commit", commit)
        base = tree_and_parents(await _read(objects, parents[0], "commit"))[0] if parents else NO_OBJECT
        await _gather_tree(objects, base, tree, found)
        if len(found) > MOST_OBJECTS or sum(len(one.payload) for one in found.values()) > MOST_BYTES:
            return False
        at = parents[0] if parents else None
    return False


async def _gather_tree(objects: ObjectReader, old: str, new: str, found: dict[str, PlainObject]) -> None:
    """Put what tree `new` has and tree `old` has not at the same place into `found`. Raises ValueError beyond what a
    usual push holds."""
    left = [(old, new)]
    while left:
        before, after = left.pop()
        if before == after or after in found:
            continue
        if len(found) > MOST_OBJECTS:
            raise ValueError("too many objects")
        payload = await _read(objects, after, "tree")
        found[after] = PlainObject("tree", payload)
        known: Mapping[bytes, Entry] = {} if before == NO_OBJECT else entries(await _read(objects, before, "tree"))
        for name, entry in entries(payload).items():
            was = known.get(name)
            if (was is not None and was.sha == entry.sha) or entry.mode == _SUBMODULE:
                continue
            if entry.is_folder:
                left.append((was.sha if was is not None and was.is_folder else NO_OBJECT, entry.sha))
            elif entry.sha not in found:
                found[entry.sha] = PlainObject("blob", await _read(objects, entry.sha, "blob"))


async def _read(objects: ObjectReader, name: str, kind: str) -> bytes:
    """Raises ValueError where there is no such object of a usual size."""
    contents = await objects.contents(name, MOST_BYTES)
    if contents is None or contents[0].kind != kind:
        raise ValueError(f"{name} is no {kind}")
    return contents[1]


def _succeeded(answer: bytes, refs: Sequence[str]) -> bool:
    """Whether the report says that the pack was taken and each of `refs` moved."""
    report = b"".join(one[1:] for one in packets(answer) if one[:1] == b"\x01")
    lines = {line.rstrip(b"\n") for line in packets(report)}
    return b"unpack ok" in lines and all(f"ok {ref}".encode() in lines for ref in refs)
