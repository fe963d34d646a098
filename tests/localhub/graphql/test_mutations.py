"""Mutations obey the same rules as REST, run in order, and tell the same events."""

import base64

from pydantic import JsonValue

from bot.localhub.git.bare import ZERO
from bot.localhub.model.issue import open_issue
from bot.localhub.model.pull_request import open_pull_request
from tests.localhub.graphql.served import Served, at


async def test_several_mutations_in_one_request_run_in_order_and_a_refused_one_spoils_no_other(served: Served) -> None:
    parent = open_issue(served.shop, served.alice, "Sell tea")
    label = served.shop.create_label(served.alice, "task")
    answer = await served.ask(
        """mutation($repo: ID!, $parent: ID!, $label: ID!) {
          one: createIssue(input: {repositoryId: $repo, title: "Buy", parentIssueId: $parent, labelIds: [$label]}) {
            issue { number parent { number } labels(first: 5) { nodes { name } } } }
          two: createIssue(input: {repositoryId: $repo, title: ""}) { issue { number } }
          three: createIssue(input: {repositoryId: $repo, title: "Pack", parentIssueId: $parent,
            clientMutationId: "3"}) {
            clientMutationId issue { number } }
        }""",
        by="app", repo=served.shop.node_id, parent=parent.node_id, label=label.node_id,
    )  # fmt: skip
    assert at(answer.json, "data") == {
        "one": {"issue": {"number": 2, "parent": {"number": 1}, "labels": {"nodes": [{"name": "task"}]}}},
        "two": None,
        "three": {"clientMutationId": "3", "issue": {"number": 3}},
    }
    assert answer.error("path") == ["two"]
    assert answer.error("type") == "UNPROCESSABLE"
    assert answer.error("message") == "Title can't be blank"
    assert [child.title for child in parent.sub_issues] == ["Buy", "Pack"]
    told = [event.name for event in served.hub.events.log]
    assert told.count("issue.opened") == 3
    assert told.count("sub_issue.added") == 2
    assert served.hub.meter.usage.content_creating["createIssue"] == 3


async def test_an_issue_is_linked_commented_reacted_to_and_closed(served: Served) -> None:
    first, second = open_issue(served.shop, served.alice, "Buy"), open_issue(served.shop, served.alice, "Pack")
    goal = open_issue(served.shop, served.alice, "Sell tea")
    answer = await served.ask(
        """mutation($first: ID!, $second: ID!, $goal: ID!) {
          a: addSubIssue(input: {issueId: $goal, subIssueId: $first}) { issue { number } subIssue { number } }
          b: addSubIssue(input: {issueId: $goal, subIssueId: $second}) { subIssue { number } }
          c: reprioritizeSubIssue(input: {issueId: $goal, subIssueId: $second, beforeId: $first}) {
            issue { subIssues(first: 5) { nodes { number } } } }
          d: addBlockedBy(input: {issueId: $second, blockingIssueId: $first}) { blockingIssue { number } }
          e: addBlockedBy(input: {issueId: $first, blockingIssueId: $second}) { issue { number } }
          f: addComment(input: {subjectId: $first, body: "Assam?"}) { commentEdge { node { id url body } } }
          g: addReaction(input: {subjectId: $first, content: EYES}) { reaction { content } }
          h: closeIssue(input: {issueId: $first, stateReason: NOT_PLANNED}) { issue { state stateReason } }
          i: removeSubIssue(input: {issueId: $goal, subIssueId: $first}) { issue { subIssuesSummary { total } } }
          j: removeBlockedBy(input: {issueId: $second, blockingIssueId: $first}) { issue { number } }
          k: removeReaction(input: {subjectId: $first, content: EYES}) { reaction { content } }
        }""",
        by="app", first=first.node_id, second=second.node_id, goal=goal.node_id,
    )  # fmt: skip
    assert answer.error("path") == ["e"]
    assert "circular" in str(answer.error("message"))
    assert at(answer.json, "data", "c", "issue", "subIssues", "nodes") == [{"number": 2}, {"number": 1}]
    assert at(answer.json, "data", "h", "issue") == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    assert goal.sub_issues == (second,)
    assert second.blocked_by == ()
    assert first.reactions == ()
    comment = first.comments[0]
    edited = await served.ask(
        """mutation($id: ID!) { updateIssueComment(input: {id: $id, body: "Darjeeling."}) { issueComment { body } }
        deleteIssueComment(input: {id: $id}) { clientMutationId } }""",
        by="app", id=comment.node_id,
    )  # fmt: skip
    assert edited.data("updateIssueComment", "issueComment", "body") == "Darjeeling."
    assert first.comments == ()


async def test_an_app_without_the_permission_is_told_so(served: Served) -> None:
    issue = open_issue(served.shop, served.alice, "Buy")
    token = served.hub.create_installation_token(served.installation, permissions={"issues": "read"}).token
    answer = await served.ask(
        'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "x"}) { clientMutationId } }',
        token=token, id=issue.node_id,
    )  # fmt: skip
    assert answer.error("type") == "FORBIDDEN"
    assert answer.error("message") == "Resource not accessible by integration"


async def test_a_pull_request_is_made_reviewed_and_merged_only_at_the_head_that_was_seen(served: Served) -> None:
    main = await served.shop.git.branch("main")
    assert main is not None
    made = await served.ask(
        """mutation($repo: ID!, $main: GitObjectID!, $tea: Base64String!) {
          createRef(input: {repositoryId: $repo, name: "refs/heads/tea", oid: $main}) { ref { name } }
          createCommitOnBranch(input: {branch: {repositoryNameWithOwner: "alice/shop", branchName: "tea"},
            expectedHeadOid: $main, message: {headline: "Add tea"},
            fileChanges: {additions: [{path: "tea.py", contents: $tea}]}}) { commit { oid } }
          createPullRequest(input: {repositoryId: $repo, baseRefName: "main", headRefName: "tea", title: "Tea"}) {
            pullRequest { id number headRefOid changedFiles } }
        }""",
        by="app", repo=served.shop.node_id, main=main, tea=base64.b64encode(b"tea = 1\n").decode(),
    )  # fmt: skip
    head = made.text("createCommitOnBranch", "commit", "oid")
    assert made.data("createPullRequest", "pullRequest", "headRefOid") == head
    pull = made.text("createPullRequest", "pullRequest", "id")
    answer = await served.ask(
        """mutation($pull: ID!, $old: GitObjectID!, $head: GitObjectID!) {
          own: addPullRequestReview(input: {pullRequestId: $pull, event: APPROVE}) { clientMutationId }
          review: addPullRequestReview(input: {pullRequestId: $pull, event: COMMENT, body: "Fine.",
            threads: [{path: "tea.py", line: 1, body: "Strong."}]}) { pullRequestReview { state } }
          stale: mergePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $old}) { clientMutationId }
          merge: mergePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $head, mergeMethod: SQUASH}) {
            pullRequest { state mergeCommit { messageHeadline } } }
        }""",
        by="app", pull=pull, old=main, head=head,
    )  # fmt: skip
    assert answer.error("message") == "Review Can not approve your own pull request"
    assert at(answer.json, "errors", 1, "message") == "Head branch was modified. Review and try the merge again."
    assert at(answer.json, "data", "review", "pullRequestReview", "state") == "COMMENTED"
    assert at(answer.json, "data", "merge", "pullRequest") == {
        "state": "MERGED", "mergeCommit": {"messageHeadline": "Add tea (#1)"},
    }  # fmt: skip


async def test_refs_move_together_or_not_at_all(served: Served) -> None:
    main = await served.shop.git.branch("main")
    assert main is not None
    move = """mutation($repo: ID!, $updates: [RefUpdate!]!) {
        updateRefs(input: {repositoryId: $repo, refUpdates: $updates}) { clientMutationId } }"""

    def new(name: str) -> JsonValue:
        return {"name": f"refs/crewline/{name}", "beforeOid": ZERO, "afterOid": main}

    repo = served.shop.node_id
    assert (await served.ask(move, by="app", repo=repo, updates=[new("claims/1")])).data("updateRefs") is not None
    lost = await served.ask(move, by="app", repo=repo, updates=[new("claims/2"), new("claims/1")])
    assert lost.error("type") == "UNPROCESSABLE"
    assert await served.shop.git.refs("refs/crewline") == {"refs/crewline/claims/1": main}


async def test_a_stale_commit_is_refused(served: Served) -> None:
    main = await served.shop.git.branch("main")
    await served.hub.push_files(served.shop, served.alice, "main", {"new": "1"}, "Overtake")
    answer = await served.ask(
        """mutation($main: GitObjectID!) { createCommitOnBranch(input: {expectedHeadOid: $main,
        branch: {repositoryNameWithOwner: "alice/shop", branchName: "main"}, message: {headline: "x"}}) {
        commit { oid } } }""",
        main=main,
    )
    assert answer.error("type") == "STALE_DATA"


async def test_a_pull_request_is_edited_drafted_closed_and_reopened(served: Served) -> None:
    await served.hub.push_files(served.shop, served.alice, "tea", {"tea.py": "1\n"}, "Tea")
    pull = await open_pull_request(served.shop, served.alice, title="Tea", head="tea", base="main")
    answer = await served.ask(
        """mutation($pull: ID!) {
          a: updatePullRequest(input: {pullRequestId: $pull, title: "Green tea"}) { pullRequest { title } }
          b: convertPullRequestToDraft(input: {pullRequestId: $pull}) { pullRequest { isDraft } }
          c: markPullRequestReadyForReview(input: {pullRequestId: $pull}) { pullRequest { isDraft } }
          d: closePullRequest(input: {pullRequestId: $pull}) { pullRequest { state } }
          e: reopenPullRequest(input: {pullRequestId: $pull}) { pullRequest { state } }
          f: enablePullRequestAutoMerge(input: {pullRequestId: $pull}) { clientMutationId }
        }""",
        pull=pull.node_id,
    )
    assert [at(answer.json, "data", "b", "pullRequest", "isDraft"), pull.draft, pull.state] == [True, False, "open"]
    assert pull.title == "Green tea"
    assert answer.error("path") == ["f"]
