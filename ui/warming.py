"""The first search as quick as the second: what it needs is loaded while the first visitor still reads and types.

Nothing is loaded while the server comes up, or while the first page is on its way to a browser.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # opening the home is left to the thread that warms up
    from search_app.app import SearchApp

_AFTER_SECONDS = 5.0  # where nobody has opened a page by then
_LOOK_SECONDS = 0.1
_drawn = threading.Event()
_QUERY = "anything"


@asynccontextmanager
async def warmed(_app: object) -> AsyncIterator[None]:
    """Warms up once the first page is drawn, or a while after the server's start; for its lifespan."""
    task = asyncio.create_task(once_drawn(_warm_up_home))
    try:
        yield
    finally:
        task.cancel()


def note_page() -> None:
    """A page has been drawn: what is loaded from now on keeps nobody from seeing the first one."""
    _drawn.set()


async def once_drawn(do: Callable[[], None]) -> None:
    """Does it in a thread of its own once a page is drawn, or when nobody has come for a while."""
    latest = time.monotonic() + _AFTER_SECONDS
    while not _drawn.is_set() and time.monotonic() < latest:
        await asyncio.sleep(_LOOK_SECONDS)
    await asyncio.to_thread(do)


def _warm_up_home() -> None:
    from ingest.errors import TwinsearchError
    from ui.resources import opened_home

    try:
        warm_up(opened_home())
    except TwinsearchError:
        return  # whoever opens the page or searches is told


def warm_up(app: "SearchApp") -> str | None:
    """Searches the collection that the page shows first; returns its name, or None where none holds anything.

    Raises:
        TwinsearchError: It can't be searched.
    """
    from search_app.config import DEFAULT_COLLECTION

    filled = [one.name for one in app.catalog.collections.list() if one.live_generation_id is not None]
    if not filled:
        return None
    name = DEFAULT_COLLECTION if DEFAULT_COLLECTION in filled else filled[0]
    app.search(_QUERY, name, k=1)
    return name
