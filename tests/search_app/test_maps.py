"""A map shows the directions in which vectors differ most, and a query lies where its vector does."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ingest.progress import unheard
from search_app import maps
from search_app.app import SearchApp
from search_app.errors import QueryError, UsageError
from search_app.maps import principal_plane

NAMES = ["notes/bread.txt", "notes/cat.txt", "notes/dog.txt", "notes/rain.txt"]


def test_the_plane_is_that_of_another_implementation() -> None:
    vectors = np.random.default_rng(11).normal(size=(60, 8)).astype(np.float32) * np.arange(1, 9, dtype=np.float32)
    middle, plane, share = principal_plane(vectors)
    other = PCA(2).fit(vectors)
    assert np.abs(np.sum(plane * other.components_, axis=1)) == pytest.approx([1, 1], abs=1e-4)
    assert share == pytest.approx(float(other.explained_variance_ratio_.sum()), abs=1e-4)
    assert middle == pytest.approx(other.mean_, abs=1e-4)
    assert plane.max(axis=1) == pytest.approx(np.abs(plane).max(axis=1))  # never mirrored


def test_equal_vectors_lie_on_one_point() -> None:
    _, plane, share = principal_plane(np.ones((3, 4), dtype=np.float32))
    assert plane.shape == (2, 4)
    assert share == 1.0


def test_every_passage_is_a_point_and_alike_ones_lie_together(noted: SearchApp) -> None:
    drawn = noted.map_of("docs", 2)
    assert (drawn.collection, drawn.generation, drawn.passage_count) == ("docs", 1, 4)
    points = {point.document_id: point for point in drawn.points}
    assert sorted(points) == NAMES
    assert points["notes/cat.txt"].topic == points["notes/dog.txt"].topic
    assert points["notes/cat.txt"].text == "cat cat dog"
    assert 0 < drawn.shown_share <= 1
    assert len(drawn.topics) == 2
    assert any("dog" in words for words in drawn.topics)


def test_a_query_lies_where_a_passage_with_its_vector_lies(noted: SearchApp) -> None:
    drawn = noted.map_of("docs", 1)
    point = next(one for one in drawn.points if one.document_id == "notes/cat.txt")
    assert noted.place_on_map(drawn, "kitten kitten hound") == pytest.approx((point.x, point.y), abs=1e-3)


def test_the_same_seed_draws_the_same_map(noted: SearchApp) -> None:
    assert noted.map_of("docs", 3, seed=4) == noted.map_of("docs", 3, seed=4)


def test_more_passages_than_can_be_drawn_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "POINTS_MOST", 10)

    def pages() -> Iterator[tuple[list[str], np.ndarray]]:
        for page in range(5):
            ids = [f"c{7 * page + place}" for place in range(7)]
            yield ids, np.array([[float(one[1:])] for one in ids], dtype=np.float32)

    ids, vectors = maps.sampled(pages(), 35, 3, unheard)
    assert len(set(ids)) == len(ids) == 10
    assert [f"c{int(row[0])}" for row in vectors] == ids


@pytest.mark.parametrize("count", [0, 21])
def test_a_number_of_topics_out_of_range_is_refused(noted: SearchApp, count: int) -> None:
    with pytest.raises(UsageError, match=f"A map has no {count} topics; choose a number from 1 to 20."):
        noted.map_of("docs", count)


def test_a_collection_without_documents_has_no_map(app: SearchApp) -> None:
    app.catalog.collections.create("faq")
    with pytest.raises(QueryError, match="holds nothing yet"):
        app.map_of("faq")
