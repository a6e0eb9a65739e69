"""Every page as a browser, a keyboard and a screen reader meet it: nothing foreign runs, nobody is shut out.

The quick part looks at Search; with TWINSEARCH_BROWSER (`make browser`) every page is looked at, light and dark.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.server import Server, served
from search_app.app import SearchApp
from search_app.catalog.encoders import EncoderRecord
from search_app.catalog.judgements import NewJudgement
from search_app.requests import IngestRequest

PAYLOADS = (Path(__file__).parents[1] / "payloads.txt").read_text(encoding="utf-8").splitlines()
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
SERIOUS = ("serious", "critical")
SEARCH = "/?query=cat&collection=docs"
QUICK = (SEARCH,)
EVERY = (*QUICK, *(f"/{name}" for name in ("collections", "documents", "judge", "learn", "compare?query=cat")))
EVERY += ("/similarity", "/map", "/status")
PAGES = EVERY if os.environ.get("TWINSEARCH_BROWSER") else QUICK
SCHEMES = ("light", "dark") if os.environ.get("TWINSEARCH_BROWSER") else ("light",)
# What a person who can't use a mouse reaches with Tab, as far as it has a name.
TABBED = """() => {
    const one = document.activeElement;
    return one.getAttribute('aria-label') || one.innerText || one.getAttribute('placeholder') || one.tagName;
}"""
Open = Callable[..., AbstractContextManager[Callable[[str], Any]]]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(settled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A home with the notes in "docs", and with payloads in "odd": of documents, files, people, encoders, queries."""
    folder = tmp_path_factory.mktemp("browsed")
    (folder / "docs.jsonl").write_text("".join(json.dumps({"_id": f"d{n}", "text": "cat dog"}) + "\n" for n in "123"))
    rows = [
        {"_id": f"{n} {one}", "title": one, "text": f"cat {one}", "url": one, "kind": "<b>k</b>", one: one}
        for n, one in enumerate(PAYLOADS)
    ]
    (folder / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "odd").mkdir()
    for payload in PAYLOADS[::12]:
        (folder / "odd" / f"{payload.replace('/', '∕')[:60]}.txt").write_text(f"cat {payload}")
    with SearchApp.open(settled_home, user=PAYLOADS[0]) as app:
        app.catalog.encoders.add(EncoderRecord("f" * 64, PAYLOADS[1], PAYLOADS[1], 3, 9))
        for name in ("docs", "odd"):
            app.ingest(IngestRequest((str(folder / f"{name}.jsonl"),), name, whole=True))
        app.ingest(IngestRequest((str(folder / "odd"),), "odd"))
        asked, answer = f"cat {PAYLOADS[2]}", f"0 {PAYLOADS[0]}"
        app.judge(asked, answer, 3, collection="odd")
        other = NewJudgement(asked, answer, 0, user=PAYLOADS[3])
        app.catalog.judgements.add_many(app.catalog.collections.get("odd").id, [other])
    with served(settled_home, environment={"TWINSEARCH_API_TOKEN": "secret"}) as running:
        yield running


@pytest.mark.slow
def test_sixty_payloads_in_every_field_run_nothing_and_ask_for_nothing_elsewhere(server: Server, windows: Open) -> None:
    with windows(server.address) as go:
        for path in ("/?query=cat+%3Cimg+src%3Dx+onerror%3Dwindow.__ran%3D1%3E", "/?query=cat&page=2"):
            page = go(f"{path}&collection=odd&size=50")
            page.wait_for_selector('[class*="st-key-hit-"]')
            page.locator('[class*="st-key-why-"] button').last.click()
            page.get_by_role("dialog").get_by_text("Score").first.wait_for()
            assert page.evaluate("window.__ran") is None
            assert page.locator("mark, .why").count() > 0
        odd = [f"/{page}?collection=odd" for page in ("documents", "judge", "learn")]
        for path in (*(one for one in PAGES if one != SEARCH), *odd, "/status"):
            page = go(path)
            assert page.evaluate("window.__ran") is None
        assert (page.foreign, page.broken) == ([], [])
        assert page.locator("iframe, object, embed, base, script:not([src])[onload], img[onerror]").count() == 0


def test_the_policy_is_sent_and_another_hosts_name_is_refused(server: Server) -> None:
    with urllib.request.urlopen(server.address) as answer:
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
    asked = urllib.request.Request(server.address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(asked)
    asked = urllib.request.Request(f"{server.address}/api/status", headers={"Authorization": "Bearer secret"})
    with urllib.request.urlopen(asked) as answer:
        assert [one["name"] for one in json.load(answer)["collections"]] == ["docs", "odd"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious(server: Server, windows: Open, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []
    with windows(server.address, color_scheme=scheme) as go:
        for path in PAGES:
            page = go(path)
            wrong = [one for one in axe.run(page).response["violations"] if one["impact"] in SERIOUS]
            found += [f"{path} {one['id']} {node['html'][:120]}" for one in wrong for node in one["nodes"]]
    assert found == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_narrow_screen_needs_no_scrolling_sideways(server: Server, windows: Open, scheme: str) -> None:
    with windows(server.address, viewport={"width": 360, "height": 740}, color_scheme=scheme) as go:
        for path in PAGES:
            page = go(path)
            wide = page.evaluate(
                "() => Math.max(document.documentElement.scrollWidth, document.querySelector('.stMain').scrollWidth)"
            )
            assert wide <= 360, path


def test_a_search_is_asked_judged_and_explained_by_keyboard_alone(server: Server, windows: Open) -> None:
    with windows(server.address) as go:
        page = go("/?collection=docs")
        page.get_by_label("Query").focus()
        page.keyboard.type("kitten")
        page.keyboard.press("Enter")
        page.locator(".st-key-hit-1 h4").first.wait_for()
        page.wait_for_selector(IDLE)
        reached = tabbed(page, 80)
        assert {"Open", "Similar", "Why"} <= {name.strip().split("\n")[-1] for name in reached}
        page.locator(".st-key-why-1 button").focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_text("Score").first.wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        page.locator(".st-key-thumbs-1 button").first.focus()
        page.keyboard.press("Enter")
        page.get_by_text("Noted: answers it").first.wait_for()


def tabbed(page: Any, times: int) -> list[str]:
    """What Tab reaches one after the other."""
    reached = []
    for _ in range(times):
        page.keyboard.press("Tab")
        reached.append(str(page.evaluate(TABBED)))
    return reached
