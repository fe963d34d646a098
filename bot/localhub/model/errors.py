"""What GitHub refuses, with its status and its words. The faces translate; the model raises."""

from dataclasses import dataclass

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One entry of the `errors` list of a 422 (documented under "Client errors" of the REST guide)."""

    resource: str
    code: str
    field: str | None = None
    message: str | None = None
    value: str | None = None


class HubError(Exception):
    """A refusal: `status` and `message` are GitHub's."""

    status = 500

    def __init__(self, message: str, *, errors: tuple[FieldError | str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors
        self.documentation_url = DOCUMENTATION


class BadRequest(HubError):
    """400: the body is not JSON or not of the documented form."""

    status = 400


class Unauthorized(HubError):
    """401: no valid credential."""

    status = 401

    def __init__(self, message: str = "Bad credentials") -> None:
        super().__init__(message)


class Forbidden(HubError):
    """403: a valid credential that may not do this. `accepted` goes to `x-accepted-github-permissions`."""

    status = 403

    def __init__(self, message: str = "Resource not accessible by integration", *, accepted: str | None = None) -> None:
        super().__init__(message)
        self.accepted = accepted


class NotFound(HubError):
    """404: not there, or not to be seen by this actor; GitHub does not tell which."""

    status = 404

    def __init__(self, message: str = "Not Found") -> None:
        super().__init__(message)


class NotAllowed(HubError):
    """405: the method cannot be applied now (a merge that is not possible)."""

    status = 405


class Conflict(HubError):
    """409: the state is not the one that the request was made for."""

    status = 409


class Gone(HubError):
    """410: it existed and was deleted."""

    status = 410

    def __init__(self, message: str = "This issue was deleted") -> None:
        super().__init__(message)


class Validation(HubError):
    """422: well-formed, and refused by a rule."""

    status = 422

    def __init__(self, *errors: FieldError | str, message: str = "Validation Failed") -> None:
        super().__init__(message, errors=errors)


class Moved(HubError):
    """301: the thing lives at `path` (below the API's root) now."""

    status = 301

    def __init__(self, path: str) -> None:
        super().__init__("Moved Permanently")
        self.path = path


def too_long(resource: str, field: str, limit: int) -> Validation:
    """The 422 for a text over its limit."""
    words = f"{field} is too long (maximum is {limit} characters)"
    return Validation(FieldError(resource, "custom", field, words))


def invalid(resource: str, field: str, message: str | None = None) -> Validation:
    """The 422 for a field whose value cannot be used."""
    return Validation(FieldError(resource, "invalid", field, message))


def missing_field(resource: str, field: str) -> Validation:
    """The 422 for a field that must be given."""
    return Validation(FieldError(resource, "missing_field", field))


def custom(resource: str, message: str) -> Validation:
    """The 422 whose reason is a sentence."""
    return Validation(FieldError(resource, "custom", None, message))
