"""What people, GitHub and time do to the bot, one act each: the moves of `tests.torture.people`.

An act takes what is there (`choice` picks among the candidates), and does nothing where there is no candidate or where
GitHub refuses it. Nobody in here knows what the bot is about to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, get_args

from bot.localhub.git.bare import ZERO, RefUpdate, Signature
from bot.localhub.git.files import tree_with_files
from bot.localhub.model.app import Installation
from bot.localhub.model.comment import Comment
from bot.localhub.model.default_branch import rename_branch, set_default_branch
from bot.localhub.model.errors import HubError
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.issue_links import (
    add_sub_issue,
    block,
    delete_issue,
    remove_sub_issue,
    transfer,
    unblock,
)
from bot.localhub.model.merge import merge
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.push import RefMove, refs_moved
from bot.localhub.model.refs import delete_ref
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from tests.torture.theatre import Down, Theatre

T = TypeVar("T")
LABEL = "crewline"
OBJECTIVES = "refs/crewline/objectives/"


@dataclass(slots=True)
class Town:
    """Who and what is around. `objectives` are those that were ever handed off, where they are now. `powers` is since
    when bob may write, or may not."""

    theatre: Theatre
    attic: Repository
    objectives: list[Issue] = field(default_factory=list)
    installation: Installation | None = None
    powers: list[tuple[datetime, bool]] = field(default_factory=list)
    ledgers_touched: datetime | None = None
    """When a person last moved the ref of a ledger."""
    renames: int = 0

    @property
    def shop(self) -> Repository:
        return self.theatre.shop

    @property
    def alice(self) -> User:
        return self.theatre.alice

    @property
    def bob(self) -> User:
        return self.theatre.bob

    @property
    def mallory(self) -> User:
        return self.theatre.hub.user("mallory")

    @property
    def carol(self) -> User:
        """She may triage."""
        return self.theatre.hub.user("carol")

    def here(self) -> list[Issue]:
        """The objectives that still are in the shop."""
        return [issue for issue in self.objectives if self.shop.issues.get(issue.number) is issue]

    def tasks(self) -> list[Issue]:
        bot = self.theatre.crewline
        return [i for i in self.shop.issues.values() if i.user is bot and i.pull_request is None]

    def pulls(self) -> list[PullRequest]:
        return [pull for pull in self.shop.pull_requests if pull.user is self.theatre.crewline]

    def comments(self) -> list[Comment]:
        bot = self.theatre.crewline
        return [c for issue in self.shop.issues.values() for c in issue.comments if c.user is bot]


Act = Callable[[Town, int], Awaitable[str | None]]
"""What was done, in a few words; None where nothing could be."""
ACTS: dict[str, Act] = {}


def _act(act: Act) -> Act:
    ACTS[getattr(act, "__name__", "").replace("_", " ")] = act
    return act


async def perform_act(town: Town, name: str, choice: int) -> str | None:
    """Do it, unless GitHub refuses."""
    try:
        return await ACTS[name](town, choice)
    except HubError as error:
        return f"is refused: {error.message}"


def _one(candidates: Sequence[T], choice: int) -> T | None:
    return candidates[choice % len(candidates)] if candidates else None


# Issues


@_act
async def toggle_the_label(town: Town, choice: int) -> str | None:
    issue = _one(town.here(), choice)
    if issue is None:
        return None
    who = town.bob if choice % 3 else town.carol
    if issue.has_label(LABEL):
        issue.remove_label(who, LABEL)
        return f"{who} takes the label from {issue}"
    issue.add_label(who, LABEL)
    return f"{who} sets the label on {issue}"


@_act
async def edit_a_text(town: Town, choice: int) -> str | None:
    issue = _one([*town.here(), *town.tasks()], choice)
    if issue is None:
        return None
    if choice % 2:
        issue.edit(town.bob, title=f"{issue.title}, or not ({choice})")
    else:
        issue.edit(town.bob, body=f"Something else: {choice}")
    return f"bob edits {issue}"


@_act
async def close_an_issue(town: Town, choice: int) -> str | None:
    threads = [*town.here(), *town.tasks(), *(pull.issue for pull in town.pulls())]
    issue = _one([one for one in threads if one.state == "open"], choice)
    if issue is None:
        return None
    issue.close(town.bob, "completed" if choice % 3 else "not_planned")
    return f"bob closes {issue} as {issue.state_reason}"


@_act
async def reopen_an_issue(town: Town, choice: int) -> str | None:
    threads = [*town.here(), *town.tasks(), *(pull.issue for pull in town.pulls())]
    issue = _one([one for one in threads if one.state == "closed"], choice)
    if issue is None:
        return None
    issue.reopen(town.bob)
    return f"bob reopens {issue}"


@_act
async def delete_an_issue(town: Town, choice: int) -> str | None:
    issue = _one(town.tasks() if choice % 4 else town.here(), choice)
    if issue is None:
        return None
    delete_issue(issue, town.alice)
    return f"alice deletes {issue}"


@_act
async def transfer_an_issue(town: Town, choice: int) -> str | None:
    issue = _one(town.tasks() if choice % 4 else town.here(), choice)
    if issue is None:
        return None
    new = transfer(issue, town.alice, town.attic)
    town.objectives = [new if one is issue else one for one in town.objectives]
    return f"alice moves {issue} to {new}"


@_act
async def hand_off_another(town: Town, choice: int) -> str | None:
    if len(town.objectives) >= 3:
        return None
    issue = open_issue(town.shop, town.alice, f"And this {choice % 5}", "Please.")
    issue.add_label(town.alice, LABEL)
    town.objectives.append(issue)
    return f"alice hands off {issue}"


# Links


@_act
async def add_a_dependency(town: Town, choice: int) -> str | None:
    task = _one(town.tasks(), choice)
    blocker = _one([one for one in town.shop.issues.values() if one.pull_request is None], choice // 7)
    if task is None or blocker is None:
        return None
    block(task, town.bob, blocker)
    return f"bob blocks {task} by {blocker}"


@_act
async def take_a_dependency_back(town: Town, choice: int) -> str | None:
    task = _one([one for one in town.tasks() if one.blocked_by], choice)
    if task is None:
        return None
    blocker = task.blocked_by[0]
    unblock(task, town.bob, blocker)
    return f"bob says {task} does not wait for {blocker}"


@_act
async def add_a_sub_issue(town: Town, choice: int) -> str | None:
    objective = _one(town.here(), choice)
    if objective is None:
        return None
    apart = [one for one in town.tasks() if one.parent is None]
    child = _one(apart, choice) or open_issue(town.shop, town.bob, "Of mine", "A sub-issue.")
    add_sub_issue(objective, town.bob, child)
    return f"bob makes {child} part of {objective}"


@_act
async def take_a_sub_issue_out(town: Town, choice: int) -> str | None:
    child = _one([one for one in town.tasks() if one.parent is not None], choice)
    if child is None or child.parent is None:
        return None
    parent = child.parent
    remove_sub_issue(parent, town.bob, child)
    return f"bob takes {child} out of {parent}"


# What is said, and labels


@_act
async def delete_a_comment(town: Town, choice: int) -> str | None:
    comment = _one(town.comments(), choice)
    if comment is None:
        return None
    comment.delete(town.bob)
    return f"bob deletes a comment on {comment.issue}"


@_act
async def command(town: Town, choice: int) -> str | None:
    issue = _one([*town.here(), *town.tasks()], choice)
    if issue is None:
        return None
    words = ("/retry", "/retry be brief", "/escalate", "/status", "/help", "/nonsense")[choice // 3 % 6]
    who = town.bob if choice % 2 else town.mallory
    issue.comment(who, words)
    return f"{who} says {words} on {issue}"


@_act
async def chat(town: Town, choice: int) -> str | None:
    issue = _one([*town.here(), *town.tasks(), *(pull.issue for pull in town.pulls())], choice)
    if issue is None:
        return None
    times = (1, 10, 60)[choice // 5 % 3]
    for number in range(times):
        issue.comment(town.mallory, f"Are we there yet? {number}")
    return f"mallory says {times} things on {issue}"


@_act
async def delete_a_label(town: Town, choice: int) -> str | None:
    label = _one([one for one in town.shop.labels if one.name.startswith(LABEL)], choice)
    if label is None:
        return None
    town.shop.delete_label(town.alice, label)
    return f"alice deletes the label {label.name}"


# Branches


@_act
async def delete_a_branch(town: Town, choice: int) -> str | None:
    branch = _one(await _branches(town), choice)
    if branch is None:
        return None
    await delete_ref(town.shop, town.bob, f"refs/heads/{branch}")
    return f"bob deletes {branch}"


@_act
async def push_to_a_branch(town: Town, choice: int) -> str | None:
    branch = _one(await _branches(town), choice)
    if branch is None:
        return None
    await town.theatre.hub.push_files(town.shop, town.bob, branch, {f"bob{choice}.txt": "By bob.\n"}, "By hand")
    return f"bob pushes to {branch}"


@_act
async def force_push_to_a_branch(town: Town, choice: int) -> str | None:
    branch = _one(await _branches(town), choice)
    if branch is None:
        return None
    files = {f"bob{choice}.txt": "By bob.\n"}
    await town.theatre.hub.push_files(town.shop, town.bob, branch, files, "By hand, anew", force=True)
    return f"bob forces {branch} elsewhere"


@_act
async def force_push_the_base(town: Town, choice: int) -> str | None:
    """Back by one commit, and another one on top: what was merged last is gone."""
    git, name = town.shop.git, town.shop.default_branch
    async with git.writing:
        tip = await git.branch(name)
        commits = await git.commits(name, limit=2)
        if tip is None or len(commits) < 2:
            return None
        tree = await tree_with_files(git, commits[1].sha, {"forced.txt": f"{choice}\n"})
        who = Signature("alice", town.alice.noreply_email, town.theatre.hub.now())
        sha = await git.commit_tree(tree, (commits[1].sha,), "Forced", who, who)
        await git.update_refs([RefUpdate(f"refs/heads/{name}", sha, tip)])
        await refs_moved(town.shop, town.alice, [RefMove(f"refs/heads/{name}", tip, sha)])
    return f"alice forces {name} from {tip[:8]} to {sha[:8]}"


@_act
async def merge_a_pull_request(town: Town, choice: int) -> str | None:
    pull = _one([one for one in town.pulls() if one.state == "open"], choice)
    if pull is None:
        return None
    await merge(pull, town.bob)
    return f"bob merges {pull.issue}"


@_act
async def aim_a_pull_request_elsewhere_or_back(town: Town, choice: int) -> str | None:
    pull = _one([one for one in town.pulls() if one.state == "open"], choice)
    if pull is None:
        return None
    base = town.shop.default_branch
    if pull.base_ref == base:
        base = f"side-{town.theatre.hub.next_id('side', first=1)}"
        await town.theatre.hub.push_files(town.shop, town.bob, base, {"side.txt": f"{choice}\n"}, "To one side")
    await pull.set_base(town.bob, base)
    return f"bob aims {pull.issue} at {base}"


@_act
async def make_a_draft(town: Town, choice: int) -> str | None:
    pull = _one([one for one in town.pulls() if one.state == "open"], choice)
    if pull is None:
        return None
    pull.set_draft(town.bob, not pull.draft)
    return f"bob makes {pull.issue} {'a draft' if pull.draft else 'ready'}"


@_act
async def rewrite_a_ledger(town: Town, choice: int) -> str | None:
    """Another content, an older revision, or nothing at all."""
    git = town.shop.git
    ref = _one(sorted(await git.refs(OBJECTIVES)), choice // 3)
    if ref is None:
        return None
    async with git.writing:
        tip = await git.ref(ref)
        assert tip is not None
        commits = await git.commits(tip, limit=3)
        match choice % 3:
            case 0:
                tree = await tree_with_files(git, None, {"ledger.json": '{"by": "hand"}\n'})
                who = Signature("bob", town.bob.noreply_email, town.theatre.hub.now())
                new, what = await git.commit_tree(tree, (), "By hand", who, who), "writes nonsense over"
            case 1:
                new, what = commits[-1].sha, f"puts {len(commits) - 1} changes back in"
            case _:
                new, what = ZERO, "deletes"
        if new == tip:
            return None
        await git.update_refs([RefUpdate(ref, new, tip)])
    town.ledgers_touched = town.theatre.hub.now()
    return f"bob {what} {ref}"


# The repository, its people, the App


@_act
async def rename_the_repository(town: Town, choice: int) -> str | None:
    town.renames += 1
    town.shop.rename(town.alice, f"shop-{town.renames}")
    return f"alice renames it to {town.shop}"


@_act
async def rename_the_default_branch(town: Town, choice: int) -> str | None:
    old, new = town.shop.default_branch, f"trunk-{town.theatre.hub.next_id('trunk', first=1)}"
    await rename_branch(town.shop, town.alice, old, new)
    return f"alice renames {old} to {new}"


@_act
async def choose_another_default_branch(town: Town, choice: int) -> str | None:
    name = f"next-{town.theatre.hub.next_id('trunk', first=1)}"
    await town.theatre.hub.push_files(town.shop, town.alice, name, {"next.txt": f"{choice}\n"}, "Go on here")
    await set_default_branch(town.shop, town.alice, name)
    return f"alice makes {name} the default branch"


@_act
async def change_permissions(town: Town, choice: int) -> str | None:
    may = not town.powers[-1][1]
    town.shop.add_collaborator(town.bob, "write" if may else "triage")
    town.powers.append((town.theatre.hub.now(), may))
    return f"bob may {'write' if may else 'only triage'}"


@_act
async def uninstall_or_install(town: Town, choice: int) -> str | None:
    hub, app = town.theatre.hub, town.theatre.app
    if town.installation is not None:
        hub.uninstall(town.installation, town.alice)
        town.installation = None
        return "alice uninstalls the App"
    town.installation = hub.install(app, town.alice)
    return "alice installs the App"


@_act
async def suspend_or_not(town: Town, choice: int) -> str | None:
    if town.installation is None:
        return None
    if town.installation.active:
        town.theatre.hub.suspend(town.installation, town.alice)
        return "alice suspends the App"
    town.theatre.hub.unsuspend(town.installation, town.alice)
    return "alice lets the App go on"


@_act
async def take_a_permission_or_give_it_back(town: Town, choice: int) -> str | None:
    """What is taken and given holds for tokens that are around, too."""
    installation = town.installation
    if installation is None:
        return None
    if give_back(town, installation):
        return "alice gives the App its permissions back"
    name = ("checks", "pull_requests", "issues", "contents")[choice % 4]
    _set_permission(installation, name, "read")
    return f"alice takes {name}: write from the App"


def give_back(town: Town, installation: Installation) -> bool:
    """Whether a permission had been taken."""
    app = town.theatre.app
    taken = [name for name, level in app.permissions.items() if installation.permissions[name] != level]
    for name in taken:
        _set_permission(installation, name, app.permissions[name])
    return bool(taken)


def _set_permission(installation: Installation, name: str, level: str) -> None:
    permissions = installation.permissions
    assert isinstance(permissions, dict)
    permissions[name] = level  # of its tokens, too: they share it


@_act
async def archive_or_not(town: Town, choice: int) -> str | None:
    town.shop.set_archived(town.alice, not town.shop.archived)
    return f"alice {'archives' if town.shop.archived else 'wakes'} the repository"


@_act
async def change_the_settings(town: Town, choice: int) -> str | None:
    texts = ("verify:\n  command: make test\n", "verify: [\n", "limits:\n  review_rounds: 2\n", None)
    files = {".github/crewline.yml": texts[choice % len(texts)]}
    await town.theatre.hub.push_files(town.shop, town.alice, town.shop.default_branch, files, "Settings")
    return "alice changes the settings"


# Time


@_act
async def kill_the_bot(town: Town, choice: int) -> str | None:
    if town.theatre.bot is not None:
        town.theatre.kill(town.theatre.bot)
    await town.theatre.pass_time(choice % 60)
    town.theatre.start_bot()
    return "it starts anew"


@_act
async def lose_webhooks(town: Town, choice: int) -> str | None:
    faults = town.theatre.hub.faults.webhooks
    town.theatre.hub.faults.webhooks = replace(faults, lose=0.0 if faults.lose else 1.0)
    return f"webhooks {'arrive again' if faults.lose else 'get lost'}"


@_act
async def github_goes_down_or_comes_back(town: Town, choice: int) -> str | None:
    if town.theatre.down:
        town.theatre.come_back()
        return "GitHub is back"
    how = _one(get_args(Down), choice)
    assert how is not None
    town.theatre.go_down(how)
    return f"GitHub is down: {how}"


@_act
async def time_passes(town: Town, choice: int) -> str | None:
    await town.theatre.pass_time((30, 120, 600, 3600)[choice % 4])
    return "time passes"


async def _branches(town: Town) -> list[str]:
    refs = await town.shop.git.refs("refs/heads/crewline/")
    return sorted(ref.removeprefix("refs/heads/") for ref in refs)
