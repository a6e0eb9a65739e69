import os
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import psutil
from streamlit.testing.v1 import AppTest

from search_app.app import SearchApp
from search_app.arranging import can_arrange, write_layout
from search_app.maps import CollectionMap, MapPoint
from ui.components.landscape import BY_TOPIC, grouped, landscape

Visit = Callable[..., AppTest]


def point(number: int, topic: int = 0, **metadata: str) -> MapPoint:
    return MapPoint(f"c{number}", f"d{number}", f"t{number}", "…", MappingProxyType(metadata), topic, number, -number)


def drawn(*points: MapPoint) -> CollectionMap:
    topics = ("cat, dog", "rain")
    return CollectionMap("docs", 1, len(points), points, topics, 0.25, np.zeros(4), np.zeros((2, 4)))


def test_a_map_shows_every_passage_the_query_and_its_hits(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("map", query="kitten", collection="docs")
    assert not browser.exception
    shown = [one.value.replace("\\", "") for one in [*browser.caption, *browser.markdown]]
    assert any(one.startswith("All of 4 passages. Distances are approximate: the picture shows ") for one in shown)
    assert any(one.startswith("1. cat\n2. ") for one in shown)
    assert browser.get("echarts_chart")
    assert browser.query_params["query"] == "kitten"


def test_without_a_picture_by_t_sne_the_first_one_stays_and_a_job_is_offered(loaded: SearchApp, visit: Visit) -> None:
    browser = visit("map", collection="docs", way="tsne")
    assert not browser.exception
    told = [one.value for one in browser.caption]
    assert "There is no picture by t-SNE of this generation yet; this one is that of principal components." in told
    assert any("the picture shows" in one for one in told)
    assert browser.query_params["way"] == "tsne"
    if can_arrange():
        assert browser.button("arrange").label == "Draw by t-SNE"
        assert not browser.button("arrange").disabled
        job = loaded.catalog.jobs.create("arrange", "docs", {})
        loaded.catalog.jobs.start(job.id, os.getpid(), psutil.Process().create_time())
        assert browser.run().button("arrange").disabled
    else:
        assert "`pip install 'twinsearch[map]'`" in browser.info[0].value


def test_a_picture_by_t_sne_is_shown_where_there_is_one(loaded: SearchApp, visit: Visit) -> None:
    live = loaded.catalog.collections.live("docs")
    assert live is not None
    ids = sorted(loaded.catalog.documents.passages_of(live, ["notes/cat.txt", "notes/dog.txt"]))
    chunks = [passage.chunk.id for one in ids for passage in loaded.catalog.documents.passages_of(live, [one])[one]]
    write_layout(loaded.home.maps_folder, live, chunks, np.array([[0.0, 1.0], [2.0, 3.0]]))
    browser = visit("map", query="kitten", collection="docs", way="tsne")
    assert not browser.exception
    told = [one.value for one in browser.caption]
    assert any(one.startswith("2 of 4 passages. Distances are approximate: neighbours lie together") for one in told)
    assert any("not drawn" in one.value for one in browser.markdown)


def test_a_collection_that_holds_nothing_has_no_map(app: SearchApp, visit: Visit) -> None:
    app.catalog.collections.create("docs")
    browser = visit("map")
    assert not browser.exception
    assert browser.info[0].value == "This collection holds nothing yet. Load documents first."


def test_points_are_grouped_by_topic_or_by_a_field() -> None:
    found = drawn(point(1, 1), point(2, 0, kind="a"), point(3, 0, kind="b"), point(4, 0, kind="b"))
    assert {name: len(points) for name, points in grouped(found, BY_TOPIC).items()} == {"1. cat, dog": 3, "2. rain": 1}
    assert {name: len(points) for name, points in grouped(found, "kind").items()} == {"b": 2, "–": 1, "a": 1}


def test_values_beyond_the_colours_are_others() -> None:
    groups = grouped(drawn(*(point(number, kind=f"k{number % 30}") for number in range(60))), "kind")
    assert list(groups)[-1] == "others"
    assert [len(points) for points in groups.values()] == [2] * 9 + [42]


def test_a_click_means_the_point_of_its_series() -> None:
    found = drawn(point(1, 0), point(2, 0), point(3, 1))
    chart = landscape(found, BY_TOPIC, hits=[found.points[1]], query=(0.5, 0.5))
    assert [one["name"] for one in chart.spec["series"]] == ["1. cat, dog", "2. rain", "hits", "names", "query"]
    clicks = ((0, 1, "d2"), (1, 0, "d3"), (2, 0, "d2"))
    for series, place, document_id in clicks:
        chosen = chart.chosen([{"series_index": series, "data_indices": [place]}])
        assert [one.document_id for one in chosen] == [document_id]
    assert chart.chosen([]) == []
    assert chart.spec["series"][3]["data"] == [
        {"name": "1. cat, dog", "value": [1.5, -1.5]},
        {"name": "2. rain", "value": [3, -3]},
    ]
    assert chart.chosen([{"series_index": 3, "data_indices": [0]}]) == []
    assert chart.chosen([{"series_index": 0, "data_indices": [99]}]) == []
