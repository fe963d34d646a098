"""Questions about the history of two commits, answered by walking what is known of it.

A push, a pull request and its merge each ask a dozen times who contains whom. As processes these questions are most
of what a small request costs. Commits never change, so a walk over those in memory gives git's own answer, as long
as it is short and the answer is the only one possible. Where it is not (a long or packed history, more than one
best common ancestor, an order that git decides by dates) every function here returns None, and git is asked.
"""

from collections.abc import Callable

MOST = 1_000
"""Commits of one walk; beyond it a process of git is the quicker way."""

Parents = Callable[[str], tuple[str, ...] | None]
"""The parents of a commit, None where they cannot be known without git."""


def ancestors(parents: Parents, commit: str) -> set[str] | None:
    """`commit` and all that it contains."""
    found, left = {commit}, [commit]
    while left:
        above = parents(left.pop())
        if above is None or len(found) > MOST:
            return None
        new = [one for one in above if one not in found]
        found.update(new)
        left += new
    return found


def best_common(parents: Parents, one: str, other: str) -> str | None:
    """The merge base, where there is exactly one."""
    left, right = ancestors(parents, one), ancestors(parents, other)
    if left is None or right is None:
        return None
    common = left & right
    below = {parent for commit in common for parent in parents(commit) or ()}
    best = common - below
    return best.pop() if len(best) == 1 else None


def count_between(parents: Parents, old: str, new: str) -> int | None:
    """How many commits `new` contains that `old` does not."""
    left, right = ancestors(parents, old), ancestors(parents, new)
    return None if left is None or right is None else len(right - left)


def line_between(parents: Parents, old: str, new: str) -> list[str] | None:
    """The commits that `new` contains and `old` does not, newest first, where they are one line."""
    known = ancestors(parents, old)
    if known is None:
        return None
    line: list[str] = []
    left = [new] if new not in known else []
    while left:
        commit = left.pop()
        above = parents(commit)
        if above is None or len(line) >= MOST:
            return None
        line.append(commit)
        left = [one for one in above if one not in known]
        if len(left) > 1:
            return None
    return line
