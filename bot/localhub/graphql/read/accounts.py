"""People, organizations, the bot users of Apps, and Apps."""

from bot.localhub.graphql.ask import Ask, visible
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.app import App
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User


class AvatarSize(Arguments):
    size: int | None = None


class NamedRepository(Arguments):
    name: str
    follow_renames: bool = True


def login(user: User) -> str:
    """A bot's login has no `[bot]` suffix in GraphQL, other than in REST."""
    return user.login.removesuffix("[bot]") if user.type == "Bot" else user.login


def path(user: User) -> str:
    return f"/apps/{login(user)}" if user.type == "Bot" else f"/{user.login}"


USER = Fields("User", User, lambda user: user.type == "User")
BOT = Fields("Bot", User, lambda user: user.type == "Bot")
ORGANIZATION = Fields("Organization", User, lambda user: user.type == "Organization")

for _fields in (USER, BOT, ORGANIZATION):
    _fields.reads(id=lambda user: user.node_id, databaseId=lambda user: user.id, login=login, resourcePath=path)
    _fields.asks(url=lambda user, ask: ask.url(path(user)))

    @_fields.takes("avatarUrl", AvatarSize)
    def _avatar(user: User, ask: Ask, _given: AvatarSize) -> str:
        return ask.url(f"/avatars/u/{user.id}")


for _fields in (USER, ORGANIZATION):
    _fields.reads(name=lambda user: user.name)

    @_fields.takes("repository", NamedRepository)
    def _repository(user: User, ask: Ask, given: NamedRepository) -> Repository | None:
        found = ask.hub.find_repository(f"{user.login}/{given.name}")
        return found if found is not None and visible(ask, found) else None


USER.reads(email=lambda user: user.email or "")
USER.asks(isViewer=lambda user, ask: ask.actor.account is user)

APP = Fields("App", App)
APP.reads(
    id=lambda app: app.node_id, databaseId=lambda app: app.id, name=lambda app: app.name, slug=lambda app: app.slug
)
