from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from ui.components.charts import curves, heat_map

Visit = Callable[..., AppTest]


def test_every_line_is_compared_with_every_other(app: SearchApp, visit: Visit) -> None:
    browser = visit("similarity")
    browser.text_area("texts").set_value("cat dog\n\n kitten \nsea").run()
    assert not browser.exception
    assert list(browser.dataframe[0].value["text"]) == ["cat dog", "kitten", "sea"]
    assert browser.dataframe[0].value["read as"][0] == "[CLS] · cat · dog · [SEP]"
    assert list(browser.dataframe[0].value["tokens"]) == [4, 3, 3]
    assert list(browser.dataframe[0].value["not read"]) == [0, 0, 0]


def test_one_text_alone_is_refused_with_a_sentence(app: SearchApp, visit: Visit) -> None:
    browser = visit("similarity")
    browser.text_area("texts").set_value("cat").run()
    assert browser.error[0].value.replace("\\", "").startswith("Texts to compare: 1; expected 2 to 1,000.")


@pytest.mark.parametrize("is_nearness", [True, False])
def test_the_picture_has_a_cell_for_each_pair_and_is_darkest_where_texts_are_nearest(is_nearness: bool) -> None:
    chart = heat_map(["a", "b"], [[1.0, 0.25], [0.25, 1.0]], is_nearness=is_nearness)
    assert chart["series"][0]["data"] == [[0, 0, 1.0], [1, 0, 0.25], [0, 1, 0.25], [1, 1, 1.0]]
    assert (chart["xAxis"]["data"], chart["yAxis"]["data"]) == (["1", "2"], ["a", "b"])
    assert (chart["visualMap"]["min"], chart["visualMap"]["max"]) == (0.25, 1.0)
    assert chart["visualMap"]["inRange"]["color"][-1 if is_nearness else 0] == "#3fb8ad"


def test_text_in_a_chart_is_drawn_and_never_markup() -> None:
    for chart in (heat_map(["<b>"], [[1.0]], is_nearness=True), curves({"<b>": [(0, 0)]}, "<b>", "<b>")):
        assert chart["tooltip"]["renderMode"] == "richText"
