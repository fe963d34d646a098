"""`crewline demo`, run for real: a localhub, a server process, agents, and nothing left of them."""

import re
import signal
import subprocess
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.demo.crewline import started
from tests.localhub.gh.binary import GH


def answers(page: str) -> bool:
    with build_opener(ProxyHandler({})).open(page, timeout=20) as response:
        return response.status == 200 and b"<html" in response.read()


def test_the_demo_ends_by_itself_with_everything_merged(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as demo:
        assert demo.end() == 0, demo.output
        assert "8 of 8 tasks merged; 1 needed a second attempt." in demo.output
        assert "the review asks for changes" in demo.output
        assert "waits for needs, listing, export" in demo.output
        assert "No model is asked." in demo.output
        assert "`python3 -m unittest -q`: pass" in demo.output
        assert re.search(r"POST /repos/{owner}/{repo}/pulls +│ +8 │ +40 │", demo.output), "requests, and points: 5 each"
        assert demo.left() == []
    assert list(tmp_path.glob("crewline-demo-*")) == []


@pytest.mark.parametrize("moment", ["A GitHub of its own runs at", ": planning", ": working", ": in review"])
def test_ctrl_c_stops_everything(tmp_path: Path, moment: str) -> None:
    with started(tmp_path, "demo") as demo:
        demo.until(moment)
        demo.process.send_signal(signal.SIGINT)
        assert demo.end(30) == 130
        assert "nothing is left running" in demo.output
        assert "Traceback" not in demo.output
        assert demo.left() == []
    assert list(tmp_path.glob("crewline-demo-*")) == []


def test_a_demo_that_does_not_get_done_says_what_is_stuck(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--minutes", "0.06") as demo:
        assert demo.end(40) == 1
        assert "It did not get done: time is up after 0.06 minutes" in demo.output
        assert "The status comment of the objective says:" in demo.output
        assert "The end of the server's log:" in demo.output
        assert demo.left() == []


def test_a_demo_that_is_kept_stays_up_until_ctrl_c(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--keep", "--minutes", "0.06") as demo:
        demo.until("Ctrl-C ends everything.", 90)
        assert "Both servers stay up." in demo.output
        assert any("bot serve" in line for line in demo.left())
        pages = set(re.findall(r"^  [a-zA-Z' ]+ (http://\S+)$", demo.output, re.MULTILINE))
        assert len(pages) == 5
        for page in pages:
            assert answers(page), page
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end(30) == 130
        assert demo.left() == []


def test_a_localhub_by_itself_says_how_to_drive_it_and_how_to_run_crewline_against_it(tmp_path: Path) -> None:
    with started(tmp_path, "localhub", "--port", "0") as hub:
        hub.until("Ctrl-C ends it")
        variables = dict(re.findall(r"(CREWLINE_\w+)=(\S+)", hub.output))
        (export,) = (line for line in hub.output.splitlines() if "GH_CONFIG_DIR=" in line)
        listed = subprocess.run(
            ("sh", "-c", f"{export}; '{GH}' issue create --title Wish --body ''; '{GH}' issue list"),
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GH_PROMPT_DISABLED": "1"},
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert "Wish" in listed.stdout, listed.stderr
        with started(tmp_path, "serve", CREWLINE_PORT="0", **variables) as server:
            server.until("crewline is ready at http://127.0.0.1:")
            server.process.send_signal(signal.SIGTERM)
            assert server.end(20) == 0, server.output
        hub.process.send_signal(signal.SIGINT)
        assert hub.end(20) == 0
        assert hub.left() == []
