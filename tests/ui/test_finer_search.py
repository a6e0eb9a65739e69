"""What a search may be told besides the query, on the page."""

from collections.abc import Callable
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp

Visit = Callable[..., AppTest]


def page_text(browser: AppTest) -> str:
    parts = [one.proto.body for one in browser.get("html")] + [one.value for one in browser.markdown]
    return unescape(" ".join(parts))


def test_a_lowest_score_leaves_the_worse_hits_out_and_stands_in_the_url(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten", mode="dense")
    assert "dog.txt" in page_text(browser)
    browser.number_input("floor").set_value(0.8).run()
    assert "cat.txt" in page_text(browser)
    assert "dog.txt" not in page_text(browser)
    assert browser.query_params["floor"] == "0.8"


@pytest.mark.parametrize("floor", ["a lot", "nan", "-inf"])
def test_a_link_sets_the_switches_and_nonsense_in_it_sets_none(loaded: SearchApp, visit: Visit, floor: str) -> None:
    browser = visit(query="kitten", exact="1", copies="1", live="1", floor=floor)
    assert not browser.exception
    assert [browser.toggle(name).value for name in ("exact", "copies", "live", "combine")] == [True, True, True, False]
    assert browser.number_input("floor").value is None
    assert "floor" not in browser.query_params


def test_the_box_searches_as_one_types_only_where_that_is_switched_on(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten")
    assert not browser.text_input("query").proto.HasField("live_debounce_ms")
    browser.toggle("live").set_value(True).run()
    assert browser.text_input("query").proto.live_debounce_ms == 400
    assert browser.text_input("query").value == browser.query_params["query"] == "kitten"
    assert browser.query_params["live"] == "1"


def test_parts_with_weights_take_a_meaning_away(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="cat dog - cat", combine="1")
    assert not browser.exception
    text = page_text(browser)
    assert text.index("dog.txt") < text.index("cat.txt")


def test_a_link_asks_for_no_second_stage_where_there_is_none(loaded: SearchApp, visit: Visit) -> None:
    browser = visit(query="kitten", second="1")
    assert not browser.exception
    assert "second" not in [one.key for one in browser.toggle]


def test_a_second_stage_is_offered_where_a_cross_encoder_is_set(
    loaded: SearchApp, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_CROSS_ENCODER", "/nowhere/at-all")
    browser = visit(query="kitten", second="1")
    assert browser.toggle("second").value is True
    assert "/nowhere/at-all" in browser.error[0].value.replace("\\", "")


def test_a_file_is_searched_by_and_its_hits_can_not_be_judged(loaded: SearchApp, visit: Visit) -> None:
    browser = visit()
    browser.file_uploader("example-file").upload("example.txt", b"dog dog dog").run()
    assert not browser.exception
    text = page_text(browser)
    assert "dog.txt" in text
    assert "Similar to the file **example" in text
    assert not browser.get("feedback")
