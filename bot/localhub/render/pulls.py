"""Pull requests, reviews and their comments."""

from bot.localhub.git.files import FileDiff
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.review import Review, ReviewComment
from bot.localhub.model.rules import mergeable_state
from bot.localhub.render.accounts import user_json
from bot.localhub.render.issues import issue_page, issue_url, rollup_json, users_json
from bot.localhub.render.json import Json, JsonObject, old_version, time, time_or_null
from bot.localhub.render.repositories import labels_json, milestone_json, page_url, repository_json, repository_url


def pull_url(pull: PullRequest) -> str:
    """Its address in the REST API."""
    return f"{repository_url(pull.repository)}/pulls/{pull.number}"


def simple_pull_json(pull: PullRequest) -> JsonObject:
    """A `pull-request-simple`."""
    issue, hub, url, page = pull.issue, pull.hub, pull_url(pull), issue_page(pull.issue)
    repository = repository_url(pull.repository)
    urls = {
        "self": url, "html": page, "issue": issue_url(issue), "comments": f"{issue_url(issue)}/comments",
        "review_comments": f"{url}/comments", "review_comment": repository + "/pulls/comments{/number}",
        "commits": f"{url}/commits", "statuses": f"{repository}/statuses/{pull.head_sha}",
    }  # fmt: skip
    found: JsonObject = {
        "url": url,
        "id": pull.id,
        "node_id": pull.node_id,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": address for name, address in urls.items() if name not in ("self", "html")},
        "number": pull.number,
        "state": pull.state,
        "locked": issue.locked,
        "active_lock_reason": None,
        "title": pull.title,
        "user": user_json(hub, pull.user),
        "body": pull.body,
        "labels": labels_json(issue.labels),
        "milestone": milestone_json(issue.milestone) if issue.milestone is not None else None,
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_at": time_or_null(issue.closed_at),
        "merged_at": time_or_null(pull.merged_at),
        "assignees": users_json(issue, issue.assignees),
        "requested_reviewers": users_json(issue, pull.requested_reviewers),
        "requested_teams": [],
        "head": _side_json(pull, pull.head_ref, pull.head_sha),
        "base": _side_json(pull, pull.base_ref, pull.base_sha),
        "_links": {name: {"href": address} for name, address in urls.items()},
        "author_association": pull.repository.association(pull.user),
        "auto_merge": _auto_merge_json(pull),
        "draft": pull.draft,
    }
    if old_version():
        found["assignee"] = user_json(hub, issue.assignees[0]) if issue.assignees else None
        found["merge_commit_sha"] = pull.merge_commit_sha
    return found


def _auto_merge_json(pull: PullRequest) -> JsonObject | None:
    if pull.auto_merge is None:
        return None
    by = user_json(pull.hub, pull.user)
    return {"enabled_by": by, "merge_method": pull.auto_merge, "commit_title": "", "commit_message": ""}


def pull_json(pull: PullRequest, mergeable: bool | None) -> JsonObject:
    """A `pull-request`; `mergeable` is what the asker is told."""
    return {
        **simple_pull_json(pull),
        "merged": pull.merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": mergeable_state(pull, mergeable),
        "merged_by": user_json(pull.hub, pull.merged_by) if pull.merged_by is not None else None,
        "comments": len(pull.issue.comments),
        "review_comments": len(pull.review_comments),
        "maintainer_can_modify": False,
        "commits": pull.diff.commits,
        "additions": pull.diff.additions,
        "deletions": pull.diff.deletions,
        "changed_files": pull.diff.changed_files,
    }


def _side_json(pull: PullRequest, ref: str, sha: str) -> JsonObject:
    owner = pull.repository.owner
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_json(pull.hub, owner),
        "repo": repository_json(pull.repository),
    }


def minimal_pull_json(pull: PullRequest) -> JsonObject:
    """A `pull-request-minimal`, as checks name the pull requests they belong to."""
    repository = pull.repository
    repo: JsonObject = {"id": repository.id, "url": repository_url(repository), "name": repository.name}
    return {
        "url": pull_url(pull),
        "id": pull.id,
        "number": pull.number,
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repo},
    }


def review_json(review: Review) -> JsonObject:
    """A `pull-request-review`."""
    pull = review.pull_request
    page = f"{issue_page(pull.issue)}#pullrequestreview-{review.id}"
    found: JsonObject = {
        "id": review.id,
        "node_id": review.node_id,
        "user": user_json(review.hub, review.user),
        "body": review.body,
        "state": review.state,
        "html_url": page,
        "pull_request_url": pull_url(pull),
        "author_association": pull.repository.association(review.user),
        "_links": {"html": {"href": page}, "pull_request": {"href": pull_url(pull)}},
        "commit_id": review.commit_id,
    }
    if review.submitted_at is not None:
        found["submitted_at"] = time(review.submitted_at)
    return found


def review_comment_json(comment: ReviewComment) -> JsonObject:
    """A `pull-request-review-comment`."""
    pull = comment.pull_request
    url = f"{repository_url(pull.repository)}/pulls/comments/{comment.id}"
    page = f"{issue_page(pull.issue)}#discussion_r{comment.id}"
    found: JsonObject = {
        "url": url,
        "pull_request_review_id": comment.review.id,
        "id": comment.id,
        "node_id": comment.node_id,
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "position": comment.position,
        "original_position": comment.position or 1,
        "commit_id": comment.commit_id,
        "original_commit_id": comment.original_commit_id,
        "user": user_json(comment.hub, comment.user),
        "body": comment.body,
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "html_url": page,
        "pull_request_url": pull_url(pull),
        "author_association": pull.repository.association(comment.user),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_url(pull)}},
        "start_line": comment.start_line,
        "original_start_line": comment.start_line,
        "start_side": comment.start_side,
        "line": comment.line,
        "original_line": comment.original_line,
        "side": comment.side,
        "subject_type": "line" if comment.original_line is not None else "file",
        "reactions": rollup_json(f"{url}/reactions", comment.reactions),
    }
    if comment.in_reply_to is not None:
        found["in_reply_to_id"] = comment.in_reply_to.id
    return found


def file_json(repository: Repository, commit: str, file: FileDiff) -> JsonObject:
    """A `diff-entry`."""
    url, page = repository_url(repository), page_url(repository)
    found: JsonObject = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{page}/blob/{commit}/{file.path}",
        "raw_url": f"{page}/raw/{commit}/{file.path}",
        "contents_url": f"{url}/contents/{file.path}?ref={commit}",
    }
    if file.patch is not None:
        found["patch"] = file.patch
    if file.previous_path is not None:
        found["previous_filename"] = file.previous_path
    return found


def pulls_at_json(pulls: list[PullRequest]) -> list[Json]:
    """The pull requests of a check."""
    return [minimal_pull_json(one) for one in pulls]
