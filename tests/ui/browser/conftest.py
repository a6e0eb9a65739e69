"""A real Chromium before a real server: the browser is opened once a module, the server once for each home."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.server import served
from search_app.app import SearchApp
from search_app.engine import Engine

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_MS = 240_000  # of a machine that has much else to do; seconds on a quiet one
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
Go = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests: while Playwright is there, no other test could run an event loop."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium on this machine.")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def window(chromium: Any, address: str, **options: Any) -> Iterator[Go]:
    """Opens paths of a server in a window, which notes what it asked for elsewhere and what broke."""
    context = chromium.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.foreign, page.broken = [], []
    page.on("request", lambda asked: None if is_own(asked.url, address) else page.foreign.append(asked.url))
    page.on("dialog", lambda dialog: (page.broken.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: page.broken.append(str(error)))

    def go(path: str) -> Any:
        page.goto(address + path)
        page.wait_for_selector(IDLE)
        return page

    try:
        yield go
    finally:
        context.close()


def is_own(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:"))


@pytest.fixture
def open_page(chromium: Any, shared_home: Path) -> Iterator[Go]:
    """Opens a path of the pages of a home of the test's own."""
    with served(shared_home) as server, window(chromium, server.address) as go:
        yield go


@pytest.fixture(scope="module")
def settled_home(new_home: Callable[[], AbstractContextManager[Path]], engine: Engine) -> Iterator[Path]:
    """A home for the tests of a module."""
    engine.address()
    with new_home() as folder:
        (folder / "engine").symlink_to(engine.folder, target_is_directory=True)
        yield folder
        with SearchApp.open(folder) as opened:
            for collection in opened.catalog.collections.list():
                opened.drop_collection(collection.name)


@pytest.fixture
def windows(chromium: Any) -> Callable[..., AbstractContextManager[Go]]:
    """Opens a window before a server that is there already."""
    return partial(window, chromium)
