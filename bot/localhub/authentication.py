"""Who is asking: App JWTs, installation tokens, user tokens; as headers of REST and GraphQL, or by git's Basic.

An App JWT is checked as GitHub checks it ("Generating a JSON Web Token for a GitHub App"): RS256 with the
App's key, issued by its id or client id, not in the future beyond a drift of a minute, not yet expired, expiring at
most ten minutes from now.
"""

import base64
import binascii
from dataclasses import dataclass

import jwt

from bot.localhub.limits import ANONYMOUS
from bot.localhub.model.actor import Actor
from bot.localhub.model.app import App
from bot.localhub.model.errors import Forbidden, Unauthorized
from bot.localhub.model.hub import Hub

JWT_LIFE = 600
CLOCK_DRIFT = 60


@dataclass(frozen=True)
class Caller:
    """Who asks. A JWT makes an App without an actor: it may only ask about itself."""

    actor: Actor | None = None
    app: App | None = None

    @property
    def charged(self) -> str:
        """Whose limits are charged."""
        if self.actor is not None:
            return self.actor.actor_id
        return f"app:{self.app.slug}" if self.app is not None else ANONYMOUS


def authenticate(hub: Hub, header: str | None) -> Caller:
    """The caller of an `Authorization` header. Unauthorized for a credential that is not (or no longer) valid."""
    if not header:
        return Caller()
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unauthorized from error
        return _by_token(hub, password if password and password != "x-oauth-basic" else user)
    if scheme.lower() not in ("bearer", "token"):
        raise Unauthorized
    return Caller(app=_by_jwt(hub, value)) if value.count(".") == 2 else _by_token(hub, value)


def _by_token(hub: Hub, token: str) -> Caller:
    user = hub.user_tokens.get(token)
    if user is not None:
        return Caller(actor=user)
    known = hub.installation_tokens.get(token)
    if known is None or known.expires_at <= hub.now():
        raise Unauthorized
    if hub.faults.expired_tokens > 0:
        hub.faults.expired_tokens -= 1
        del hub.installation_tokens[token]
        raise Unauthorized
    if known.actor.installation.suspended_at is not None:
        raise Forbidden("This installation has been suspended")
    hub.meter.scale(known.actor.actor_id, len(known.actor.installation.repositories))
    return Caller(actor=known.actor)


def _by_jwt(hub: Hub, token: str) -> App:
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False})["iss"])
    except (jwt.PyJWTError, KeyError) as error:
        raise Unauthorized("A JSON web token could not be decoded") from error
    app = next((one for one in hub.apps.values() if issuer in (str(one.id), one.client_id)), None)
    if app is None:
        raise Unauthorized("Integration not found")
    try:
        # The hub's clock decides about the times, not the machine's.
        claims = jwt.decode(
            token, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
        issued, expires = int(claims["iat"]), int(claims["exp"])
    except jwt.PyJWTError as error:
        raise Unauthorized("A JSON web token could not be decoded") from error
    except (KeyError, ValueError, TypeError) as error:
        raise Unauthorized("'Issued at' claim ('iat') and 'Expiration time' claim ('exp') must be numbers") from error
    now = hub.now().timestamp()
    if issued > now + CLOCK_DRIFT:
        raise Unauthorized(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        )
    if expires <= now:
        raise Unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires"
        )
    if expires - now > JWT_LIFE:
        raise Unauthorized("'Expiration time' claim ('exp') is too far in the future")
    return app
