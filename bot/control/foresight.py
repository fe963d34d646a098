"""What sessions will need is fetched while the push of their claims is under way."""

from __future__ import annotations

from bot.control.room import Room
from bot.model.action import Action, PushLedger, StartSession
from bot.model.session import Role


def foresee(room: Room, actions: tuple[Action, ...]) -> None:
    """Where claims are about to be pushed, what their sessions will fetch is fetched meanwhile. A reviewer's base only
    has to be known, and it is."""
    if any(isinstance(action, PushLedger) for action in actions):
        starts = [action.assignment for action in actions if isinstance(action, StartSession)]
        for branches in {start.branches for start in starts if start.role is not Role.REVIEWER}:
            room.ledgers.foresee(branches)
