"""What a try hands over: once, and again only when there is more of it."""

import io
from pathlib import Path

from rich.console import Console

from bot.demo.result import Result
from bot.demo.source import Source
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import open_issue


async def test_it_is_handed_over_again_only_if_more_was_merged(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "github")
    owner = hub.add_user("you")
    repository = await hub.create_repository(owner, "project", files={"a.txt": "a\n"})
    objective = open_issue(repository, owner, "Write notes", "")
    base = await repository.git.branch("main")
    assert base is not None
    output = io.StringIO()
    source, folder = Source(tmp_path / "project", "main", base, 0), tmp_path / "result"
    folder.mkdir()
    result = Result(repository, source, folder, base, Console(file=output, width=400))

    await result.hand_over_more()
    assert output.getvalue() == ""
    await result.hand_over()
    assert "Nothing was committed, so there is no result to fetch." in output.getvalue()
    assert list(folder.iterdir()) == []

    await hub.push_files(repository, owner, "main", {"first.txt": "1\n"}, "First")
    await result.hand_over_more()
    await result.hand_over_more()
    assert output.getvalue().count("The result, branch main") == 1
    assert (folder / "result.bundle").is_file()

    await hub.push_files(repository, owner, "crewline/1/second", {"second.txt": "2\n"}, "Second")
    await hub.push_files(repository, owner, "main", {"third.txt": "3\n"}, "Third")
    await result.hand_over_more()
    assert output.getvalue().count("The result, branch main") == 2
    assert "on these branches:\n\n  crewline/1/second\n" in output.getvalue()

    objective.close(owner, "completed")
    await hub.push_files(repository, owner, "main", {"fourth.txt": "4\n"}, "Fourth")
    await result.hand_over_more()
    assert output.getvalue().count("The result, branch main") == 3
    assert output.getvalue().count("on these branches:") == 1
