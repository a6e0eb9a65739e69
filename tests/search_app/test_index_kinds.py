"""Every kind of index finds what it promises, on embedded Milvus and on a server, and its health is told."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

from search_app.app import SearchApp
from search_app.errors import IndexFailure, QueryError, UsageError
from search_app.index import BuiltIndex, IndexSettings, VectorIndex
from search_app.index_health import EffortHealth

Twinsearch = Callable[..., tuple[int, str, str]]

DIM, COUNT = 16, 1200
EMBEDDED = ("FLAT", "HNSW", "HNSW_SQ", "IVF_FLAT", "IVF_SQ8")
EXACT = {"FLAT", "HNSW", "IVF_FLAT"}  # the others keep vectors in fewer bits


def unit_rows(count: int, seed: int) -> Any:
    rows = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def physical(index: VectorIndex) -> str:
    """A name for a collection; the fixture `index` drops what the test makes of it."""
    return f"twin_kinds_{uuid.uuid4().hex[:8]}"


def wait_until(is_built: Callable[[], bool]) -> None:
    """Embedded Milvus compares every row until its lists are built, some moments after the rows came."""
    deadline = time.monotonic() + 600  # only against hanging
    while not is_built():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def opened(engine: Any, settings: IndexSettings) -> Iterator[VectorIndex]:
    door = VectorIndex(engine, settings=settings)
    yield door
    door.close()


@pytest.mark.parametrize("kind", EMBEDDED)
def test_an_index_of_any_kind_finds_the_nearest_rows(engine: Any, physical: str, kind: str) -> None:
    rows, queries = unit_rows(COUNT, 1), unit_rows(30, 2)
    nearest = np.argsort(-queries @ rows.T, axis=1)[:, :10]
    with opened(engine, IndexSettings(kind, lists=16)) as door:
        door.create(physical, DIM, {})
        door.upsert(physical, [f"{n:05}" for n in range(COUNT)], rows, [{"document_id": "d"}] * COUNT)
        door.flush(physical)
        assert door.built(physical).kind == kind
        found = door.search(physical, queries, limit=10, exact=True)
        shares = [len({int(one.id) for one in hits} & set(own)) / 10 for hits, own in zip(found, nearest, strict=True)]
        assert np.mean(shares) == 1 if kind in EXACT else np.mean(shares) > 0.9


def test_looking_further_finds_more(engine: Any, physical: str) -> None:
    rows, queries = unit_rows(COUNT, 1), unit_rows(30, 2)
    best = (queries @ rows.T).max(axis=1)
    with opened(engine, IndexSettings("IVF_FLAT", lists=64)) as door:
        door.create(physical, DIM, {})
        door.upsert(physical, [f"{n:05}" for n in range(COUNT)], rows, [{"document_id": "d"}] * COUNT)
        door.flush(physical)
        assert door.built(physical) == BuiltIndex("IVF_FLAT", {"nlist": "64"})

        def found_count(effort: int) -> int:
            found = door.search(physical, queries, limit=1, effort=effort)
            return sum(hits[0].score > top - 1e-5 for hits, top in zip(found, best, strict=True))

        wait_until(lambda: found_count(1) < 30)
        counts = [found_count(effort) for effort in (1, 8, 64)]
    assert counts == sorted(counts)
    assert counts[2] == 30


def test_a_kind_that_embedded_milvus_lacks_is_refused(engine: Any, physical: str) -> None:
    with opened(engine, IndexSettings("SCANN")) as door, pytest.raises(IndexFailure) as refused:
        door.create(physical, DIM, {})
    assert str(refused.value) == (
        "Embedded Milvus has no index SCANN; it has FLAT, HNSW, HNSW_SQ, IVF_FLAT, IVF_SQ8. Change the setting "
        "index.kind, or use a Milvus server."
    )


@pytest.mark.parametrize(
    ("settings", "is_embedded", "kind", "build"),
    [
        (IndexSettings(), True, "FLAT", {}),
        (IndexSettings(), False, "HNSW", {"M": 16, "efConstruction": 200}),
        (IndexSettings("HNSW", m=32, ef_construction=400), False, "HNSW", {"M": 32, "efConstruction": 400}),
        (IndexSettings("IVF_PQ", lists=64), False, "IVF_PQ", {"nlist": 64, "m": 48, "nbits": 8}),
        (IndexSettings("IVF_SQ8"), False, "IVF_SQ8", {"nlist": 128}),
        (IndexSettings("AUTOINDEX"), False, "AUTOINDEX", {}),
    ],
)
def test_settings_become_what_milvus_builds_with(
    settings: IndexSettings, is_embedded: bool, kind: str, build: dict[str, object]
) -> None:
    assert settings.chosen(is_embedded=is_embedded) == kind
    assert settings.build(kind, 384) == build


GRAPH, LISTS, FLAT = BuiltIndex("HNSW", {}), BuiltIndex("IVF_FLAT", {"nlist": "32"}), BuiltIndex("FLAT", {})


@pytest.mark.parametrize(
    ("settings", "built", "limit", "effort", "exact", "expected"),
    [
        (IndexSettings(), GRAPH, 10, None, False, {"ef": 128}),
        (IndexSettings(), GRAPH, 100, None, False, {"ef": 400}),
        (IndexSettings(ef=256), GRAPH, 100, None, False, {"ef": 256}),
        (IndexSettings(), GRAPH, 100, 16, False, {"ef": 100}),
        (IndexSettings(), GRAPH, 10, 16, False, {"ef": 16}),
        (IndexSettings(), GRAPH, 10, None, True, {"ef": 32_768}),
        (IndexSettings(), LISTS, 10, None, False, {"nprobe": 16}),
        (IndexSettings(probes=99), LISTS, 10, None, False, {"nprobe": 32}),
        (IndexSettings(), LISTS, 10, None, True, {"nprobe": 32}),
        (IndexSettings(), FLAT, 10, 16, False, {}),
    ],
)
def test_a_search_looks_as_far_as_it_is_told(
    settings: IndexSettings, built: BuiltIndex, limit: int, effort: int | None, exact: bool, expected: dict[str, int]
) -> None:
    assert settings.walk(built, limit, effort=effort, exact=exact) == expected


@pytest.fixture
def filled(noted: SearchApp, run_on: Twinsearch) -> Twinsearch:
    return partial(run_on, noted.home.path)


@pytest.mark.slow
def test_the_health_of_an_exact_index_is_perfect(noted: SearchApp) -> None:
    live = noted.catalog.collections.live("docs")
    health = noted.index_health("docs")
    assert live is not None
    assert (health.kind, health.parameters, health.row_count, health.expected_count) == ("FLAT", {}, 4, 4)
    assert (health.fingerprint, health.has_fingerprint, health.has_alias) == (live.fingerprint, True, True)
    assert (health.segment_count, health.effort_name, health.query_count) == (None, None, 4)
    assert health.efforts == (EffortHealth(None, 1.0, health.efforts[0].milliseconds),)


def test_the_health_of_lists_tells_what_each_effort_finds(
    shared_home: Any, twinsearch: Twinsearch, corpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINSEARCH_INDEX", '{"kind": "IVF_FLAT", "lists": 64, "probes": 1}')
    with SearchApp.open(shared_home) as app:
        from search_app.requests import IngestRequest

        app.ingest(IngestRequest((str(corpus),)))
        wait_until(lambda: app.index_health("docs", 60).efforts[0].recall != 1)
        health = app.index_health("docs", 60)
        assert health.effort_name == "nprobe"
        recalls = [one.recall for one in health.efforts]
        assert recalls[1:] == sorted(recalls[1:])
        assert recalls[0] == recalls[1] < 0.9
        assert (health.efforts[-1].effort, recalls[-1]) == (64, 1.0)
        code, out, err = twinsearch("index", "health", "docs", "--queries", "20")
        assert (code, err) == (0, "")
        assert out.startswith("IVF_FLAT index of generation 1 of 'docs' (nlist 64)\n")
        app.drop_collection("docs")


def test_what_milvus_notes_wrongly_is_told(app: SearchApp, notes: Any, twinsearch: Twinsearch) -> None:
    from search_app.requests import IngestRequest

    app.ingest(IngestRequest((str(notes),)))
    app.index.drop_alias(app.generations.alias("docs"))
    code, out, _ = twinsearch("index", "health", "docs")
    assert code == 0
    assert ": not as in the catalogue; run `twinsearch check --repair`\n" in out


def test_the_health_of_nothing_can_not_be_measured(noted: SearchApp) -> None:
    noted.catalog.collections.create("bare")
    with pytest.raises(QueryError, match=r"^Collection 'bare' holds nothing yet\."):
        noted.index_health("bare")
    noted.drop_collection("bare")
    with pytest.raises(UsageError, match=r"^0 queries can't be sampled; choose a number from 1 to 1,000\.$"):
        noted.index_health("docs", 0)


def test_a_kind_that_there_is_not_is_refused_as_a_setting(filled: Twinsearch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINSEARCH_INDEX", '{"kind": "MAGIC"}')
    code, out, err = filled("search", "cat")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "there is no index 'MAGIC'; choose auto, FLAT, HNSW" in err
