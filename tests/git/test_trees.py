"""What is read of trees and commits without a process of its own says what git says."""

from __future__ import annotations

from pathlib import Path

from bot.git.mirror import Mirror
from bot.git.pack import PlainObject, make_pack
from bot.git.process import git
from bot.git.trees import ABSENT, differences, straight_line
from bot.model.identity import CommitSha
from tests.git.conftest import Remote


async def shown_by_git(mirror: Mirror, old: CommitSha, new: CommitSha) -> set[tuple[str, ...]]:
    output = await mirror.git("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", old, new)
    fields = output.stdout.decode().split("\0")
    rows = zip(fields[0::2], fields[1::2], strict=False)
    return {(path, *meta.lstrip(":").split(" ")[:4]) for meta, path in rows}


async def test_differences_are_those_of_git(mirror: Mirror, remote: Remote) -> None:
    old = remote.commit({"a": "1", "same/x": "1", "folder/deep/b": "1", "folder/c": "1", "becomes-folder": "1"})
    remote.person("rm", "-q", "-r", "folder", "becomes-folder")
    new = remote.commit({"a": "2", "becomes-folder/d": "1", "folder": "a file now", "new/e": "1", "ü": "x"})
    await mirror.fetch()
    for one, other in ((old, new), (new, old)):
        found = await differences(mirror.objects, one, other)
        assert {(d.path.decode(), d.old.mode, d.new.mode, d.old.sha, d.new.sha) for d in found} == await shown_by_git(
            mirror, one, other
        )
    assert {d.path for d in found if d.old.mode == ABSENT} == {b"becomes-folder", b"folder/c", b"folder/deep/b"}
    assert await differences(mirror.objects, new, new) == []


async def test_a_straight_line_ends_where_it_should_and_a_merge_is_none(mirror: Mirror, remote: Remote) -> None:
    first, second, third = (remote.commit({"a": text}) for text in "123")
    side = remote.commit({"b": "1"}, branch="side")
    remote.person("checkout", "-q", "main")
    remote.commit({"c": "1"})
    remote.person("merge", "-q", "--no-ff", "-m", "both", "side")
    merge = CommitSha(remote.person("rev-parse", "HEAD"))
    remote.person("push", "-q", "origin", "main")
    await mirror.fetch()
    assert await straight_line(mirror.objects, third, {first}) == [third, second]
    assert await straight_line(mirror.objects, third, {third, first}) == []
    assert await straight_line(mirror.objects, third, {side}) is None, "it goes back to the first commit"
    assert await straight_line(mirror.objects, merge, {first}) is None


async def test_git_takes_a_pack_of_ours(mirror: Mirror, tmp_path: Path) -> None:
    objects = [PlainObject("blob", b""), PlainObject("blob", b"x" * 15), PlainObject("blob", b"y" * 5_000)]
    await git("unpack-objects", "-q", "--strict", repository=mirror.path, stdin=make_pack(objects))
    names = [
        (await git("hash-object", "--stdin", stdin=one.payload or b"")).stdout.decode().strip() for one in objects[1:]
    ]
    assert [await mirror.objects.contents(name) is not None for name in names] == [True, True]
