import json
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.catalog.judgements import Split
from search_app.jobs import as_json
from search_app.requests import CompareRequest, ReindexRequest
from ui.components.compared import comparison_text
from ui.components.sides import movement, overlap_line, went
from ui.components.votes import ALIKE, is_turned, tally_line

Visit = Callable[..., AppTest]


def lines(browser: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in [*browser.markdown, *browser.caption, *browser.info]]


def test_two_generations_answer_side_by_side_with_what_moved(loaded: SearchApp, visit: Visit) -> None:
    loaded.reindex(ReindexRequest("docs", "literal"))
    left, right = "generation 1, meaning", "generation 2, meaning"
    browser = visit("compare", query="kitten", left=left, right=right)
    assert not browser.exception
    shown = lines(browser)
    (common,) = [one for one in shown if one.startswith("In common: ")]
    assert common.endswith(" · 4 of 10")
    assert [one for one in shown if one.startswith("Encoder ")] == ["Encoder fluent", "Encoder literal"]
    assert "1. cat" in shown
    assert [one for one in shown if one.startswith("1. ")][1] != "1. cat"
    assert browser.query_params["right"] == right


def test_ways_are_those_of_generations_that_have_vectors(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("compare", left="generation 7, meaning")
    assert browser.selectbox("left").options == [
        f"generation 1, {word}" for word in ("meaning and words", "meaning", "words")
    ]
    assert browser.selectbox("left").value == "generation 1, meaning and words"
    assert browser.selectbox("right").value == "generation 1, meaning"


def test_movement_tells_what_rose_fell_came_and_stayed() -> None:
    shown = [movement(2, 5), movement(5, 2), movement(3, 3), movement(1, None)]
    assert shown == [":green[▲ 3]", ":red[▼ 3]", ":gray[=]", ":green-badge[new]"]
    assert [went(2), went(None)] == ["", ":red-badge[gone]"]


def test_what_both_have_is_counted_at_several_depths() -> None:
    left = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 9}
    right = {"b": 1, "a": 2, "d": 5, "e": 6, "x": 3}
    assert overlap_line(left, right) == "In common: 0 of the first 1 · 2 of 3 · 3 of 5 · 4 of 10"


def test_a_blind_vote_hides_whose_answers_they_are_until_it_is_given(loaded: SearchApp, visit: Visit) -> None:
    names = ("generation 1, meaning", "generation 1, words")
    browser = visit("compare", query="cat", left=names[0], right=names[1])
    browser.toggle("blind").set_value(True).run()
    assert not browser.exception
    assert {"**A**", "**B**"} <= set(lines(browser))
    assert not any(one.startswith("A was") for one in lines(browser))
    browser.button("vote-b").click().run()
    first, second = names[::-1] if is_turned("cat", names) else names
    assert f"A was **{first}**, B was **{second}**." in lines(browser)
    counted = [f"{name} better {'1 time' if name == second else '0 times'}" for name in names]
    assert f"1 vote in this visit: {', '.join(counted)}, alike 0 times." in lines(browser)


def test_chance_decides_once_for_a_query_who_is_shown_first() -> None:
    turned = {query: is_turned(query, ("x", "y")) for query in map(str, range(40))}
    assert set(turned.values()) == {True, False}
    assert all(is_turned(query, ("y", "x")) != one for query, one in turned.items())  # the same one is first
    assert tally_line({"cat": "x", "dog": ALIKE}, ("y", "x")).endswith(
        "x better 1 time, y better 0 times, alike 1 time."
    )


def test_two_ways_are_compared_on_all_held_out_queries_by_a_job(
    loaded: SearchApp, visit: Visit, judged: tuple[Path, Path]
) -> None:
    loaded.import_judgements(*judged, split=Split.HELDOUT)
    found = loaded.run(CompareRequest(("1:dense", "1:lexical"), "docs"))
    text = comparison_text(as_json(found))
    assert text.startswith("nDCG@10 on 8 judged queries: generation 1 (fluent), dense 1.0000, ")
    assert "The second is better on 0, worse on 8, equal on 0" in text
    browser = visit("compare")
    assert not browser.exception
    assert text in lines(browser)
    (chart,) = [json.loads(one.proto.spec) for one in browser.get("echarts_chart")]
    assert len(chart["series"][0]["data"]) == 8
