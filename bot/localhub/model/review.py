"""Reviews, their line comments, and the threads of those."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.git.files import FileDiff
from bot.localhub.model.actor import Actor, Role, may, require
from bot.localhub.model.errors import Forbidden, NotFound, Validation, missing_field, too_long
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.reactions import Reaction
from bot.localhub.model.user import User
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.pull_request import PullRequest
    from bot.localhub.model.repository import Repository

ReviewState = Literal["PENDING", "COMMENTED", "APPROVED", "CHANGES_REQUESTED", "DISMISSED"]
ReviewEvent = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]
Side = Literal["LEFT", "RIGHT"]
_STATES: dict[ReviewEvent, ReviewState] = {
    "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED",
}  # fmt: skip
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, kw_only=True)
class DraftComment:
    """A line comment that is to be made with a review. `line` None: about the file as a whole."""

    path: str
    body: str
    line: int | None = None
    side: Side = "RIGHT"
    start_line: int | None = None
    start_side: Side | None = None
    position: int | None = None
    """The older way to name a line: lines below the file's first hunk header."""


@dataclass(eq=False, kw_only=True)
class Review(Versioned):
    """A review of one head commit."""

    hub: "Hub"
    pull_request: "PullRequest"
    id: int
    user: User
    via_app: "App | None"
    body: str
    state: ReviewState
    commit_id: str
    submitted_at: datetime | None
    updated_at: datetime
    counts: bool
    """Its author can push, so that it counts for the rules of the branch."""

    @property
    def node_id(self) -> str:
        return node_id("PullRequestReview", self.id)

    @property
    def repository(self) -> "Repository":
        return self.pull_request.repository

    @property
    def comments(self) -> tuple["ReviewComment", ...]:
        """Its line comments."""
        return tuple(one for one in self.pull_request.review_comments if one.review is self)

    def edit(self, actor: Actor, body: str) -> None:
        """Replace the text. Only its author may."""
        require(actor, self.repository, role=Role.READ, permissions=("pull_requests",))
        if actor.account is not self.user:
            raise Forbidden("Must have admin rights to Repository.")
        old, self.body = self.body, body
        self.updated_at = self.hub.now()
        self.hub.emit("review.edited", self, actor, self.repository, changes={"body": old})

    def dismiss(self, actor: Actor, message: str) -> None:
        """Make an approval or a request for changes no longer count."""
        require(actor, self.repository, role=Role.WRITE, permissions=("pull_requests",))
        if self.state not in ("APPROVED", "CHANGES_REQUESTED"):
            raise Validation(message="Can not dismiss a commented pull request review")
        self.state = "DISMISSED"
        self.pull_request.issue.record("review_dismissed", actor)
        self.hub.emit("review.dismissed", self, actor, self.repository)


@dataclass(eq=False, kw_only=True)
class ReviewComment(Versioned):
    """A comment on a line of the diff."""

    hub: "Hub"
    pull_request: "PullRequest"
    review: Review
    thread: "ReviewThread"
    id: int
    user: User
    body: str
    path: str
    line: int | None
    side: Side
    start_line: int | None
    start_side: Side | None
    position: int | None
    diff_hunk: str
    commit_id: str
    original_commit_id: str
    original_line: int | None
    created_at: datetime
    updated_at: datetime
    in_reply_to: "ReviewComment | None" = None
    reactions: tuple[Reaction, ...] = ()

    @property
    def node_id(self) -> str:
        return node_id("PullRequestReviewComment", self.id)

    @property
    def repository(self) -> "Repository":
        return self.pull_request.repository

    def edit(self, actor: Actor, body: str) -> None:
        """Replace the text."""
        self._require_control(actor)
        old, self.body, self.updated_at = self.body, body, self.hub.now()
        self.hub.emit("review_comment.edited", self, actor, self.repository, changes={"body": old})

    def delete(self, actor: Actor) -> None:
        """Remove it; a thread without comments goes too."""
        self._require_control(actor)
        pull = self.pull_request
        pull.review_comments = tuple(one for one in pull.review_comments if one is not self)
        if not self.thread.comments:
            pull.threads = tuple(one for one in pull.threads if one is not self.thread)
        self.hub.forget(self)
        self.hub.emit("review_comment.deleted", self, actor, self.repository)

    def reply(self, actor: Actor, body: str) -> "ReviewComment":
        """Answer in the same thread; this makes a COMMENT review of its own."""
        return reply(self, actor, body)

    def _require_control(self, actor: Actor) -> None:
        require(actor, self.repository, role=Role.READ, permissions=("pull_requests",))
        own = actor.account is self.user
        if not own and not may(actor, self.repository, role=Role.WRITE, permissions=("pull_requests",)):
            raise Forbidden("Must have admin rights to Repository.")


@dataclass(eq=False, kw_only=True)
class ReviewThread(Versioned):
    """The comments on one place, and whether it is settled."""

    hub: "Hub"
    pull_request: "PullRequest"
    id: int
    resolved: bool = False
    resolved_by: User | None = None

    @property
    def node_id(self) -> str:
        return node_id("PullRequestReviewThread", self.id)

    @property
    def comments(self) -> tuple[ReviewComment, ...]:
        """Oldest first."""
        return tuple(one for one in self.pull_request.review_comments if one.thread is self)

    @property
    def outdated(self) -> bool:
        """The diff no longer has its line."""
        return bool(self.comments) and self.comments[0].position is None and self.comments[0].original_line is not None

    def set_resolved(self, actor: Actor, resolved: bool) -> None:
        """Settle or reopen it."""
        repository = self.pull_request.repository
        role = Role.READ if actor.account is self.pull_request.user else Role.WRITE
        require(actor, repository, role=role, permissions=("pull_requests",))
        self.resolved, self.resolved_by = resolved, actor.account if resolved else None
        name = "review_thread.resolved" if resolved else "review_thread.unresolved"
        self.hub.emit(name, self, actor, repository)


def lines_of(patch: str) -> dict[tuple[Side, int], tuple[int, str]]:
    """The lines that a patch shows: side and number to position and the hunk up to that line."""
    found: dict[tuple[Side, int], tuple[int, str]] = {}
    old = new = 0
    hunk: list[str] = []
    for position, text in enumerate(patch.split("\n")):
        header = _HUNK.match(text)
        if header is not None:
            old, new, hunk = int(header[1]), int(header[2]), [text]
            continue
        hunk.append(text)
        here = (position, "\n".join(hunk[:1] + hunk[1:][-4:]))
        if text.startswith("-"):
            found["LEFT", old] = here
            old += 1
        elif text.startswith("+"):
            found["RIGHT", new] = here
            new += 1
        elif not text.startswith("\\"):
            found["LEFT", old] = found["RIGHT", new] = here
            old, new = old + 1, new + 1
    return found


def _place(draft: DraftComment, files: Sequence[FileDiff]) -> tuple[int | None, int | None, Side, str]:
    """Line, position, side and hunk of a comment; 422 in GitHub's words when the diff does not have it."""
    file = next((one for one in files if one.path == draft.path), None)
    if file is None:
        raise Validation("Path could not be resolved", message="Unprocessable Entity")
    lines = lines_of(file.patch or "")
    if draft.position is not None:
        for (side, number), (position, hunk) in lines.items():
            if position == draft.position:
                return number, position, side, hunk
        raise Validation("Position could not be resolved", message="Unprocessable Entity")
    if draft.line is None:
        return None, None, "RIGHT", (file.patch or "").split("\n")[0]
    known = lines.get((draft.side, draft.line))
    if known is None or (
        draft.start_line is not None and (draft.start_side or draft.side, draft.start_line) not in lines
    ):
        raise Validation("Line could not be resolved", message="Unprocessable Entity")
    return draft.line, known[0], draft.side, known[1]


async def create_review(
    pull: "PullRequest",
    actor: Actor,
    event: ReviewEvent | None,
    body: str = "",
    *,
    commit_id: str | None = None,
    comments: Sequence[DraftComment] = (),
) -> Review:
    """Review a pull request; without an event the review stays pending, seen by its author alone.

    422 for an own pull request unless it only comments, for a comment without text, for lines that the
    diff does not have.
    """
    require(actor, pull.repository, role=Role.READ, permissions=("pull_requests",))
    own = pull.user is actor.account
    if own and event == "APPROVE":
        raise Validation("Review Can not approve your own pull request", message="Unprocessable Entity")
    if own and event == "REQUEST_CHANGES":
        raise Validation("Review Can not request changes on your own pull request", message="Unprocessable Entity")
    if (event == "REQUEST_CHANGES" or (event == "COMMENT" and not comments)) and not body.strip():
        raise missing_field("PullRequestReview", "body")
    limit = pull.hub.settings.max_body
    if len(body) > limit or any(len(one.body) > limit for one in comments):
        raise too_long("PullRequestReview", "body", limit)
    known = {pull.head_sha, *([one.sha for one in await pull.commits()] if commit_id is not None else ())}
    if commit_id is not None and commit_id not in known:
        raise Validation("Commit is not part of the pull request", message="Unprocessable Entity")
    files = await pull.files() if comments else []
    places = [_place(one, files) for one in comments]
    counts = may(actor, pull.repository, role=Role.WRITE, permissions=("contents",))
    review = _new_review(pull, actor, event, body, commit_id or pull.head_sha, counts)
    for draft, place in zip(comments, places, strict=True):
        _add_comment(review, draft, place, None)
    if event is not None:
        _tell(review, actor)
    return review


def _new_review(
    pull: "PullRequest", actor: Actor, event: ReviewEvent | None, body: str, commit_id: str, counts: bool
) -> Review:
    hub = pull.hub
    review = Review(
        hub=hub, pull_request=pull, id=hub.next_id("review"), user=actor.account, via_app=actor.app, body=body,
        state=_STATES[event] if event is not None else "PENDING", commit_id=commit_id,
        submitted_at=hub.now() if event is not None else None, updated_at=hub.now(), counts=counts,
    )  # fmt: skip
    hub.remember(review)
    pull.reviews = (*pull.reviews, review)
    return review


def _add_comment(
    review: Review, draft: DraftComment, place: tuple[int | None, int | None, Side, str], reply_to: ReviewComment | None
) -> ReviewComment:
    pull, hub = review.pull_request, review.hub
    line, position, side, hunk = place
    if reply_to is not None:
        thread = reply_to.thread
    else:
        thread = ReviewThread(hub=hub, pull_request=pull, id=hub.next_id("thread"))
        hub.remember(thread)
        pull.threads = (*pull.threads, thread)
    comment = ReviewComment(
        hub=hub, pull_request=pull, review=review, thread=thread, id=hub.next_id("review comment"), user=review.user,
        body=draft.body, path=draft.path, line=line, side=side, start_line=draft.start_line,
        start_side=draft.start_side or (draft.side if draft.start_line is not None else None), position=position,
        diff_hunk=hunk, commit_id=review.commit_id, original_commit_id=review.commit_id, original_line=line,
        created_at=hub.now(), updated_at=hub.now(), in_reply_to=reply_to,
    )  # fmt: skip
    hub.remember(comment)
    pull.review_comments = (*pull.review_comments, comment)
    return comment


def _tell(review: Review, actor: Actor) -> None:
    pull = review.pull_request
    pull.requested_reviewers = tuple(one for one in pull.requested_reviewers if one is not actor.account)
    pull.issue.touch()
    pull.hub.emit("review.submitted", review, actor, pull.repository)
    for comment in review.comments:
        pull.hub.emit("review_comment.created", comment, actor, pull.repository)


def submit_review(review: Review, actor: Actor, event: ReviewEvent, body: str | None = None) -> None:
    """Publish a pending review."""
    require(actor, review.repository, role=Role.READ, permissions=("pull_requests",))
    if review.user is not actor.account or review.state != "PENDING":
        raise NotFound
    if review.pull_request.user is actor.account and event != "COMMENT":
        words = "approve" if event == "APPROVE" else "request changes on"
        raise Validation(f"Review Can not {words} your own pull request", message="Unprocessable Entity")
    review.state, review.submitted_at = _STATES[event], review.hub.now()
    review.body = review.body if body is None else body
    _tell(review, actor)


def delete_pending_review(review: Review, actor: Actor) -> None:
    """Drop a pending review and its comments. 422 once it was submitted."""
    require(actor, review.repository, role=Role.READ, permissions=("pull_requests",))
    if review.user is not actor.account:
        raise NotFound
    if review.state != "PENDING":
        raise Validation(message="Can not delete a non-pending pull request review")
    pull = review.pull_request
    pull.review_comments = tuple(one for one in pull.review_comments if one.review is not review)
    pull.threads = tuple(one for one in pull.threads if one.comments)
    pull.reviews = tuple(one for one in pull.reviews if one is not review)
    review.hub.forget(review)


async def comment_on_line(pull: "PullRequest", actor: Actor, draft: DraftComment, commit_id: str) -> ReviewComment:
    """A single line comment: a COMMENT review of its own."""
    review = await create_review(pull, actor, "COMMENT", commit_id=commit_id, comments=(draft,))
    return review.comments[0]


def reply(comment: ReviewComment, actor: Actor, body: str) -> ReviewComment:
    """Answer in the thread of `comment`."""
    pull = comment.pull_request
    require(actor, pull.repository, role=Role.READ, permissions=("pull_requests",))
    root = comment.in_reply_to or comment
    counts = may(actor, pull.repository, role=Role.WRITE, permissions=("contents",))
    review = _new_review(pull, actor, "COMMENT", "", root.commit_id, counts)
    draft = DraftComment(
        path=root.path, body=body, side=root.side, start_line=root.start_line, start_side=root.start_side
    )
    answer = _add_comment(review, draft, (root.line, root.position, root.side, root.diff_hunk), root)
    _tell(review, actor)
    return answer
