"""Who may use the API: whoever has the token, from no foreign page, with a body of a bounded size.

It is off until a token is set. Everything is decided from the request's head, before the home is touched.
"""

from secrets import compare_digest
from urllib.parse import urlsplit

from starlette.requests import Request

from search_app.errors import UsageError

BODY_BYTES_MAX = 64 * 1024
_SCHEME = "bearer "


class Refused(UsageError):
    """A request that may not be answered; `status` is HTTP's word for it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def require_token(request: Request) -> None:
    """Refuses whoever doesn't have the token.

    Raises:
        Refused: The API is off, or the token is missing or another one.
    """
    from search_app.config import find_home, load_settings  # half a second, and the server is up before

    token = load_settings(find_home()).api_token.get_secret_value()
    if not token:
        raise Refused(403, "The API is off. Set `api_token` in config.toml or TWINSEARCH_API_TOKEN to turn it on.")
    given = request.headers.get("authorization", "")
    is_bearer = given[: len(_SCHEME)].lower() == _SCHEME
    if not is_bearer or not compare_digest(given[len(_SCHEME) :].encode(), token.encode()):
        raise Refused(401, "The token is missing or wrong. Send it as `Authorization: Bearer TOKEN`.")


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
