"""Pages as a visitor's browser would run them, on the homes of `tests/search_app` and the session's embedded Milvus."""

import functools
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.requests import IngestRequest
from ui.resources import opened_home

ENTRY = Path(__file__).parents[2] / "ui" / "app.py"
HOMES = Path(__file__).parents[1] / "search_app" / "conftest.py"

_spec = importlib.util.spec_from_file_location("homes_of_search_app", HOMES)
_homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_homes)
FIXTURE = type(_homes.app)
globals().update({name: value for name, value in vars(_homes).items() if isinstance(value, FIXTURE)})

Visit = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def packages_read_once() -> Iterator[None]:
    """Streamlit looks for components in all installed packages when it starts, which each visit here does: 0.2 s."""
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture
def visit(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens a page by its name, with the parameters of a URL."""
    monkeypatch.setenv("TWINSEARCH_HOME", str(shared_home))
    opened_home.clear()

    def open_page(page: str = "search", /, **parameters: str | list[str]) -> AppTest:
        browser = AppTest.from_file(ENTRY, default_timeout=60)
        browser.query_params.update(parameters)
        if page != "search":
            browser.run()
            browser.switch_page(f"pages/{page}.py")
            browser.query_params.update(parameters)
        return browser.run()

    yield open_page
    opened_home.clear()  # closes what the pages opened


@pytest.fixture
def loaded(app: SearchApp, notes: Path) -> SearchApp:
    """The home with the four notes in the collection "docs"."""
    app.ingest(IngestRequest((str(notes),)))
    return app
