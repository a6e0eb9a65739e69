from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.requests import ReindexRequest
from ui.components.sides import movement

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in [*browser.markdown, *browser.caption, *browser.info]]


def test_two_generations_answer_side_by_side_with_what_moved(loaded: SearchApp, visit: Visit) -> None:
    loaded.reindex(ReindexRequest("docs", "literal"))
    left, right = "generation 1, meaning", "generation 2, meaning"
    browser = visit("compare", query="kitten", left=left, right=right)
    assert not browser.exception
    shown = lines(browser)
    assert "4 documents in common among the first 10" in shown
    assert "1. cat" in shown
    assert [one for one in shown if one.startswith("1. ")][1] != "1. cat"
    assert browser.query_params["right"] == right


def test_ways_are_those_of_generations_that_have_vectors(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("compare", left="generation 7, meaning")
    assert browser.selectbox("left").options == [f"generation 1, {word}" for word in ("both", "meaning", "words")]
    assert browser.selectbox("left").value == "generation 1, both"
    assert browser.selectbox("right").value == "generation 1, meaning"


def test_movement_tells_what_rose_fell_came_and_stayed() -> None:
    shown = [movement(2, 5), movement(5, 2), movement(3, 3), movement(1, None)]
    assert shown == [":green[▲ 3]", ":red[▼ 3]", ":gray[=]", ":green-badge[new]"]
