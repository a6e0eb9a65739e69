"""Answers are the nearest documents, each once, by scores that can be worked out on paper."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.errors import FilterError, QueryError, UnknownCollection, UnknownGeneration, UsageError
from search_app.requests import IngestRequest, ReindexRequest
from search_app.search import Hit, SearchOptions, check_query


def ranked(app: SearchApp, query: str, **options: object) -> list[tuple[str, float]]:
    """Document ids without the folder's name, with scores to three places; what shares no word is left out."""
    hits = app.search(query, **options).hits  # type: ignore[arg-type]
    return [(hit.document_id.removeprefix("notes/"), round(hit.score, 3)) for hit in hits if hit.score > 1e-3]


@pytest.fixture
def filled(app: SearchApp, notes: Path) -> SearchApp:
    app.ingest(IngestRequest((str(notes),)))
    return app


@pytest.fixture(scope="module")
def animals(noted: SearchApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchApp]:
    """Three rows about cats, in two languages and of two sizes."""
    rows = [
        {"_id": "a", "title": "", "text": "cat", "lang": "en", "size": 3},
        {"_id": "b", "title": "", "text": "cat dog", "lang": "de", "size": 3},
        {"_id": "c", "title": "", "text": "cat dog sea", "lang": "en", "size": 5},
    ]
    path = tmp_path_factory.mktemp("animals") / "animals.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    noted.ingest(IngestRequest((str(path),), "animals"))
    yield noted
    noted.drop_collection("animals")


def test_documents_are_ranked_by_cosine_and_synonyms_count(noted: SearchApp) -> None:
    assert ranked(noted, "kitten hound") == [("cat.txt", 0.949), ("dog.txt", 0.707)]  # 3/√10, 1/√2
    assert ranked(noted, "ocean blaze") == [("bread.txt", 0.5), ("rain.txt", 0.408)]  # 1/√4, 1/√6


def test_a_hit_tells_all_about_the_passage(noted: SearchApp) -> None:
    result = noted.search("kitten", k=1)
    (hit,) = result.hits
    chunk_id = hit.chunk_id
    assert len(chunk_id) == 32
    assert hit == Hit(
        rank=1,
        score=pytest.approx(2 / 5**0.5, abs=1e-6),
        document_id="notes/cat.txt",
        chunk_id=chunk_id,
        title="cat",
        source="notes/cat.txt",
        text="cat cat dog",
        start=0,
        end=11,
        metadata={"modified": "2023-11-14T22:13:20"},
        parts={"dense": pytest.approx(2 / 5**0.5, abs=1e-6)},
    )


def test_a_result_tells_who_answered_and_how_long_it_took(noted: SearchApp) -> None:
    result = noted.search("kitten")
    live = noted.catalog.collections.live("docs")
    assert live is not None
    assert (result.query, result.collection, result.generation, result.mode) == ("kitten", "docs", 1, "hybrid")
    assert (result.encoder.name, result.encoder.fingerprint) == ("fluent", live.fingerprint)
    assert list(result.took_ms) == ["prepare", "encode", "search", "words", "fuse", "fetch", "total"]
    parts = sum(value for part, value in result.took_ms.items() if part != "total")
    assert parts == pytest.approx(result.took_ms["total"], abs=1)


def test_a_document_of_many_chunks_is_one_hit_and_crowds_nobody_out(app: SearchApp, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "long.txt").write_text("\n\n".join(["cat " * 12] * 70))  # 70 chunks, each nearer than the other document
    (folder / "short.txt").write_text("cat dog sea")
    app.ingest(IngestRequest((str(folder),)))
    live = app.catalog.collections.live("docs")
    assert live is not None
    assert app.catalog.documents.chunk_count(live.id) > 64
    assert [document_id for document_id, _ in ranked(app, "cat", k=2)] == ["long.txt", "short.txt"]


def test_a_hit_shows_the_best_chunk_of_its_document(app: SearchApp, tmp_path: Path) -> None:
    path = tmp_path / "mixed.txt"
    path.write_text("\n\n".join(["sea " * 12, "dog " * 12, "fire " * 12]))
    app.ingest(IngestRequest((str(path),)))
    (hit,) = app.search("hound").hits
    assert hit.text == ("dog " * 12).strip()
    assert path.read_text()[hit.start : hit.end] == hit.text


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), ["a", "b", "c"]),
        (("lang=en",), ["a", "c"]),
        (("lang=en", "size>3"), ["c"]),
        (("lang in de,fr",), ["b"]),
        (("id!=a",), ["b", "c"]),
        (("lang=fr",), []),
    ],
)
def test_only_documents_for_which_every_filter_holds_are_found(
    animals: SearchApp, where: tuple[str, ...], expected: list[str]
) -> None:
    assert [document_id for document_id, _ in ranked(animals, "cat", collection="animals", where=where)] == expected


def test_a_filter_on_an_unknown_field_lists_the_fields(animals: SearchApp) -> None:
    with pytest.raises(FilterError) as refused:
        animals.search("cat", "animals", where=["colour=red"])
    assert str(refused.value) == (
        "No document has a field 'colour'. The fields are: id, title, source, origin, lang, size."
    )


def test_k_bounds_the_hits(noted: SearchApp) -> None:
    assert [len(noted.search("cat", k=k).hits) for k in (1, 3, 1000)] == [1, 3, 4]
    for k in (0, -1, 1001):
        with pytest.raises(UsageError) as refused:
            noted.search("cat", k=k)
        assert str(refused.value) == f"{k} hits were asked for; choose a number from 1 to 1,000."


def test_a_batch_answers_as_single_searches_do(noted: SearchApp) -> None:
    queries = ["kitten", "loaf", "evening"]
    batch = noted.searcher.search_batch(queries, "docs", SearchOptions(k=2))
    assert [[(hit.document_id, hit.chunk_id) for hit in result.hits] for result in batch] == [
        [(hit.document_id, hit.chunk_id) for hit in noted.search(query, k=2).hits] for query in queries
    ]


@pytest.mark.parametrize("query", ["", " \n\t"])
def test_an_empty_query_is_refused(query: str) -> None:
    with pytest.raises(QueryError) as refused:
        check_query(query)
    assert str(refused.value) == "The query is empty. Type at least one word."


def test_a_boundless_query_is_refused() -> None:
    check_query("x" * 20_000)
    with pytest.raises(QueryError) as refused:
        check_query("x" * 20_001)
    assert str(refused.value) == "The query has 20,001 characters; at most 20,000 are read. Shorten it."


def test_an_unknown_collection_or_generation_is_named_with_those_there_are(noted: SearchApp) -> None:
    with pytest.raises(UnknownCollection, match=r"^There is no collection 'faq'\. There are: .*'docs'\.$"):
        noted.search("cat", "faq")
    with pytest.raises(UnknownGeneration, match=r"^The collection has no generation 7\. It has: 1\.$"):
        noted.searcher.search("cat", "docs", SearchOptions(generation=7))


def test_a_collection_without_a_generation_says_what_to_do(app: SearchApp) -> None:
    app.catalog.collections.create("faq")
    with pytest.raises(QueryError) as refused:
        app.search("cat", "faq")
    assert str(refused.value) == "Collection 'faq' holds nothing yet. Run `twinsearch ingest PATH -c faq` first."


def test_another_generation_answers_with_its_own_encoder(filled: SearchApp) -> None:
    number = filled.reindex(ReindexRequest("docs", "literal")).generation.number
    assert filled.search("kitten", k=1).hits[0].score > 0.8
    result = filled.searcher.search("kitten", "docs", SearchOptions(generation=number))
    assert (result.generation, result.encoder.name) == (2, "literal")
    assert max(hit.score for hit in result.hits) < 1e-6


def test_a_chunk_that_the_catalogue_does_not_know_is_no_hit(filled: SearchApp) -> None:
    live = filled.catalog.collections.live("docs")
    assert live is not None
    stray = filled.encoders.load("fluent").encode(["kitten"])
    filled.index.upsert(live.physical_name, ["stray"], stray, [{"document_id": "x", "metadata": {}}])
    assert filled.search("kitten").hits[0].document_id == "notes/cat.txt"
    assert "stray" not in {hit.chunk_id for hit in filled.search("kitten").hits}


def test_other_settings_of_chunks_find_the_same_documents(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),), whole=True))
    live = app.catalog.collections.live("docs")
    assert live is not None
    assert (live.chunking.max_tokens, live.chunking.whole) == (16, True)
    assert ranked(app, "kitten hound") == [("cat.txt", 0.949), ("dog.txt", 0.707)]
