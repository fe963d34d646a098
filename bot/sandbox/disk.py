"""Watching what a run writes to the disk: nothing on this machine bounds a folder, so its size is looked at.

Looking at every file costs time, and most runs write little. So the file system is asked first, which costs nothing:
only when all of it has grown by more than what the run has left can the run be the cause. A run that ends before the
first look, as many hooks and verify commands do, costs nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

EVERY = 1.0
"""Seconds between two looks."""
_UNASKED = 60
"""After so many looks the files are counted in any case: somebody else may have deleted as much as the run wrote."""


async def until_full(folders: Sequence[Path], most: int, every: float = EVERY) -> None:
    """Returns when the files below `folders` take more than `most` bytes of the disk."""
    await asyncio.sleep(every)
    used = _used(folders[0])
    taken, looks = await asyncio.to_thread(size_of, folders, most), 0
    while taken <= most:
        await asyncio.sleep(every)
        looks += 1
        now = _used(folders[0])
        if now - used > most - taken or looks % _UNASKED == 0:
            taken = await asyncio.to_thread(size_of, folders, most)
            used = now


def size_of(folders: Sequence[Path], enough: int) -> int:
    """Bytes that the files below `folders` take, or more than `enough` as soon as that is known. Links are not
    followed; a file with several names counts once for each."""
    total, left = 0, [str(folder) for folder in folders]
    while left and total <= enough:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError:  # it is being written to
            continue
    return total


def _used(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize
