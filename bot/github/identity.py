"""Who the App is, and how to know its own hand in what GitHub shows."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.identity import Login


@dataclass(frozen=True, slots=True)
class Identity:
    """`login` is ``slug[bot]``, as the REST interface spells it."""

    app_id: int
    login: Login

    def wrote(self, author: Login | None) -> bool:
        """Whether `author` is the App itself; logins are compared without regard to case."""
        return author is not None and author.casefold() == self.login.casefold()


def login_of(login: str | None, is_bot: bool) -> Login | None:
    """The login as REST spells it: GraphQL leaves out a bot's ``[bot]``."""
    if login is None:
        return None
    return Login(f"{login}[bot]" if is_bot and not login.endswith("[bot]") else login)
