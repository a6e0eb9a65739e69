import shutil
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.errors import UnknownEncoder
from search_app.requests import IngestRequest
from ui.warming import warm_up


def test_a_home_that_holds_nothing_has_nothing_to_warm_up(app: SearchApp) -> None:
    app.catalog.collections.create("faq")
    assert warm_up(app) is None


def test_the_collection_that_the_page_shows_first_is_warmed_up(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),), "a"))
    assert warm_up(app) == "a"
    app.ingest(IngestRequest((str(notes),), "docs"))
    assert warm_up(app) == "docs"


def test_warming_up_loads_the_encoder_that_answers(loaded: SearchApp) -> None:
    shutil.rmtree(loaded.encoders.folder("fluent"))
    with SearchApp.open(loaded.home.path) as later, pytest.raises(UnknownEncoder):
        warm_up(later)
