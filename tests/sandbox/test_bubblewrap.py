"""The argument list of a sandbox, written out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from bot.model.sandbox import NetworkMode
from bot.sandbox.bubblewrap import OF_ETC, Host, Limits, Room, below_none, confined, limited

HOST = Host(
    Path("/usr/bin/bwrap"),
    links=((Path("/bin"), "usr/bin"), (Path("/lib"), "usr/lib")),
    folders=(Path("/lib64"),),
    passwd=Path("/data/sandbox/passwd"),
    group=Path("/data/sandbox/group"),
)
ROOM = Room(
    folder=Path("/data/work/s/tree"),
    temporary=Path("/data/work/s/tmp"),
    writable=(Path("/data/work/s/tree"), Path("/data/work/s/home")),
    readable=(Path("/data/mirror.git/objects"),),
    machine=(Path("/opt/agent"),),
    hidden=(Path("/data"),),
    hidden_files=(Path("/etc/crewline/key.pem"),),
)


def bwrap_part(argv: list[str]) -> list[str]:
    """What stands between the program bwrap and the end of its options."""
    begin = argv.index("/usr/bin/bwrap")
    return argv[begin + 1 : argv.index("--", begin)]


def test_the_whole_list() -> None:
    etc = [word for name in OF_ETC for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
    assert bwrap_part(confined(["claude", "-p", "x"], HOST, ROOM, NetworkMode.NONE)) == [
        *("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "crewline"),
        *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
        *("--ro-bind-try", "/usr", "/usr", "--ro-bind-try", "/nix/store", "/nix/store"),
        *("--ro-bind-try", "/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"),
        *etc,
        *("--ro-bind", "/data/sandbox/passwd", "/etc/passwd", "--ro-bind", "/data/sandbox/group", "/etc/group"),
        *("--proc", "/proc", "--dev", "/dev", "--dir", "/run"),
        *("--bind", "/data/work/s/tmp", "/tmp", "--bind", "/data/work/s/tmp", "/var/tmp"),
        *("--ro-bind-try", "/opt/agent", "/opt/agent"),
        *("--ro-bind", "/data/mirror.git/objects", "/data/mirror.git/objects"),
        *("--bind", "/data/work/s/tree", "/data/work/s/tree", "--bind", "/data/work/s/home", "/data/work/s/home"),
        *("--remount-ro", "/", "--chdir", "/data/work/s/tree"),
    ]


def test_only_an_open_network_is_shared() -> None:
    shared = {mode: "--share-net" in confined(["true"], HOST, ROOM, mode) for mode in NetworkMode}
    assert shared == {NetworkMode.NONE: False, NetworkMode.MODEL_ONLY: False, NetworkMode.OPEN: True}


def test_the_servers_folder_and_key_are_masked_where_they_lie_in_something_that_is_seen() -> None:
    room = Room(
        **{name: getattr(ROOM, name) for name in ("folder", "temporary", "writable", "readable")},
        machine=(Path("/data"),),
        hidden=(Path("/data/crewline"),),
        hidden_files=(Path("/usr/local/key.pem"),),
    )
    options = bwrap_part(confined(["true"], HOST, room, NetworkMode.NONE))
    assert ("--tmpfs", "/data/crewline") in list(pairwise(options))
    masked, tree = options.index("/usr/local/key.pem"), options.index("/data/work/s/tree")
    assert options[masked - 2 : masked] == ["--ro-bind", "/dev/null"]
    assert options.index("/data/crewline") < tree, "the run's own folders come after, on top"
    assert ("--remount-ro", "/data/crewline") in list(pairwise(options))


def test_nothing_shadowy_of_etc_is_seen() -> None:
    assert not any(word in name for name in OF_ETC for word in ("shadow", "ssh", "private", "sudoers", "machine-id"))


def test_limits_come_before_the_sandbox_and_without_one_too() -> None:
    limits = Limits(doors=(Path("/sys/fs/cgroup/x/cgroup.procs"),), file_mb=512, processes=7)
    argv = confined(["true"], HOST, ROOM, NetworkMode.NONE, limits)
    assert argv[4:7] == ["1000000", "/sys/fs/cgroup/x/cgroup.procs", "--"]
    assert argv[-5:] == ["crewline", "7", "/usr/bin/env", "--default-signal=TERM,PIPE,XFSZ", "true"]
    assert list(limited(["true"], limits))[4:] == ["1000000", "/sys/fs/cgroup/x/cgroup.procs", "--", "true"]
    assert limited(["true"], Limits()) == ["true"]


def test_what_lies_in_something_else_is_named_once() -> None:
    paths = [Path("/opt/b/c"), Path("/opt/b"), Path("/usr/lib/x"), Path("/opt/bc")]
    assert below_none(paths, (Path("/usr"),)) == [Path("/opt/b"), Path("/opt/bc")]
