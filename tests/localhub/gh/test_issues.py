"""A person works on issues with the real gh CLI."""

from bot.localhub.model.issue import open_issue
from bot.localhub.model.issue_links import add_sub_issue, block
from tests.localhub.gh.conftest import Shell
from tests.localhub.graphql.served import at


async def test_issues_are_listed_and_viewed(shell: Shell) -> None:
    goal = open_issue(shell.shop, shell.alice, "Sell tea", "In **bags**.", labels=["enhancement"])
    first, second = open_issue(shell.shop, shell.alice, "Buy tea"), open_issue(shell.shop, shell.alice, "Pack tea")
    for task in (first, second):
        add_sub_issue(goal, shell.alice, task)
    block(second, shell.alice, first)
    second.comment(shell.installation.acting(), "Waiting for the tea.")

    listed = await shell.gh("issue", "list")
    assert [line.split("\t")[:3] for line in listed.splitlines()] == [
        ["3", "OPEN", "Pack tea"], ["2", "OPEN", "Buy tea"], ["1", "OPEN", "Sell tea"],
    ]  # fmt: skip
    assert "Sell tea" in await shell.gh("issue", "list", "--label", "enhancement")
    assert await shell.gh_json("issue", "list", "--search", "pack", "--json", "number") == [{"number": 3}]
    viewed = await shell.gh("issue", "view", "1")
    assert "sub-issues-completed:\t0/2" in viewed
    assert "In **bags**." in viewed
    assert "Waiting for the tea." in await shell.gh("issue", "view", "3", "--comments")
    fields = "number,state,blockedBy,parent,comments,labels,subIssuesSummary,closedByPullRequestsReferences"
    found = await shell.gh_json("issue", "view", "3", "--json", fields)
    assert at(found, "blockedBy", "nodes", 0, "number") == 2
    assert at(found, "parent", "number") == 1


async def test_an_issue_is_created_edited_commented_and_closed(shell: Shell) -> None:
    url = await shell.gh("issue", "create", "--title", "Tea", "--body", "Please.", "--label", "bug")
    assert url.strip() == "http://localhost/alice/shop/issues/1"
    await shell.gh("issue", "edit", "1", "--title", "Green tea", "--add-label", "question", "--remove-label", "bug")
    await shell.gh("issue", "edit", "1", "--add-assignee", "alice")
    await shell.gh("issue", "comment", "1", "--body", "/retry")
    await shell.gh("issue", "close", "1", "--reason", "not planned", "--comment", "No.")
    issue = shell.shop.issue(1)
    assert (issue.title, [label.name for label in issue.labels]) == ("Green tea", ["question"])
    assert [comment.body for comment in issue.comments] == ["/retry", "No."]
    assert issue.assignees == (shell.alice,)
    assert (issue.state, issue.state_reason) == ("closed", "not_planned")
    await shell.gh("issue", "reopen", "1")
    assert issue.state == "open"


async def test_links_are_made_and_taken_back(shell: Shell) -> None:
    open_issue(shell.shop, shell.alice, "Sell tea")
    await shell.gh("issue", "create", "--title", "Buy", "--body", "", "--parent", "1")
    await shell.gh("issue", "create", "--title", "Pack", "--body", "", "--parent", "1", "--blocked-by", "2")
    goal, first, second = (shell.shop.issue(number) for number in (1, 2, 3))
    assert list(goal.sub_issues) == [first, second]
    assert list(second.blocked_by) == [first]
    await shell.gh("issue", "edit", "3", "--remove-blocked-by", "2")
    await shell.gh("issue", "edit", "1", "--remove-sub-issue", "3")
    assert list(second.blocked_by) == []
    assert list(goal.sub_issues) == [first]


async def test_an_issue_that_is_not_there_is_refused_in_github_s_words(shell: Shell) -> None:
    code, _, complaint = await shell.run("issue", "view", "7")
    assert code == 1
    assert "Could not resolve to an issue or pull request with the number of 7." in complaint


async def test_labels_and_the_repository_are_shown(shell: Shell) -> None:
    await shell.gh("label", "create", "crewline", "--color", "0e8a16", "--description", "Hand it over")
    assert "crewline\tHand it over\t#0e8a16" in await shell.gh("label", "list")
    assert await shell.gh_json("repo", "view", "alice/shop", "--json", "nameWithOwner,defaultBranchRef,visibility") == {
        "nameWithOwner": "alice/shop", "defaultBranchRef": {"name": "main"}, "visibility": "PUBLIC",
    }  # fmt: skip
    assert at(await shell.gh_json("api", "repos/alice/shop"), "full_name") == "alice/shop"
    assert await shell.gh_json("api", "graphql", "-f", "query={viewer{login}}") == {
        "data": {"viewer": {"login": "alice"}}
    }
