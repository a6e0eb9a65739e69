import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.errors import UnknownEncoder
from search_app.requests import IngestRequest
from ui import warming
from ui.warming import note_page, once_drawn, start_engine, warm_up

Visit = Callable[..., AppTest]


@pytest.fixture
def nobody_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the server had just begun; pages of other tests have been drawn in this process."""
    monkeypatch.setattr(warming, "_drawn", threading.Event())


def test_a_home_that_holds_nothing_has_nothing_to_warm_up(app: SearchApp) -> None:
    app.catalog.collections.create("faq")
    assert warm_up(app) is None


def test_the_collection_that_the_page_shows_first_is_warmed_up(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),), "a"))
    assert warm_up(app) == "a"
    app.ingest(IngestRequest((str(notes),), "docs"))
    assert warm_up(app) == "docs"


def test_nothing_is_loaded_before_a_page_is_drawn(nobody_came: None) -> None:
    begun = threading.Event()

    async def come() -> bool:
        task = asyncio.create_task(once_drawn(begun.set))
        await asyncio.sleep(0.3)
        is_early = begun.is_set()
        note_page()
        await task
        return is_early

    assert not asyncio.run(come())
    assert begun.is_set()


def test_the_engine_starts_with_the_server_where_it_holds_something(
    loaded: SearchApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_HOME", str(tmp_path / "empty"))
    start_engine()
    assert not (tmp_path / "empty").exists()
    monkeypatch.setenv("TWINSEARCH_HOME", str(loaded.home.path))
    loaded.engine.stop()
    start_engine()
    assert loaded.engine.status().running


def test_every_page_tells_that_it_is_drawn(nobody_came: None, app: SearchApp, visit: Visit) -> None:
    begun = threading.Event()
    visit("collections")
    asyncio.run(asyncio.wait_for(once_drawn(begun.set), 5))  # far less than it waits for nobody
    assert begun.is_set()


def test_warming_up_loads_the_encoder_that_answers(loaded: SearchApp) -> None:
    shutil.rmtree(loaded.encoders.folder("fluent"))
    with SearchApp.open(loaded.home.path) as later, pytest.raises(UnknownEncoder):
        warm_up(later)
