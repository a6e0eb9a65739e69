"""Topics are the groups that were put in, with the words and titles that tell them apart."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from math import log
from pathlib import Path
from random import Random

import numpy as np
import pytest
from sklearn.metrics import v_measure_score

from search_app.app import SearchApp
from search_app.clusters import best_count, cluster, nearest, silhouette, telling_words
from search_app.engine import Engine
from search_app.errors import IndexFailure, QueryError, UsageError
from search_app.requests import ArrangeRequest, IngestRequest

Twinsearch = Callable[..., tuple[int, str, str]]
GROUPS = {"animal": ("cat", "dog", "child"), "weather": ("rain", "sea", "night"), "kitchen": ("bread", "fire", "house")}


@pytest.fixture(scope="module")
def grouped(
    new_home: Callable[[], AbstractContextManager[Path]], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchApp]:
    """An opened home with 60 documents in three groups of words; the first group is the largest."""
    random = Random(4)
    path = tmp_path_factory.mktemp("grouped") / "rows.jsonl"
    rows = [
        {"_id": f"{name} {number}", "title": f"{name} {number}", "text": " ".join(random.choices(words, k=8))}
        for size, (name, words) in zip((25, 20, 15), GROUPS.items(), strict=True)
        for number in range(size)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    engine.address()
    with new_home() as home:
        (home / "engine").symlink_to(engine.folder, target_is_directory=True)
        with SearchApp.open(home) as opened:
            opened.ingest(IngestRequest((str(path),)))
            yield opened
            opened.drop_collection("docs")


def test_topics_are_the_groups_that_were_put_in(grouped: SearchApp) -> None:
    found = grouped.clusters("docs", 3)
    assert [topic.passage_count for topic in found.topics] == [25, 20, 15]
    assert [topic.share for topic in found.topics] == pytest.approx([25 / 60, 20 / 60, 15 / 60])
    for topic, (name, words) in zip(found.topics, GROUPS.items(), strict=True):
        assert set(topic.words) == set(words)
        assert [title.split()[0] for title in topic.titles] == [name] * 3
    assert (found.collection, found.generation, found.passage_count) == ("docs", 1, 60)


def test_as_many_topics_are_found_as_are_best_apart(grouped: SearchApp) -> None:
    found = grouped.clusters("docs")
    assert len(found.topics) == 3
    assert found.silhouette > 0.3


def test_the_same_seed_gives_the_same_topics(grouped: SearchApp) -> None:
    assert grouped.clusters("docs", 5, seed=7) == grouped.clusters("docs", 5, seed=7)


def test_a_vector_s_topic_is_that_of_the_nearest_centre(grouped: SearchApp) -> None:
    found = grouped.clusters("docs", 3)
    vectors = grouped.encoders.load("fluent").encode(["kitten hound", "drizzle", "loaf blaze"])
    assert nearest(vectors, found.centres).tolist() == [0, 1, 2]


def test_topics_are_printed_with_words_and_titles(grouped: SearchApp, run_on: Twinsearch) -> None:
    twinsearch = partial(run_on, grouped.home.path)
    code, out, err = twinsearch("clusters", "docs", "-k", "3")
    assert (code, err) == (0, "")
    assert out.startswith("  1. 42%  ")
    assert " 3 topics of 60 passages in generation 1 of 'docs' (silhouette " in out.replace("\n", " ")
    found = json.loads(twinsearch("clusters", "docs", "-k", "3", "--json")[1])
    assert list(found) == ["collection", "generation", "passage_count", "silhouette", "topics"]


@pytest.mark.parametrize("count", [0, -1, 61, 10_000])
def test_a_number_of_topics_out_of_range_is_refused(grouped: SearchApp, count: int) -> None:
    with pytest.raises(UsageError) as refused:
        grouped.clusters("docs", count)
    assert str(refused.value) == (f"{count} topics can't be found among 60 passages; choose a number from 1 to 60.")


def test_an_empty_collection_has_no_topics(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    app.remove_documents([one.id for one in app.catalog.documents.list(app.catalog.collections.get("docs").id)])
    with pytest.raises(QueryError, match=r"^Collection 'docs' holds nothing yet"):
        app.clusters("docs")


def test_whoever_reads_all_vectors_is_told_that_milvus_has_lost_them(app: SearchApp, notes: Path) -> None:
    (notes / "more.jsonl").write_text("".join(f'{{"_id": "{word}", "text": "{word}"}}\n' for word in "abcdefgh"))
    app.ingest(IngestRequest((str(notes),)))
    live = app.catalog.collections.live("docs")
    assert live is not None
    app.index.delete(live.physical_name, list(app.catalog.documents.chunk_ids(live.id)))
    app.index.flush(live.physical_name)
    arrange = ArrangeRequest("docs")
    for ask in (app.clusters, app.map_of, app.index_health, lambda _: app.arrange(arrange)):
        with pytest.raises(IndexFailure) as failed:
            ask("docs")
        assert str(failed.value) == (
            "Milvus has lost the vectors of collection 'docs': it holds none, and the catalogue has 12 passages. "
            "Run `twinsearch check --repair` to restore them."
        )
    assert app.check(is_repairing=True).remaining == ()
    assert app.clusters("docs").passage_count == 12


def test_k_means_finds_directions_and_their_number() -> None:
    random = np.random.default_rng(2)
    labels = np.repeat(np.arange(4), 50)
    rows = np.eye(16, dtype=np.float32)[labels] + random.normal(0, 0.1, (200, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    shuffled = random.permutation(200)
    found, centres = cluster(rows[shuffled], 4, seed=0)
    assert v_measure_score(labels[shuffled], found) == 1
    assert np.linalg.norm(centres, axis=1) == pytest.approx(1)
    assert best_count(rows[shuffled], seed=0) == 4
    assert silhouette(rows, centres[:1]) == 0


def test_fewer_different_vectors_than_groups_are_no_error() -> None:
    labels, centres = cluster(np.ones((6, 4), dtype=np.float32) / 2, 3, seed=0)
    assert (labels.tolist(), centres.shape) == ([0] * 6, (3, 4))
    assert best_count(np.ones((3, 4), dtype=np.float32) / 2, seed=0) == 1


def test_telling_words_are_frequent_here_and_rare_elsewhere() -> None:
    first, second = Counter({"the": 6, "cat": 3}), Counter({"the": 6, "dog": 2, "rain": 1})  # 9 words each
    assert 3 * log(1 + 9 / 3) > 6 * log(1 + 9 / 12)
    assert 2 * log(1 + 9 / 2) > 6 * log(1 + 9 / 12) > 1 * log(1 + 9 / 1)
    assert telling_words([first, second], 2) == [("cat", "the"), ("dog", "the")]
