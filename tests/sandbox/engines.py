"""A container engine that works here, with an image that is nothing but the folders of a system: what is in them is
this machine's, read-only. podman keeps it in a storage of its own, so nothing of the machine's is touched."""

from __future__ import annotations

import atexit
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from bot.model.sandbox import NetworkMode
from bot.sandbox.container import Engine
from bot.sandbox.engine import Wanted, client_environment, find_engine

IMAGE = "localhost/crewline-test"
ROOT = Path(__file__).parents[2]
NETWORKS = (NetworkMode.NONE, NetworkMode.MODEL_ONLY)


@dataclass(frozen=True)
class Offered:
    """What the settings have to say. `paths` are the system and the Python that tests run with."""

    engine: Engine
    words: str
    image: str = IMAGE

    @property
    def paths(self) -> tuple[Path, ...]:
        return system()

    def with_programs(self, folder: Path) -> Offered:
        """With an image that finds programs in a folder of this machine first."""
        image, path = f"{IMAGE}-{folder.parent.name.lower()}", f"ENV PATH={folder}:/usr/local/bin:/usr/bin:/bin"
        words = [*self.words.split(), "import", "--change", path, "-", image]
        subprocess.run(words, input=skeleton(), capture_output=True, check=True, env=client_environment())
        return replace(self, image=image)


def system() -> tuple[Path, ...]:
    found = [Path("/usr"), Path(sys.prefix), Path(sys.base_prefix), ROOT / "bot"]
    return tuple(dict.fromkeys(path for path in found if path == Path("/usr") or not path.is_relative_to("/usr")))


def skeleton() -> bytes:
    """The image, as a tar file."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in ("usr", "tmp", "var/tmp", "proc", "sys", "dev", "etc", "run"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if (Path("/") / name).is_symlink():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, str((Path("/") / name).readlink())
                tar.addfile(link)
    return content.getvalue()


def container(name: str) -> Offered:
    """The engine called `name`; the test is skipped where it does not work, and says why."""
    found = _offered(name)
    if isinstance(found, str):
        pytest.skip(f"no container can be run here: {found}; install podman, or start docker, to run this test")
    return found


@cache
def _offered(name: str) -> Offered | str:
    if shutil.which(name) is None:
        return f"{name} is not installed"
    problem = ""
    for words in _ways(name):
        made = subprocess.run(
            [*words, "import", "-", IMAGE], input=skeleton(), capture_output=True, check=False, env=client_environment()
        )
        if made.returncode != 0:
            return f"{name} takes no image: {made.stderr.decode(errors='replace').strip()[-200:]}"
        folder = _fleeting("crewline-trial-")
        found = find_engine(Wanted(" ".join(words), IMAGE, system(), NETWORKS), folder)
        if isinstance(found, Engine):
            return Offered(found, " ".join(words))
        problem = found
    return problem


def _fleeting(prefix: str) -> Path:
    """A folder that goes with the tests' process."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _ways(name: str) -> Iterator[list[str]]:
    if name != "podman":
        yield [name]
        return
    top = _fleeting("crewline-podman-")
    own = ["podman", "--root", str(top / "storage"), "--runroot", str(top / "run"), "--storage-driver", "vfs"]
    for runtime in ("runc", "crun"):
        if shutil.which(runtime):
            yield [*own, "--runtime", runtime]
