"""A disk that takes no more: what git was doing is as if it had not begun."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bot.disk.trouble import DiskTrouble, trouble_of
from bot.git.errors import Unreachable
from bot.git.mirror import Mirror
from tests.git.conftest import Remote

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LARGE = random.Random(7).randbytes(400_000).hex()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The kernel lets neither us nor what we start write a file beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_fetch_that_dies_leaves_the_mirror_as_it_was(mirror: Mirror, remote: Remote) -> None:
    first = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    second = remote.commit({"large.txt": LARGE})
    with files_up_to(100_000), pytest.raises(Unreachable) as caught:
        await mirror.fetch()
    assert trouble_of(caught.value) is DiskTrouble.FULL
    assert await mirror.branch("main") == first
    await mirror.git("fsck", "--connectivity-only")
    await mirror.fetch()
    assert await mirror.branch("main") == second


async def test_a_ledger_that_cannot_be_written_leaves_nothing(mirror: Mirror) -> None:
    with files_up_to(1_000), pytest.raises(OSError, match="File too large") as caught:
        await mirror.commit_file("ledger.json", LARGE.encode(), None, "Claim", NOON)
    assert trouble_of(caught.value) is DiskTrouble.FULL
    assert not list(mirror.path.glob("objects/*/tmp_*"))
    assert await mirror.commit_file("ledger.json", LARGE.encode(), None, "Claim", NOON)
