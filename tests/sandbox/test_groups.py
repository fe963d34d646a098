"""Control groups of both generations, on folders that look like them, and for real where the machine lets us."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.model.sandbox import Bounds
from bot.sandbox.groups import Group, Groups, find_groups, make_group


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own"
    file.write_text(text)
    return file


def emptied(group: Group) -> None:
    """What the kernel does by itself: files of a group do not keep it."""
    for folder in {group.memory, group.processes}:
        for file in folder.iterdir():
            file.unlink()


def test_in_the_first_generation_each_controller_has_a_group(tmp_path: Path) -> None:
    groups = Groups(tmp_path / "memory/server", tmp_path / "pids/server")
    groups.memory.mkdir(parents=True)
    groups.processes.mkdir(parents=True)
    group = make_group(groups, Bounds(memory_mb=100, processes=7))
    assert (group.memory / "memory.limit_in_bytes").read_text() == "100000000"
    assert (group.processes / "pids.max").read_text() == "7"
    assert group.doors == (group.memory / "cgroup.procs", group.processes / "cgroup.procs")
    (group.memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    (group.processes / "pids.events").write_text("max 0\n")
    assert list(group.reached()) == ["memory"]
    emptied(group)
    group.remove()
    assert not group.memory.exists()


def test_in_the_second_generation_there_is_one_beside_the_servers_own(tmp_path: Path) -> None:
    server = tmp_path / "cg/service"
    server.mkdir(parents=True)
    (server / "cgroup.subtree_control").write_text("")
    (server / "cgroup.procs").write_text("12\n13\n")
    found = find_groups(tmp_path / "cg", own(tmp_path, "0::/service\n"))
    assert found == Groups(server, server)
    assert (server / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (server / "server-of-crewline/cgroup.procs").read_text() == "13", "each process is written by itself"


@pytest.mark.parametrize("text", ["", "0::/nowhere\n", "3:memory:/a\n"])
def test_where_none_can_be_made_it_is_said(tmp_path: Path, text: str) -> None:
    found = find_groups(tmp_path, own(tmp_path, text))
    assert isinstance(found, str)
    assert found.startswith("the server may not make control groups")


def test_what_a_killed_server_left_is_removed_and_what_is_new_is_not() -> None:
    groups = find_groups()
    if isinstance(groups, str):
        pytest.skip(groups)
    old, new = make_group(groups, Bounds()), make_group(groups, Bounds())
    for folder in (old.memory, old.processes):
        os.utime(folder, (0, 0))
    find_groups()
    there = [old.memory.exists(), new.memory.exists()]
    old.remove()
    new.remove()
    assert there == [False, True]


def test_an_empty_group_serves_the_next_run_and_one_that_was_full_does_not(tmp_path: Path) -> None:
    groups = Groups(tmp_path / "memory", tmp_path / "pids")
    for folder in (groups.memory, groups.processes):
        folder.mkdir()
    bounds = Bounds(memory_mb=100, processes=7)
    groups.prepare(bounds, 1)
    first = groups.take(bounds)
    for door in first.doors:
        door.write_text("")
    groups.give_back(first, bounds)
    assert groups.take(bounds) == first
    other = groups.take(Bounds(memory_mb=200))
    assert other != first, "its bounds are others"
    (first.processes / "pids.events").write_text("max 3\n")
    groups.give_back(first, bounds)
    assert groups.take(bounds) != first, "its run came up against a bound"


def test_a_spare_group_that_somebody_removed_is_not_handed_out(tmp_path: Path) -> None:
    groups = Groups(tmp_path, tmp_path)
    bounds = Bounds(processes=7)
    groups.prepare(bounds, 1)
    [[gone]] = groups.spare.values()
    emptied(gone)
    gone.remove()
    taken = groups.take(bounds)
    assert taken != gone
    assert taken.memory.is_dir()
