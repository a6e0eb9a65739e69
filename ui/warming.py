"""The first search as quick as the second: what it needs is loaded while the first visitor still reads and types.

Nothing is loaded while the server comes up, or while the first page is on its way to a browser.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # opening the home is left to the thread that warms up
    from search_app.app import SearchApp

_AFTER_SECONDS = 5.0  # the first page has been painted by then
_QUERY = "anything"


@asynccontextmanager
async def warmed(_app: object) -> AsyncIterator[None]:
    """Warms up a while after the server's start; for its lifespan."""
    task = asyncio.create_task(_later())
    try:
        yield
    finally:
        task.cancel()


async def _later() -> None:
    await asyncio.sleep(_AFTER_SECONDS)
    await asyncio.to_thread(_warm_up_home)


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
