"""The argument list that puts a program into a container: pure, from what the engine is like and what a run needs.

What must hold inside is what holds in bubblewrap (see there), by the engine's means: the image's system read-only, the
run's own folders writable, no capabilities, no way to gain any, the engine's own list of system calls, own processes,
host name and network. Of the machine nothing is seen but the run's folders and what the operator names; programs come
from the image. The one inside is the server's user outside, so that either can write the other's files.

Three things differ. *The program is no child of ours*: podman's monitor detaches itself, docker's daemon starts it. So
a container is ended by its name: by the shell around the engine's client when TERM comes, by the server when that did
not suffice, and by the next server's start when this one was killed. *The environment* would stand in the engine's
files and in what `inspect` shows. It is written to a file that only the run sees, which the first shell inside reads;
`PATH` is the image's own. *What was reached* of the engine's bounds only the inside can tell once it is over: control
groups go with their container. The same shell reads them last.

A client that ended is not the end: podman's monitor still tidies up, and the guard would kill it in the middle of that.
So it is waited for, by the file with its process id.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.model.sandbox import Bounds, NetworkMode
from bot.sandbox.bubblewrap import Room, below_none

PATIENCE = 3.5
"""Seconds after TERM in which a container may end by itself; a little less than the guard gives all."""
FOLDER = "crewline.folder"
"""The label with which a server finds what an earlier one left in its data folder."""
SESSION = "crewline.session"
ENVIRONMENT = "environment"
SAID = "said"
MONITOR = "monitor"
"""Files in the run's private folder: what the first shell reads, what it says, who watches over the container."""

_OUTSIDE = """\
exec 3>&2 2>/dev/null
told=
trap told=1 TERM
{run} "$@" 2>&3 3>&- &
client=$!
wait $client
code=$?
if [ -n "$told" ]; then
  {term}
  (
    sleep {patience} &
    sleeper=$!
    trap "kill $sleeper; exit" TERM
    wait $sleeper
    exec {remove}
  ) >/dev/null 3>&- &
  killer=$!
  wait $client
  code=$?
  kill $killer
  wait $killer
fi
left=500
while [ $left -gt 0 ] && [ -s {monitor} ] && kill -0 "$(cat {monitor})"; do
  sleep 0.02
  left=$((left - 1))
done
exit $code
"""

_INSIDE = """\
. "$1/environment"
said=$1/said
: >"$said"
shift
"$@"
code=$?
left=0 names=
for folder in /proc/[0-9]*; do
  if [ "$folder" = /proc/1 ] || ! read -r line <"$folder/stat"; then continue; fi
  case ${line##*) } in Z*|X*) continue ;; esac
  left=$((left + 1))
  name=${line#*(}
  if [ $left -le 10 ]; then names="$names ${name%)*}"; fi
done 2>/dev/null
if [ $left -gt 0 ]; then echo "crewline: $left processes that it left were ended:$names" >&2; fi
reached() {
  while read -r key value; do
    if [ "$key" = "$2" ] && [ "$value" != 0 ]; then echo "$1" >>"$said"; fi
  done <"$3"
}
top=/sys/fs/cgroup
{
  reached memory oom_kill $top/memory.events || reached memory oom_kill $top/memory/memory.oom_control
  reached processes max $top/pids.events || reached processes max $top/pids/pids.events
} 2>/dev/null
exit $code
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs containers here. `words` start its client (the program by its whole path, then options of its own);
    `user` are the options that make the one inside the server's user; `apart` says that he has a user namespace of his
    own. `bounded` says that the engine's bounds hold here. `open_files` (soft, hard) and `tasks` are the server's own
    limits, which an engine would try to raise. `label` names the data folder."""

    words: tuple[str, ...]
    podman: bool
    image: str
    label: str
    passwd: Path
    group: Path
    user: tuple[str, ...]
    apart: bool = False
    bounded: bool = False
    open_files: tuple[int, int] = (1024, 1024)
    tasks: int = 32_768

    @property
    def name(self) -> str:
        return "podman" if self.podman else "docker"

    def command(self, *arguments: str) -> list[str]:
        return [*self.words, *arguments]


def contained(
    argv: Sequence[str],
    engine: Engine,
    room: Room,
    network: NetworkMode,
    bounds: Bounds,
    name: str,
    folder: Path,
    session: str = "",
) -> list[str]:
    """`argv` in a container called `name`. `folder` is private to the run: its environment, and what is said of it."""
    monitor = ("--conmon-pidfile", str(folder / MONITOR)) if engine.podman else ()
    run = [
        *engine.command("run", "--rm", "--pull", "never", "--name", name, "--hostname", "crewline", *monitor),
        *("--label", f"{FOLDER}={engine.label}", "--label", f"{SESSION}={session}"),
        *_held(engine, bounds),
        *(() if network is NetworkMode.OPEN else ("--network", "none")),
        *_files(engine, room, folder),
        *("--workdir", str(room.folder), "--entrypoint", "/bin/sh", engine.image),
        *("-c", _INSIDE, "crewline", str(folder), *argv),
    ]
    return ["/bin/sh", "-c", _outside(engine, name, folder), "crewline", *run[len(engine.words) :]]


def _outside(engine: Engine, name: str, folder: Path) -> str:
    """docker hands a TERM to the first process alone, which no signal reaches; podman's processes are all below the
    guard, which sends it to each."""
    everybody = engine.command("exec", name, "/bin/sh", "-c", "kill -TERM -1")
    return _OUTSIDE.format(
        run=shlex.join(engine.words),
        term=":" if engine.podman else f"{shlex.join(everybody)} >/dev/null",
        patience=PATIENCE,
        remove=shlex.join(engine.command("rm", "--force", name)),
        monitor=shlex.quote(str(folder / MONITOR)),
    )


def environment_file(environment: Mapping[str, str]) -> str:
    """What the first shell inside reads."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items() if name != "PATH")


def _held(engine: Engine, bounds: Bounds) -> list[str]:
    soft, hard = engine.open_files
    memory = f"{bounds.memory_mb * 1_000_000}b"
    return [
        *("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--security-opt", "label=disable", "--log-driver", "none"),
        *(("--read-only-tmpfs=false",) if engine.podman else ()),
        *("--ulimit", f"nofile={soft}:{hard}", "--ulimit", f"nproc={engine.tasks}:{engine.tasks}"),
        *(("--ulimit", f"fsize={bounds.disk_mb * 1_000_000}") if bounds.disk_mb else ()),
        *(("--memory", memory, "--memory-swap", memory) if bounds.memory_mb and engine.bounded else ()),
        *(("--pids-limit", str(bounds.processes)) if bounds.processes and engine.bounded else ()),
        *engine.user,
    ]


def _files(engine: Engine, room: Room, folder: Path) -> Iterator[str]:
    """The engine sorts them: what lies in something else comes on top of it."""
    yield from _bound(engine.passwd, Path("/etc/passwd"), readonly=True)
    yield from _bound(engine.group, Path("/etc/group"), readonly=True)
    for place in ("/tmp", "/var/tmp"):
        yield from _bound(room.temporary, Path(place))
    machine = below_none(room.machine, ())
    for path in machine:
        yield from _bound(path, path, readonly=True)
    for path in room.hidden:
        if any(path.is_relative_to(seen) for seen in machine):
            yield from ("--mount", f"type=tmpfs,dst={path},tmpfs-size=65536")
    for path in room.hidden_files:
        if any(path.is_relative_to(seen) for seen in machine):
            yield from _bound(Path("/dev/null"), path, readonly=True)
    for path in below_none(room.readable, ()):
        yield from _bound(path, path, readonly=True)
    for path in (*below_none(room.writable, ()), folder):
        yield from _bound(path, path)


def _bound(source: Path, target: Path, *, readonly: bool = False) -> tuple[str, str]:
    return ("--mount", f"type=bind,src={source},dst={target}{',readonly' if readonly else ''}")
