"""What container engine this machine has, tried out with the image that is set; and what an earlier server left in it.

An engine can be there and not work, keep bounds or leave them out with a warning, run as somebody else. So nothing is
believed: a container is run that says who it is, what bounds it, what is in it, and that writes a file of ours.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from bot.model.sandbox import Bounds, NetworkMode
from bot.sandbox.bubblewrap import USER, Room
from bot.sandbox.container import ENVIRONMENT, FOLDER, Engine, contained, environment_file
from bot.sandbox.written import written

KNOWN = ("podman", "docker")
_PATIENCE = 60.0
"""Seconds that a trial may take."""
_MOST = Bounds(memory_mb=200, processes=100)
"""With these bounds the trial runs."""
_CLIENT = ("HOME", "PATH", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS")
_CLIENTS = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "REGISTRY_")

_TRIAL = """\
: >"$1/here" || exit 1
shift
while read -r most </sys/fs/cgroup/memory.max || read -r most </sys/fs/cgroup/memory/memory.limit_in_bytes; do
  echo "memory $most"
  break
done 2>/dev/null
while read -r most </sys/fs/cgroup/pids.max || read -r most </sys/fs/cgroup/pids/pids.max; do
  echo "processes $most"
  break
done 2>/dev/null
for program; do if command -v "$program" >/dev/null; then echo "has $program"; fi; done
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say: the client's words, the image, what of the machine is seen, and which networks sessions
    will need."""

    engine: str = ""
    image: str = ""
    paths: tuple[Path, ...] = ()
    networks: tuple[NetworkMode, ...] = (NetworkMode.NONE,)


def client_environment() -> dict[str, str]:
    """What of the server's environment the engine's client needs: where its service is and where its files are."""
    return {name: value for name, value in os.environ.items() if name in _CLIENT or name.startswith(_CLIENTS)} | {
        "LANG": "C.UTF-8"
    }


def find_engine(wanted: Wanted, folder: Path) -> Engine | str:
    """The engine, tried out; or why none can be used. Small files of ours are written to `folder`. Raises OSError
    where that cannot be."""
    if not wanted.image:
        return "CREWLINE_CONTAINER_IMAGE is not set"
    words = shlex.split(wanted.engine) or [name for name in KNOWN if shutil.which(name)][:1]
    program = shutil.which(words[0]) if words else None
    if program is None:
        return f"there is no {words[0]} on the PATH" if words else "there is neither podman nor docker on the PATH"
    folder.mkdir(parents=True, exist_ok=True)
    if "," in str(folder.absolute()):
        return "the path of the data folder has a comma, which engines take for the end of it"
    try:
        said = _ask([program, *words[1:], "--version"]).stdout.lower()
        found = _tried((program, *words[1:]), "podman" in said, wanted, folder)
    except subprocess.TimeoutExpired:
        return f"{words[0]} is installed, but does not come to an end here"
    if isinstance(found, str):
        return f"{words[0]} is installed, but cannot run the image {wanted.image} here: {found}"
    return found


def programs_in(engine: Engine, programs: Sequence[str], paths: tuple[Path, ...], folder: Path) -> frozenset[str]:
    """Which of `programs` are there inside, where `paths` of the machine are seen."""
    said = _Trial(folder, paths).run(engine, programs)
    return frozenset(said.has) if not isinstance(said, str) else frozenset()


def end_leftovers(engine: Engine) -> int:
    """End and remove what a server that was killed left of this data folder; how many containers there were."""
    try:
        listed = _ask(engine.command("ps", "--all", "--quiet", "--filter", f"label={FOLDER}={engine.label}"))
        names = listed.stdout.split()
        if names:
            _ask(engine.command("rm", "--force", *names))
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return len(names)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the inside of a container told."""

    bounds: Bounds
    has: tuple[str, ...]


def _tried(words: tuple[str, ...], podman: bool, wanted: Wanted, folder: Path) -> Engine | str:
    """The first way to be the server's user inside that works."""
    label = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:24]
    problem, trial = "there is no way to be the server's user inside", _Trial(folder, wanted.paths)
    for user, number, group, apart in _users(podman):
        passwd, groups = _names(folder, number, group)
        engine = Engine(
            *(words, podman, wanted.image, label, passwd, groups, user, apart),
            bounded=True,
            open_files=resource.getrlimit(resource.RLIMIT_NOFILE),
            tasks=_tasks(),
        )
        said = trial.run(engine, ("git", "python3"))
        if isinstance(said, str):
            engine = replace(engine, bounded=False)
            problem, said = said, trial.run(engine, ("git", "python3"))
        if isinstance(said, str):
            continue
        return _lacks(engine, said, wanted, trial) or replace(engine, bounded=said.bounds == _MOST)
    return problem


def _lacks(engine: Engine, said: _Said, wanted: Wanted, trial: _Trial) -> str | None:
    """What the image or the engine has not that sessions will need."""
    if "git" not in said.has:
        return "there is no git in it"
    if NetworkMode.MODEL_ONLY in wanted.networks and "python3" not in said.has:
        return "there is no python3 in it, which CREWLINE_NETWORK=model-only needs"
    if NetworkMode.OPEN in wanted.networks:
        opened = trial.run(engine, network=NetworkMode.OPEN)
        return f"with the network open: {opened}" if isinstance(opened, str) else None
    return None


def _users(podman: bool) -> Iterator[tuple[tuple[str, ...], int, int, bool]]:
    """Ways to be the server's user inside, the best first: options, user and group inside, whether the namespace of
    users is its own."""
    uid, gid = os.geteuid(), os.getegid()
    inside = ("--user", f"{USER}:{USER}")
    if podman and uid == 0:
        maps = [
            word
            for kind, own in (("uidmap", uid), ("gidmap", gid))
            for word in (f"--{kind}", f"0:100000:{USER}", f"--{kind}", f"{USER}:{own}:1")
        ]
        yield (*maps, *inside), USER, USER, True
    if podman and uid != 0:
        yield (f"--userns=keep-id:uid={USER},gid={USER}", *inside), USER, USER, True
        yield ("--userns=keep-id", "--user", f"{uid}:{gid}"), uid, gid, True
    yield ("--user", f"{uid}:{gid}"), uid, gid, False
    if uid != 0:  # of a daemon that runs as the server's user, who is its root
        yield ("--user", "0:0"), 0, 0, True


def _tasks() -> int:
    """podman gives itself no more than there are numbers for processes, and what it has it cannot raise."""
    numbers = int(Path("/proc/sys/kernel/pid_max").read_text()) if Path("/proc/sys/kernel/pid_max").exists() else 32_768
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return numbers if most == resource.RLIM_INFINITY else min(numbers, most)


def _names(folder: Path, number: int, group: int) -> tuple[Path, Path]:
    nobody = "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    passwd = f"agent:x:{number}:{group}:agent:/tmp:/bin/sh\n{nobody}"
    return (
        written(folder / f"passwd-{number}", passwd),
        written(folder / f"group-{group}", f"agent:x:{group}:\nnogroup:x:65534:\n"),
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """Runs containers that say what they are. `paths` are seen inside, as they will be."""

    folder: Path
    paths: tuple[Path, ...]

    def run(self, engine: Engine, programs: Iterable[str] = (), network: NetworkMode = NetworkMode.NONE) -> _Said | str:
        """What it says; or why there is none."""
        with tempfile.TemporaryDirectory(prefix="trial-", dir=self.folder) as top:
            tree, temporary, private = (Path(top).absolute() / name for name in ("tree", "tmp", "private"))
            for place in (tree, temporary, private):
                place.mkdir()
            (private / ENVIRONMENT).write_text(environment_file({"HOME": str(tree)}))
            room = Room(tree, temporary, (tree, temporary), machine=self.paths)
            name = f"crewline-trial-{token_hex(8)}"
            argv = ("/bin/sh", "-c", _TRIAL, "trial", str(tree), *programs)
            try:
                done = _ask(contained(argv, engine, room, network, _MOST, name, private))
            except subprocess.TimeoutExpired:
                _ask(engine.command("rm", "--force", name))
                raise
            if done.returncode != 0 or not _is_ours(tree / "here"):
                return " ".join(done.stderr.split())[-300:] or "what is written inside is not the server's outside"
            return _understood(done.stdout)


def _is_ours(path: Path) -> bool:
    return path.exists() and path.stat().st_uid == os.geteuid()


def _understood(output: str) -> _Said:
    words = [line.split() for line in output.splitlines()]
    most = {name: int(value) for name, value in (pair for pair in words if len(pair) == 2) if value.isdigit()}
    page = os.sysconf("SC_PAGE_SIZE")
    kept = abs(most.get("memory", 0) - _MOST.memory_mb * 1_000_000) < page
    bounds = Bounds(memory_mb=_MOST.memory_mb * kept, processes=most.get("processes", 0))
    return _Said(bounds, tuple(pair[1] for pair in words if pair[0] == "has"))


def _ask(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        env=client_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
