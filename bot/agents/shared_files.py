"""Reading and writing in folders that an agent can write to as well, where any name may be anything by now.

A link leads to a file of somebody else's, a pipe waits for ever, a folder lies where a file should. So every step of
the way is opened without following links, only plain files of a sane size are read, and what is written is a new file
that takes the place of whatever had its name. What cannot be replaced is set aside under another name, at no cost
whatever its size.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

_PLAIN = os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = _PLAIN | os.O_RDONLY | os.O_DIRECTORY


class Unreadable(Exception):
    """There is no such file, or it is none to be read; the text is for people and for the agent."""


def read_shared(path: Path, most: int, called: str) -> bytes:
    """The plain file at `path`, of at most `most` bytes. Nothing waits. Raises Unreadable, which calls it `called`."""
    try:
        folder = os.open(path.parent, _FOLDER)
    except OSError:
        raise Unreadable(f"The folder of the {called} is gone.") from None
    try:
        descriptor = os.open(path.name, _PLAIN | os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise Unreadable(f"There is no {called}.") from None
    except OSError:
        raise Unreadable(f"The {called} is a link or cannot be read; write a plain file.") from None
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise Unreadable(f"The {called} is not a plain file of its own.")
        content = file.read(most + 1)
    if len(content) > most:
        raise Unreadable(f"The {called} has more than {most} bytes.")
    return content


def write_shared(top: Path, path: Path, text: str) -> None:
    """`text` as the file `path`, with the folders between it and `top`, a folder of ours above it. It is there whole
    or not at all. Raises OSError."""
    folder = _enter(top, path.parent)
    half = f".{token_hex(8)}"
    try:
        descriptor = os.open(half, _PLAIN | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            with suppress(IsADirectoryError):
                os.rename(half, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                return
            _set_aside(folder, path.name)
            os.rename(half, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):  # what went wrong is told already
                os.unlink(half, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def make_shared_folder(top: Path, path: Path) -> None:
    """A new and empty folder at `path`, below `top` as in `write_shared`. Raises OSError."""
    above = _enter(top, path.parent)
    try:
        with suppress(FileNotFoundError):
            _set_aside(above, path.name)
        os.mkdir(path.name, dir_fd=above)
    finally:
        os.close(above)


def _enter(top: Path, folder: Path) -> int:
    """An open descriptor of `folder`, made where it is missing. Raises OSError, and ValueError where it is not below
    `top`."""
    parts = folder.relative_to(top).parts
    at = os.open(top, _FOLDER)
    for part in parts:
        try:
            below = _step(at, part)
        finally:
            os.close(at)
        at = below
    return at


def _step(at: int, name: str) -> int:
    """The folder `name`, which we may write to: a new one where there is none, or something else."""
    try:
        below = _opened(at, name)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EACCES):
            raise
        _set_aside(at, name)
        below = _opened(at, name)
    status = os.fstat(below)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(below, stat.S_IMODE(status.st_mode) | stat.S_IRWXU)
    return below


def _opened(at: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=at)
    return os.open(name, _FOLDER, dir_fd=at)


def _set_aside(folder: int, name: str) -> None:
    os.rename(name, f".aside-{token_hex(8)}", src_dir_fd=folder, dst_dir_fd=folder)
