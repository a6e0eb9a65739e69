"""t-SNE keeps neighbours together; its picture is kept with the generation, and goes with it."""

from pathlib import Path

import numpy as np
import pytest

from ingest.progress import Progress, unheard
from search_app.app import SearchApp
from search_app.arranging import tsne
from search_app.errors import Cancelled, UsageError
from search_app.requests import ArrangeRequest, IngestRequest

pytest.importorskip("openTSNE")
WORDS = ("cat", "dog", "bread", "fire", "rain", "sea", "night", "king")


@pytest.fixture
def shelf(app: SearchApp, tmp_path: Path) -> SearchApp:
    """A home with twelve notes, two of which have the same words."""
    for number in range(12):
        text = f"{WORDS[number % 8]} " * (1 + number // 8) + WORDS[(3 * number + 1) % 8]
        (tmp_path / f"n{number:02}.txt").write_text(text)
    app.ingest(IngestRequest((str(tmp_path),)))
    return app


def test_neighbours_stay_neighbours() -> None:
    generator = np.random.default_rng(5)
    middles = np.eye(8, dtype=np.float32)[:3]
    vectors = np.repeat(middles, 20, axis=0) + generator.normal(scale=0.05, size=(60, 8)).astype(np.float32)
    heard: list[Progress] = []
    places = tsne(vectors, perplexity=30, seed=5, report=heard.append)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (distances.argmin(axis=1) // 20).tolist() == np.repeat(range(3), 20).tolist()
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (750, 750, "steps")


def test_whoever_stops_it_is_heard_at_once() -> None:
    def stop(progress: Progress) -> None:
        if progress.done:
            raise Cancelled(f"stopped at {progress.done}")

    with pytest.raises(Cancelled, match="stopped at 10"):
        tsne(np.random.default_rng(5).normal(size=(30, 4)).astype(np.float32), perplexity=5, seed=5, report=stop)


def test_a_picture_is_kept_with_its_generation_shows_a_query_and_goes_with_it(shelf: SearchApp, tmp_path: Path) -> None:
    assert shelf.layout_of("docs") is None
    arranged = shelf.run(ArrangeRequest("docs"), unheard)
    assert (arranged.generation, arranged.drawn_count, arranged.passage_count) == (1, 12, 12)
    layout = shelf.layout_of("docs")
    assert layout is not None
    drawn = shelf.map_of("docs", 2, layout=layout)
    assert drawn.shown_share is None
    assert {point.chunk_id: (point.x, point.y) for point in drawn.points} == {
        one: pytest.approx(place, abs=1e-3) for one, place in layout.places.items()
    }
    near = {hit.chunk_id for hit in shelf.search("kitten", mode="dense", k=5).hits}
    xs = sorted(point.x for point in drawn.points if point.chunk_id in near)
    place = shelf.place_on_map(drawn, "kitten")  # amid the nearest passages, as there is no plane
    assert place is not None
    assert place[0] == pytest.approx(xs[2])
    (tmp_path / "later.txt").write_text("automobile")
    shelf.ingest(IngestRequest((str(tmp_path),)))
    assert len(shelf.map_of("docs", 2, layout=layout).points) == 12  # what came since has no place
    assert len(shelf.map_of("docs", 2).points) == 13
    (file,) = shelf.home.maps_folder.iterdir()
    whole = file.read_bytes()
    for half in (whole[:-40], whole[:10], b""):  # as a power cut leaves it
        file.write_bytes(half)
        assert shelf.layout_of("docs") is None
    shelf.drop_collection("docs")
    assert list(shelf.home.maps_folder.iterdir()) == []


def test_too_few_passages_and_no_neighbours_are_refused(noted: SearchApp) -> None:
    with pytest.raises(UsageError) as few:
        noted.arrange(ArrangeRequest("docs"))
    assert str(few.value) == "4 passages can't be arranged by their neighbours; t-SNE needs 10."
    with pytest.raises(UsageError, match=r"A perplexity of 0\.5 keeps no neighbours together"):
        noted.arrange(ArrangeRequest("docs", perplexity=0.5))
