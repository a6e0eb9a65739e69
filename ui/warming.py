"""The first search as quick as the second: what it needs is loaded while the first visitor still reads and types.

The engine is a process of its own and starts with the server. Nothing is loaded into this one while the server comes
up, or while the first page is on its way to a browser.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # opening the home is left to the thread that warms up
    from search_app.app import SearchApp

_AFTER_SECONDS = 5.0  # where nobody has opened a page by then
_LOOK_SECONDS = 0.1
_drawn = threading.Event()
_QUERY = "anything"


@asynccontextmanager
async def warmed(_app: object) -> AsyncIterator[None]:
    """Starts the engine, and warms up once the first page is drawn, or a while later; for the server's lifespan."""
    tasks = [asyncio.create_task(asyncio.to_thread(start_engine)), asyncio.create_task(once_drawn(_warm_up_home))]
    try:
        yield
    finally:
        for task in tasks:
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


def start_engine() -> None:
    """Starts the embedded Milvus if it holds anything, without opening the home, which takes longer."""
    from ingest.errors import TwinsearchError
    from search_app.config import find_home, load_settings
    from search_app.engine import Engine

    with suppress(TwinsearchError):  # whoever opens the page or searches is told
        home = find_home()
        settings = load_settings(home)
        engine = Engine(home.engine_folder, idle_seconds=settings.engine_idle_seconds)
        if not settings.milvus_uri and engine.data_folder.is_dir():
            engine.address()


def _warm_up_home() -> None:
    from ingest.errors import TwinsearchError
    from ui.resources import opened_home

    with suppress(TwinsearchError):  # as above
        warm_up(opened_home())


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
