"""The pages in a real browser, as a person uses them: one server process and one Chromium, on the embedded Milvus."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from search_app.app import SearchApp
from search_app.catalog.judgements import NewJudgement, Split
from search_app.requests import IngestRequest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAYLOADS = (Path(__file__).parent / "payloads.txt").read_text(encoding="utf-8").splitlines()
WAIT_MS = 240_000  # of a machine that has much else to do; seconds on a quiet one
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
LEARNED = {"kitten": "cat", "hound": "dog", "loaf": "bread", "blaze": "bread", "drizzle": "rain", "ocean": "rain"}
ASKED = {"kitten kitten": "cat", "hound hound": "dog", "loaf blaze": "bread", "drizzle ocean": "rain"}

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests of this file."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server of its own for a home; ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "search_app.cli", "ui", "--port", str(port), "--home", str(home)]
    environment = {**os.environ, "TWINSEARCH_API_TOKEN": "secret"}
    with (home / "ui.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_until_up(address: str, process: subprocess.Popen[bytes], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"The server at {address} didn't come up.")


@pytest.fixture
def open_page(chromium: Any, shared_home: Path) -> Iterator[Callable[..., Any]]:
    """Opens a path of the home's pages in a window, which notes what it asked for elsewhere and what broke."""
    with served(shared_home) as address:
        context = chromium.new_context(viewport={"width": 1100, "height": 900})
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

        yield go
        context.close()


def is_own(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:"))


def says(page: Any, text: str) -> None:
    """Waits until the text stands on the page."""
    page.get_by_text(text).first.wait_for()


def judge(app: SearchApp, answers: dict[str, str], split: Split) -> None:
    new = [NewJudgement(query, f"docs/{name}.txt", 3, user="ann", split=split) for query, name in answers.items()]
    app.catalog.judgements.add_many(app.catalog.collections.get("docs").id, new)


@pytest.mark.skipif(not os.environ.get("TWINSEARCH_BROWSER"), reason="the whole path runs in `make browser`")
def test_a_person_loads_searches_judges_trains_switches_and_goes_back(
    app: SearchApp, notes: Path, open_page: Callable[..., Any]
) -> None:
    page = open_page("/collections")
    page.locator('input[type="file"]').set_input_files(sorted(notes.iterdir()))
    page.get_by_role("button", name="Load", exact=True).click()
    says(page, "Load into docs")
    page.reload()  # in the middle of the job
    says(page, "4 documents · 4 chunks · 0 judgements")

    page = open_page("/")
    page.get_by_label("Query").fill("kitten")
    page.get_by_label("Query").press("Enter")
    page.locator(".st-key-hit-1 h4").get_by_text("cat", exact=True).wait_for()
    page.locator(".st-key-open-1 button").click()
    page.get_by_role("dialog").get_by_text("cat cat dog").first.wait_for()
    page.get_by_role("dialog").get_by_label("Close").click()
    page.locator(".st-key-thumbs-1 button").first.click()
    says(page, "Noted: answers it")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Noted: answers it").wait_for(state="detached")
    assert app.judgements() == ()

    judge(app, LEARNED, Split.TRAIN)
    judge(app, ASKED, Split.HELDOUT)
    page = open_page("/learn")
    page.get_by_role("button", name="Train", exact=True).click()
    says(page, "Train docs-1")
    page.reload()
    says(page, "Learned from 6 examples")
    page.get_by_role("button", name="Re-index", exact=True).click()
    says(page, "Generation 2 is ready; it isn't live.")
    page.locator(".st-key-compare-2 button").click()
    says(page, "against generation 1")
    page.locator(".st-key-switch-2 button").click()
    force = page.locator(".st-key-force-2 button")
    force.or_(page.get_by_text("Generation 2 is live.")).first.wait_for()
    if force.count():
        force.first.click()
    page.locator(".st-key-rollback button").first.wait_for()
    page.wait_for_selector(IDLE)  # until then the page may hold the old buttons beside the new ones
    page.locator(".st-key-rollback button").first.click()
    says(page, "Generation 1 is live again.")
    assert app.catalog.collections.live("docs").number == 1

    page = open_page("/?query=hound")
    page.locator(".st-key-hit-1 h4").get_by_text("dog", exact=True).wait_for()
    assert (page.foreign, page.broken) == ([], [])


def test_sixty_payloads_in_every_field_run_nothing_and_ask_for_nothing_elsewhere(
    app: SearchApp, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    table = tmp_path / "rows.jsonl"
    rows = [
        {"_id": f"{n} {one}", "title": one, "text": f"cat {one}", "url": one, "kind": "<b>k</b>", one: one}
        for n, one in enumerate(PAYLOADS)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(table),), whole=True))
    for path in ("/?query=cat+%3Cimg+src%3Dx+onerror%3Dwindow.__ran%3D1%3E&size=50", "/?query=cat&size=50&page=2"):
        page = open_page(path)
        page.wait_for_selector('[class*="st-key-hit-"]')
        page.locator('[class*="st-key-why-"] button').last.click()
        page.get_by_role("dialog").get_by_text("Score").first.wait_for()
        assert page.evaluate("window.__ran") is None
        assert page.locator("mark, .why").count() > 0
    for path in ("/collections", "/learn", "/compare?query=cat", "/status"):
        page = open_page(path)
        assert page.evaluate("window.__ran") is None
    assert (page.foreign, page.broken) == ([], [])
    assert page.locator("iframe, object, embed, base, script:not([src])[onload], img[onerror]").count() == 0


def test_the_policy_is_sent_and_another_hosts_name_is_refused(shared_home: Path) -> None:
    with served(shared_home) as address:
        with urllib.request.urlopen(address) as answer:
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-frame-options"] == "DENY"
        asked = urllib.request.Request(address, headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(asked)
        asked = urllib.request.Request(f"{address}/api/status", headers={"Authorization": "Bearer secret"})
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["collections"] == []
