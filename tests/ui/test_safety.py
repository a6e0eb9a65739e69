"""No text from outside is ever markup: who may write HTML is listed here, and 60 payloads are shown in every field."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.requests import IngestRequest
from ui.components.focus import FOCUS_SCRIPT
from ui.components.marks import marked_around, marked_html
from ui.headers import content_policy

Visit = Callable[..., AppTest]
UI = Path(__file__).parents[2] / "ui"
PAYLOADS = (Path(__file__).parent / "payloads.txt").read_text(encoding="utf-8").splitlines()
DOORS = {
    ("app.py", "html"),  # a constant
    ("components/focus.py", "html"),  # likewise
    ("components/focus.py", "unsafe_allow_javascript"),  # the same
    ("components/cards.py", "html"),  # escaped there
    ("components/marks.py", "html"),  # likewise
    ("components/why.py", "html"),  # escaped by search_app.explain.html
}
_DANGEROUS = {"html", "iframe", "components", "unsafe_allow_html", "unsafe_allow_javascript"}
_OWN_TAG = re.compile(
    r'</?(?:div|mark|h4|span|a)(?: (?:style|class|title)="[^"<>]*"| href="https?://[^"<>]*" target="_blank")*>'
)


def doors(path: Path) -> Iterator[tuple[str, str]]:
    """Every use of what could draw HTML, by file and name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in _DANGEROUS:  # of st, or of a place on the page
            yield path.relative_to(UI).as_posix(), node.attr
        if isinstance(node, ast.keyword) and node.arg in _DANGEROUS:
            yield path.relative_to(UI).as_posix(), str(node.arg)


def test_html_is_drawn_through_the_listed_doors_only() -> None:
    assert {door for path in UI.rglob("*.py") for door in doors(path)} == DOORS


@pytest.mark.parametrize("payload", PAYLOADS)
def test_marked_text_has_no_tags_but_our_own(payload: str) -> None:
    marked = marked_html(payload, [(0, len(payload) // 2)])
    assert "<" not in _OWN_TAG.sub("", marked)
    assert not re.search(r"&(?!lt;|gt;|amp;|quot;|#x27;)", marked)
    underlined = marked_around(payload, [(0, len(payload) // 2)], (len(payload) // 3, len(payload)))
    assert unescape(_OWN_TAG.sub("", underlined)) == payload
    assert "<" not in _OWN_TAG.sub("", underlined)


def test_the_policy_lets_no_script_run_but_those_that_it_names() -> None:
    (scripts,) = [part for part in content_policy([FOCUS_SCRIPT]).split("; ") if part.startswith("script-src")]
    assert re.fullmatch(r"script-src 'self' 'wasm-unsafe-eval' 'sha256-[\w+/]{43}='", scripts)


@pytest.fixture
def poisoned(app: SearchApp, tmp_path: Path) -> SearchApp:
    """A document for each payload, which stands in its id, title, text, source and metadata."""
    table = tmp_path / "rows.jsonl"
    rows = [
        {"_id": f"{n} {one}", "title": one, "text": f"cat {one}", "url": one, "kind": one, one: "x"}
        for n, one in enumerate(PAYLOADS)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app.ingest(IngestRequest((str(table),), whole=True))
    return app


def test_payloads_in_every_field_are_shown_as_text(poisoned: SearchApp, visit: Visit) -> None:
    for page in ("1", "2"):
        browser = visit(query=f"cat {PAYLOADS[0]}", size="50", page=page)
        assert not browser.exception
        assert browser.get("feedback")
        markdown = [one.value for one in [*browser.markdown, *browser.caption]] + [one.label for one in browser.button]
        unescaped = [re.sub(r"\\[!-/:-@\[-`{-~]", "", one) for one in markdown]
        assert [one for one in unescaped if re.search(r"<(?!https?:)|\]\((?!<https?:)|`|!\[|\$", one)] == []
        cards = [one.proto.body for one in browser.get("html") if "<h4" in one.proto.body]
        assert len(cards) == len(browser.get("feedback"))
        assert "<" not in _OWN_TAG.sub("", "".join(cards))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_the_page_listens_for_other_machines_only_when_told_that_it_is_insecure(
    twinsearch: Callable[..., tuple[int, str, str]], address: str
) -> None:
    code, _, err = twinsearch("ui", "--address", address)
    assert code == 2
    assert f"At {address!r} everybody who reaches this machine could read and change all collections" in err
