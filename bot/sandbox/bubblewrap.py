"""The argument list that puts a program into bubblewrap: pure, from what the host is like and what a run needs.

What must hold inside:

* nothing of the machine can be written but the run's own folders; nothing of it can be read but the system's programs
  (``/usr``), a few files of ``/etc`` that programs need to resolve names and check certificates, the installation of
  the agent's program, and what the operator names. ``/etc/passwd`` is one of ours; ``shadow`` and keys are not there;
* what is `hidden` (the server's data folder, its private key) is not seen, even below a folder that is;
* own process namespace: the first process in it ends last, and the kernel ends with it whatever is left. So a daemon
  with a session of its own ends too, and ``/proc`` shows nobody else. All go with bubblewrap's outer process, and that
  one with the guard, by kill -9 too;
* own user namespace without capabilities, own network unless it is open, own IPC and host name; no terminal.

The environment needs no clearing: bubblewrap is started with exactly the environment of the run, and its first
process inside shows nothing else in ``/proc/1/environ``. Secrets are never arguments: those can be read by all.

Two small shells are around it. The outer one ignores TERM, since the guard sends that to everything below it, and
bubblewrap would die of it and take the agent along before its grace; ``env`` inside makes TERM what it was. The inner
one is the first process: it waits for the agent, says what the agent left running, and ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.model.sandbox import NetworkMode

SYSTEM = (Path("/usr"), Path("/nix/store"))
"""What is the same for everybody and holds no secret."""

OF_ETC = (
    *("alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "gai.conf"),
    *("host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.conf", "localtime", "mime.types"),
    *("nsswitch.conf", "os-release", "pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem", "protocols", "resolv.conf"),
    *("services", "ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "static", "timezone"),
)

USER = 1000
"""Who the agent is inside, whoever runs the server."""

_JOIN = """\
if [ "$1" != 0 ]; then ulimit -f "$1" || exit 125; fi
shift
while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done
shift
exec "$@"
"""
"""Bound the size of a file, join the control groups that are named before the ``--``, then become the rest."""

_IGNORE = 'trap "" TERM\n'

_INSIDE = """\
if [ "$1" != 0 ]; then ulimit -p "$1" 2>/dev/null || ulimit -u "$1"; fi
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
exit $code
"""


@dataclass(frozen=True, slots=True)
class Host:
    """What the machine is like. `links` and `folders` are the entries of ``/`` that lead to programs and libraries,
    as links (with where they lead) or as folders of their own."""

    bubblewrap: Path
    links: tuple[tuple[Path, str], ...]
    folders: tuple[Path, ...]
    passwd: Path
    group: Path


@dataclass(frozen=True, slots=True)
class Room:
    """What one run needs, all of it absolute. It starts in `folder`; `temporary` is its ``/tmp`` too; `writable` and
    `readable` are its own. `machine` is what it reads of the machine besides the system; of that, and of the system,
    the folders and files that are hidden are not seen."""

    folder: Path
    temporary: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    machine: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    hidden_files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """`doors` are files of control groups, into which the run's process id is written. `file_mb` bounds each file, and
    `processes` the run's processes where the kernel counts these by user; 0 is no bound."""

    doors: tuple[Path, ...] = ()
    file_mb: int = 0
    processes: int = 0


UNLIMITED = Limits()


def limited(argv: Sequence[str], limits: Limits) -> Sequence[str]:
    """`argv` without a sandbox, within `limits`."""
    return argv if limits == UNLIMITED else _joining(_JOIN, limits, argv)


def confined(
    argv: Sequence[str], host: Host, room: Room, network: NetworkMode, limits: Limits = UNLIMITED
) -> list[str]:
    """`argv` in a sandbox, within `limits`."""
    first = ("/bin/sh", "-c", _INSIDE, "crewline", str(limits.processes))
    inner = (*first, "/usr/bin/env", "--default-signal=TERM,PIPE,XFSZ", *argv)
    sandbox = (str(host.bubblewrap), *_namespaces(network), *_files(host, room), "--", *inner)
    return _joining(_IGNORE + _JOIN, limits, sandbox)


def _joining(script: str, limits: Limits, argv: Sequence[str]) -> list[str]:
    blocks = str(limits.file_mb * 1_000_000 // 512)
    return ["/bin/sh", "-c", script, "crewline", blocks, *map(str, limits.doors), "--", *argv]


def _namespaces(network: NetworkMode) -> list[str]:
    return [
        *("--unshare-all", "--unshare-user", "--uid", str(USER), "--gid", str(USER), "--hostname", "crewline"),
        *(("--share-net",) if network is NetworkMode.OPEN else ()),
        *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
    ]


def _files(host: Host, room: Room) -> Iterator[str]:
    for path in (*SYSTEM, *host.folders):
        yield from ("--ro-bind-try", str(path), str(path))
    for link, target in host.links:
        yield from ("--symlink", target, str(link))
    for name in OF_ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--ro-bind", str(host.passwd), "/etc/passwd", "--ro-bind", str(host.group), "/etc/group")
    yield from ("--proc", "/proc", "--dev", "/dev", "--dir", "/run")
    for place in ("/tmp", "/var/tmp"):
        yield from ("--bind", str(room.temporary), place)
    machine = below_none(room.machine, (*SYSTEM, *host.folders))
    for path in machine:
        yield from ("--ro-bind-try", str(path), str(path))
    seen = (*SYSTEM, *host.folders, *machine)
    hidden = [path for path in room.hidden if _within(path, seen)]
    for path in hidden:
        yield from ("--tmpfs", str(path))
    for path in room.hidden_files:
        yield from ("--ro-bind", "/dev/null", str(path)) if _within(path, seen) else ()
    for path in room.readable:
        yield from ("--ro-bind", str(path), str(path))
    for path in room.writable:
        yield from ("--bind", str(path), str(path))
    for path in (*hidden, Path("/")):
        yield from ("--remount-ro", str(path))
    yield from ("--chdir", str(room.folder))


def below_none(paths: Iterable[Path], roots: Sequence[Path]) -> list[Path]:
    """`paths` without those that lie in one of `roots` or in another of them, parents before children."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not _within(path, (*roots, *kept)):
            kept.append(path)
    return kept


def _within(path: Path, roots: Iterable[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)
