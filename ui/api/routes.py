"""The API's paths: who may ask is decided first, then a thread of its own does the work.

A search so doesn't hold up the pages, and what a verb needs is imported when the first one is asked.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.errors import TwinsearchError
from ui.api.guard import Refused, bounded_body, require_own_origin, shown_token, user_of
from ui.api.openapi import ENDPOINTS, description

if TYPE_CHECKING:
    from search_app.catalog.users import User

_UNREADABLE = (
    "The server can't tell who asks: its settings or its catalogue can't be read. "
    "Run `twinsearch status` on its machine, which says why."
)


def routes() -> list[Route]:
    """The routes of the API, and its own description."""
    own = [Route(one.path, _endpoint(name), methods=[one.method]) for name, one in ENDPOINTS.items()]
    return [*own, Route("/api/openapi.json", _describe, methods=["GET"])]


async def _describe(_request: Request) -> Response:
    return JSONResponse(description())


def _endpoint(name: str) -> Callable[..., Any]:
    async def _guarded(request: Request) -> Response:
        try:
            require_own_origin(request)
            user = await run_in_threadpool(user_of, shown_token(request))
            body = await bounded_body(request) if request.method == "POST" else b""
        except Refused as error:
            return JSONResponse({"error": {"kind": "Refused", "message": str(error)}}, error.status)
        except TwinsearchError as error:  # its sentence may name paths and settings, and nobody has shown a token yet
            return JSONResponse({"error": {"kind": type(error).__name__, "message": _UNREADABLE}}, 503)
        return await run_in_threadpool(_answer, name, user, request, body)

    return _guarded


def _answer(name: str, user: "User", request: Request, body: bytes) -> Response:
    from ui.api.verbs import Asked, answered  # imports all that a search needs

    return answered(name, user, Asked(request, body))
