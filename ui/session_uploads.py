"""How much one visit may upload at a time: Streamlit keeps what was sent in memory until the visit ends.

A file's own limit is Streamlit's; this one is for all files of a session, those that are just coming in among them.
"""

import re
from collections import Counter
from typing import TYPE_CHECKING, cast

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, runtime

if TYPE_CHECKING:
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

SESSION_BYTES = 1_000_000_000
_MEGABYTE = 1024 * 1024  # as Streamlit counts them
_PATH = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")


class SessionUploads:
    """Refuses a file for which a session has no room left."""

    def __init__(self, app: ASGIApp, most_bytes: int = SESSION_BYTES) -> None:
        self._app = app
        self._most = most_bytes
        self._coming: Counter[str] = Counter()  # session -> bytes that were announced and aren't held yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it with why not."""
        found = _PATH.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        session, announced = found["session"], _announced(scope)
        if held_bytes(session) + self._coming[session] + announced > self._most:
            sentence = f"One visit may upload {self._most / 1e6:,.0f} MB at a time. Load these, then send the others."
            await PlainTextResponse(sentence, 413)(scope, receive, send)
            return
        self._coming[session] += announced
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[session] -= announced
            self._coming += Counter()  # keeps what is above 0


def held_bytes(session: str) -> int:
    """How much of a session's uploads the server holds."""
    if not runtime.exists():
        return 0
    held = cast("MemoryUploadedFileManager", runtime.get_instance().uploaded_file_mgr).file_storage
    return sum(len(file.data) for file in list(held.get(session, {}).values()))


def _announced(scope: Scope) -> int:
    """The request's size; one that doesn't tell it may be as long as any file."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    most: int = config.get_option("server.maxUploadSize") * _MEGABYTE
    return int(told) if told.isdigit() else most
