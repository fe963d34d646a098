"""What a program needs of the machine, found from its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.installed import needed


def program(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_node_program_brings_the_topmost_folder_of_modules_and_its_interpreter(tmp_path: Path) -> None:
    modules = tmp_path / "lib/node_modules"
    node = program(tmp_path / "node/bin/node")
    real = program(modules / "agent/node_modules/inner/cli.js", f"#!{node}\n")
    link = tmp_path / "bin/agent"
    link.parent.mkdir()
    link.symlink_to(real)
    found = needed("agent", {"PATH": str(link.parent)}, ())
    assert {link.parent, modules, node.parent} <= set(found)
    assert modules / "agent/node_modules" not in found


def test_a_program_of_a_virtual_environment_brings_it_and_its_python(tmp_path: Path) -> None:
    home = program(tmp_path / "python/bin/python3").parent
    mini = program(tmp_path / "tools/mini/bin/mini")
    (tmp_path / "tools/mini/pyvenv.cfg").write_text(f"home = {home}\nversion = 3.12\n")
    found = needed(str(mini), {"PATH": "/usr/bin"}, ())
    assert {tmp_path / "tools/mini", tmp_path / "python"} <= set(found)


def test_shims_bring_the_versions_behind_them(tmp_path: Path) -> None:
    shims = program(tmp_path / ".pyenv/shims/python3").parent
    assert tmp_path / ".pyenv" in needed("true", {"PATH": f"{shims}:/usr/bin"}, ())


def test_a_folder_that_holds_a_home_is_never_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "people/ada"
    monkeypatch.setattr(Path, "home", lambda: home)
    agent = program(home / "agent")
    local = program(home / ".local/bin/other").parent
    (home / ".local/lib").mkdir()
    found = needed(str(agent), {"PATH": str(local)}, (home,))
    assert agent in found
    assert local in found
    assert not {home, home / ".local", tmp_path / "people"} & set(found)


def test_certificates_that_the_environment_names_are_seen(tmp_path: Path) -> None:
    file = program(tmp_path / "ca.pem")
    assert file in needed("true", {"PATH": "/usr/bin", "SSL_CERT_FILE": str(file)}, ())
