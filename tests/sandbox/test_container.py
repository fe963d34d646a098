"""The argument list of a container, written out; what engines say; and what is left when a server dies."""

from __future__ import annotations

import asyncio
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from bot.model.sandbox import Bounds, NetworkMode
from bot.sandbox.bubblewrap import Room
from bot.sandbox.container import Engine, contained, environment_file
from bot.sandbox.container_run import ContainerRun
from bot.sandbox.engine import Wanted, client_environment, end_leftovers, find_engine, programs_in
from bot.sessions.process import run_guarded
from tests.sandbox.engines import Offered, container

PODMAN = Engine(
    ("/usr/bin/podman",),
    podman=True,
    image="agents",
    label="4711",
    passwd=Path("/data/sandbox/passwd"),
    group=Path("/data/sandbox/group"),
    user=("--userns=keep-id", "--user", "1000:1000"),
    bounded=True,
)
DOCKER = Engine(
    ("/usr/bin/docker", "--context", "x"),
    podman=False,
    image="agents",
    label="4711",
    passwd=PODMAN.passwd,
    group=PODMAN.group,
    user=("--user", "0:0"),
)
ROOM = Room(
    folder=Path("/data/work/s/tree"),
    temporary=Path("/data/work/s/tmp"),
    writable=(Path("/data/work/s/tree"), Path("/data/work/s/home")),
    readable=(Path("/data/mirror.git/objects"),),
    machine=(Path("/opt/sdk"), Path("/opt/sdk/more")),
    hidden=(Path("/data"), Path("/opt/sdk/data")),
    hidden_files=(Path("/opt/sdk/key.pem"), Path("/etc/key.pem")),
)
BOUNDS = Bounds(memory_mb=100, processes=7, disk_mb=3)
PRIVATE = Path("/tmp/crewline-1")


def options(engine: Engine, network: NetworkMode = NetworkMode.NONE) -> list[str]:
    """What the engine's client is told before the image."""
    argv = contained(["claude", "-p", "x"], engine, ROOM, network, BOUNDS, "crewline-1", PRIVATE, "12.parser.worker.1")
    begin = argv.index("crewline") + 1
    return argv[begin : argv.index("agents", begin)]


def bound(source: str, target: str | None = None, end: str = "") -> tuple[str, str]:
    return ("--mount", f"type=bind,src={source},dst={target or source}{end}")


def test_the_whole_list() -> None:
    ro = ",readonly"
    assert options(PODMAN) == [
        *("run", "--rm", "--pull", "never", "--name", "crewline-1", "--hostname", "crewline"),
        *("--conmon-pidfile", "/tmp/crewline-1/monitor"),
        *("--label", "crewline.folder=4711", "--label", "crewline.session=12.parser.worker.1"),
        *("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
        *("--security-opt", "label=disable", "--log-driver", "none", "--read-only-tmpfs=false"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=32768:32768", "--ulimit", "fsize=3000000"),
        *("--memory", "100000000b", "--memory-swap", "100000000b", "--pids-limit", "7"),
        *("--userns=keep-id", "--user", "1000:1000", "--network", "none"),
        *bound("/data/sandbox/passwd", "/etc/passwd", ro),
        *bound("/data/sandbox/group", "/etc/group", ro),
        *bound("/data/work/s/tmp", "/tmp"),
        *bound("/data/work/s/tmp", "/var/tmp"),
        *bound("/opt/sdk", end=ro),
        *("--mount", "type=tmpfs,dst=/opt/sdk/data,tmpfs-size=65536"),
        *bound("/dev/null", "/opt/sdk/key.pem", ro),
        *bound("/data/mirror.git/objects", end=ro),
        *bound("/data/work/s/home"),
        *bound("/data/work/s/tree"),
        *bound("/tmp/crewline-1"),
        *("--workdir", "/data/work/s/tree", "--entrypoint", "/bin/sh"),
    ]


def test_an_engine_that_cannot_bound_is_not_asked_to() -> None:
    assert not {"--memory", "--pids-limit", "--conmon-pidfile", "--read-only-tmpfs=false"} & set(options(DOCKER))


def test_only_an_open_network_is_the_engines_own() -> None:
    without = {mode: ("--network", "none") in pairwise(options(PODMAN, mode)) for mode in NetworkMode}
    assert without == {NetworkMode.NONE: True, NetworkMode.MODEL_ONLY: True, NetworkMode.OPEN: False}


def test_the_environment_is_no_argument_and_keeps_lines_and_quotes(tmp_path: Path) -> None:
    text = environment_file({"KEY": "it's\n$HOME `x`", "PATH": "/ours"})
    (tmp_path / "environment").write_text(text)
    script = '. "$1"; printf %s "$KEY"; test "$PATH" = /images'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "x", str(tmp_path / "environment")],
        env={"PATH": "/images"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "it's\n$HOME `x`"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(), "CREWLINE_CONTAINER_IMAGE is not set"),
        (Wanted("no-such-engine", "x"), "there is no no-such-engine on the PATH"),
        (Wanted("false", "x"), "false is installed, but cannot run the image x here"),
    ],
)
def test_what_cannot_be_had_is_said(wanted: Wanted, said: str, tmp_path: Path) -> None:
    assert said in str(find_engine(wanted, tmp_path))


# For real, where an engine is there


@pytest.fixture(params=["podman", "docker"])
def offered(request: pytest.FixtureRequest) -> Offered:
    return container(str(request.param))


@pytest.fixture
def room(tmp_path: Path, offered: Offered) -> Room:
    for name in ("tree", "tmp"):
        (tmp_path / name).mkdir()
    return Room(tmp_path / "tree", tmp_path / "tmp", (tmp_path / "tree", tmp_path / "tmp"), machine=offered.paths)


def listed(engine: Engine) -> list[str]:
    done = subprocess.run(
        engine.command("ps", "--all", "--quiet", "--filter", f"label=crewline.folder={engine.label}"),
        env=client_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_what_the_image_has_is_found(offered: Offered, tmp_path: Path) -> None:
    assert programs_in(offered.engine, ("git", "no-such-agent"), offered.paths, tmp_path) == {"git"}


def test_an_image_that_is_not_there_is_not_fetched(offered: Offered, tmp_path: Path) -> None:
    found = find_engine(Wanted(offered.words, "localhost/crewline-none", offered.paths), tmp_path)
    assert "cannot run the image localhost/crewline-none here" in str(found)


async def test_a_run_that_is_stopped_has_its_grace_and_leaves_nothing(offered: Offered, room: Room) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(data: bytes) -> None:
        if not ready.done():
            ready.set_result(None)

    program = 'trap "echo tidy >tidied; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
    async with ContainerRun(offered.engine, {"CREWLINE_SESSION": "1.x.worker.1"}) as run:
        argv = run.argv(["/bin/sh", "-c", program], room, NetworkMode.NONE, Bounds())
        ending = await run_guarded(
            argv, folder=room.folder, environment=run.environment, seconds=60, on_output=hear, enough=ready
        )
    assert (room.folder / "tidied").read_text() == "tidy\n"
    assert ending.leftover == 0
    assert listed(offered.engine) == []
    assert not run.folder.exists()


async def test_what_ignores_term_is_ended_by_name_and_what_a_dead_server_left_too(offered: Offered, room: Room) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    program = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
    run = ContainerRun(offered.engine, {})
    await run.__aenter__()
    await run_guarded(
        run.argv(["/bin/sh", "-c", program], room, NetworkMode.NONE, Bounds()),
        folder=room.folder,
        environment=run.environment,
        seconds=60,
        on_output=lambda data: None if ready.done() else ready.set_result(None),
        grace=0.0,  # as if the whole server had been killed: nobody is left to end the container by its name
        enough=ready,
    )
    end_leftovers(offered.engine)
    assert listed(offered.engine) == []
    run.ended_well = True
    await run.__aexit__(None, None, None)
