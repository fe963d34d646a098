"""A person works on pull requests with the real gh CLI."""

import pytest

from bot.localhub.model.check import CheckChange, create_check_run
from bot.localhub.model.pull_request import PullRequest, open_pull_request
from tests.localhub.gh.conftest import Shell
from tests.localhub.graphql.served import at

FIELDS = (
    "additions,assignees,author,autoMergeRequest,baseRefName,baseRefOid,body,changedFiles,closed,closedAt,"
    "closingIssuesReferences,comments,commits,createdAt,deletions,files,headRefName,headRefOid,headRepository,"
    "headRepositoryOwner,id,isCrossRepository,isDraft,labels,latestReviews,maintainerCanModify,mergeCommit,"
    "mergeStateStatus,mergeable,mergedAt,mergedBy,milestone,number,reactionGroups,reviewDecision,reviewRequests,"
    "reviews,state,statusCheckRollup,title,updatedAt,url"
)


@pytest.fixture
async def pull(shell: Shell) -> PullRequest:
    await shell.hub.push_files(shell.shop, shell.alice, "tea", {"tea.py": "tea = 1\n"}, "Add tea")
    return await open_pull_request(shell.shop, shell.alice, title="Tea", head="tea", base="main", body="In bags.")


async def test_pull_requests_are_listed_and_viewed(shell: Shell, pull: PullRequest) -> None:
    assert (await shell.gh("pr", "list")).split("\t")[:3] == ["1", "Tea", "tea"]
    assert "additions:\t1" in await shell.gh("pr", "view", "1")
    assert "In bags." in await shell.gh("pr", "view", "tea")
    found = await shell.gh_json("pr", "view", "1", "--json", FIELDS)
    assert at(found, "headRefOid") == pull.head_sha
    assert at(found, "files", 0, "path") == "tea.py"
    assert "+tea = 1" in await shell.gh("pr", "diff", "1")
    assert "#1  Tea [tea]" in await shell.gh("pr", "status", "--repo", "alice/shop")


async def test_checks_are_shown_with_their_state(shell: Shell, pull: PullRequest) -> None:
    bot = shell.installation.acting()
    await create_check_run(shell.shop, bot, pull.head_sha, CheckChange(name="verify", conclusion="success"))
    await create_check_run(shell.shop, bot, pull.head_sha, CheckChange(name="review", status="in_progress"))
    code, out, _ = await shell.run("pr", "checks", "1")
    assert code == 8, "gh's own exit code for checks that are pending"
    assert {tuple(line.split("\t")[:2]) for line in out.splitlines()} == {("verify", "pass"), ("review", "pending")}


async def test_a_pull_request_is_created_commented_and_merged(shell: Shell) -> None:
    await shell.hub.push_files(shell.shop, shell.alice, "tea", {"tea.py": "tea = 1\n"}, "Add tea")
    url = await shell.gh("pr", "create", "--title", "Tea", "--body", "In bags.", "--head", "tea", "--base", "main")
    assert url.strip() == "http://localhost/alice/shop/pull/1"
    pull = shell.shop.pull_request(1)
    await shell.gh("pr", "comment", "1", "--body", "Nice.")
    await shell.gh("pr", "edit", "1", "--title", "Green tea", "--add-label", "bug")
    await shell.gh("pr", "ready", "1", "--undo")
    assert pull.draft
    await shell.gh("pr", "ready", "1")
    await shell.gh("pr", "review", "1", "--comment", "--body", "Fine.")
    await shell.gh("pr", "merge", "1", "--squash", "--match-head-commit", pull.head_sha, "--delete-branch")
    assert pull.merged
    assert (pull.title, pull.issue.comments[0].body, pull.reviews[0].body) == ("Green tea", "Nice.", "Fine.")
    assert await shell.shop.git.branch("tea") is None


async def test_a_merge_at_another_head_is_refused(shell: Shell, pull: PullRequest) -> None:
    code, _, complaint = await shell.run("pr", "merge", "1", "--merge", "--match-head-commit", "0" * 40)
    assert code == 1
    assert "Head branch was modified" in complaint
    assert not pull.merged
