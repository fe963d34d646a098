"""What of the machine an agent's program needs to run: its installation, found from the program's name.

Programs lie outside of ``/usr`` more often than not: in a home, a virtual environment, a folder of node modules. What
is found is made readable inside the sandbox, so it must never be more than a program: a folder that holds a home, or
the server's data, is not an installation, and only the file itself is given then.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")


def needed(program: str, environment: Mapping[str, str], forbidden: Iterable[Path]) -> tuple[Path, ...]:
    """What `program` needs of the machine, with the folders of PATH and the certificates that `environment` names.
    `forbidden` are folders that nothing of it may hold. Only what exists is named."""
    search = environment.get("PATH", "/usr/bin:/bin")
    folders = [Path(name) for name in search.split(":") if name.startswith("/")]
    found = [*folders, *certificates(environment)]
    for folder in folders:
        found += [*_environment_of(folder / "python"), *_prefix_of(folder)]
    where = shutil.which(program, path=search)
    if where is not None:
        found += _installation(Path(where).absolute())
    return tuple(dict.fromkeys(path for path in found if path.exists() and _is_decent(path, forbidden)))


def certificates(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Those that `environment` names and that exist."""
    named = (Path(environment[name]) for name in CERTIFICATES if name in environment)
    return tuple(path for path in named if path.is_absolute() and path.exists())


def _installation(program: Path, depth: int = 3) -> Iterator[Path]:
    """The folders of a program, of what its links lead to and of what interprets it."""
    real = program.resolve()
    yield from (program, real)
    modules = [folder for folder in real.parents if folder.name == "node_modules"]
    if modules:
        yield modules[-1]  # the topmost: packages beside it are found by climbing
    elif environment := list(_environment_of(program)):
        yield from environment
    else:
        yield real.parent
    if depth and (interpreter := _interpreter(real)) is not None and interpreter.exists():
        yield from _installation(interpreter, depth - 1)


def _environment_of(program: Path) -> Iterator[Path]:
    """The virtual environment that `program` lies in, and the Python below it."""
    settings = program.parent.parent / "pyvenv.cfg"
    try:
        lines = settings.read_text(errors="replace").splitlines()
    except OSError:
        return
    yield settings.parent
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip().startswith("/"):
            home = Path(value.strip()).resolve()
            yield home.parent if home.name == "bin" else home


def _prefix_of(folder: Path) -> Iterator[Path]:
    """What the programs of a folder of PATH stand on: the versions behind a folder of shims (pyenv, asdf), the
    libraries beside ``bin``. Folders of a home that begin with a dot hold more than that: keys, above all."""
    above = folder.parent
    of_a_home = above.parent == Path.home() and above.name.startswith(".")
    if folder.name == "shims" or (folder.name == "bin" and (above / "lib").is_dir() and not of_a_home):
        yield above


def _interpreter(script: Path) -> Path | None:
    try:
        with script.open("rb") as file:
            first = file.readline(300)
    except OSError:
        return None
    words = first[2:].decode(errors="replace").split() if first.startswith(b"#!") else []
    return Path(words[0]) if words and words[0].startswith("/") else None


def _is_decent(path: Path, forbidden: Iterable[Path]) -> bool:
    """Whether it holds none of `forbidden`, and is not a folder as wide as ``/opt``."""
    real = path.resolve()
    holds = any(folder.is_relative_to(real) or folder.is_relative_to(path) for folder in forbidden)
    return not holds and len(real.parts) > 2
