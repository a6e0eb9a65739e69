"""Who may use the API: whoever has a token, from no foreign page, with a body of a bounded size.

It is off until there is a token. Everything is decided from the request's head, before a verb is called.
"""

from secrets import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request

from search_app.errors import UsageError

if TYPE_CHECKING:
    from search_app.catalog.users import User

BODY_BYTES_MAX = 64 * 1024
_SCHEME = "bearer "
_NO_TOKEN = "The token is missing or wrong. Send it as `Authorization: Bearer TOKEN`."


class Refused(UsageError):
    """A request that may not be answered; `status` is HTTP's word for it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def shown_token(request: Request) -> str:
    """The token that the request shows.

    Raises:
        Refused: It shows none.
    """
    given = request.headers.get("authorization", "")
    if given[: len(_SCHEME)].lower() != _SCHEME:
        raise Refused(401, _NO_TOKEN)
    return given[len(_SCHEME) :]


def user_of(token: str) -> "User":
    """In whose name a request with this token is answered.

    The token of the settings is a judge's, in the name of whoever the home belongs to; every other one is a user's own.

    Raises:
        Refused: The API is off, or nobody has this token.
    """
    from search_app.catalog.users import Role, User  # half a second, and the server is up before
    from search_app.config import find_home, load_settings
    from ui.resources import opened_home

    set_token = load_settings(find_home()).api_token.get_secret_value()
    if set_token and compare_digest(token.encode(), set_token.encode()):
        return User(opened_home().user, Role.JUDGE)
    found = opened_home().user_of_token(token)
    if found is not None:
        return found
    if not set_token and not any(one.has_token for one in opened_home().users()):
        raise Refused(403, "The API is off. Run `twinsearch users token NAME`, or set `api_token` in config.toml.")
    raise Refused(401, _NO_TOKEN)


def require_own_origin(request: Request) -> None:
    """Refuses requests that a browser sends for another site's page.

    Raises:
        Refused: The origin is another host than the one that is asked.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Refused(403, f"Requests from {origin!r} aren't answered; only this site's own pages may send them.")


async def bounded_body(request: Request) -> bytes:
    """The body, read no further than it may be long.

    Raises:
        Refused: It is longer, or isn't said to be JSON.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "The body must be JSON. Send it with `Content-Type: application/json`.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Refused(413, f"The body has more than {BODY_BYTES_MAX:,} bytes. Send less at a time.")
    return bytes(body)
