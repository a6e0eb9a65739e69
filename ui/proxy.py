"""Nobody comes in but through the proxy that names them, where the server was told to believe one.

Everything is decided from the request's head: which address asks, and whether it names exactly one user. The JSON API
has tokens of its own, and the health check tells nothing, so both need no user.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from search_app.login import Login, Way

_WITHOUT_USER = ("/api/", "/_stcore/health")
_POLICY_VIOLATION = 1008  # of a WebSocket, RFC 6455


class BehindProxy:
    """Refuses whoever doesn't come through the proxy."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it with why not."""
        if self._login.way is not Way.HEADER or scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal[1]})
        else:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)

    def _refusal(self, scope: Mapping[str, Any]) -> tuple[int, str] | None:
        """Status and sentence for who may not come in; None for who may."""
        client = scope.get("client")
        if client is None or not self._login.is_proxy(client[0]):
            return 403, "Come in through the proxy that asks who you are."
        if str(scope["path"]).startswith(_WITHOUT_USER):
            return None
        name = self._login.header.lower().encode()
        named = [value for key, value in scope["headers"] if key == name]
        if len(named) != 1 or not named[0].strip():
            return 401, f"The proxy must name one user in {self._login.header}."
        return None
