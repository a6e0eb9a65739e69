"""Each mode gives the chunks that it should, filtered as the reference says, on pages that fit together."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from search_app.app import SearchApp
from search_app.catalog.words import Scope
from search_app.errors import UsageError
from search_app.filters import Compare, Filter, In, Not, Or
from search_app.requests import IngestRequest
from search_app.retrieval import Approach, Mode, Questions, Retriever, scope_of
from search_app.search import SearchOptions, SearchResult
from search_app.timing import Timer

WORDS = ("cat", "dog", "car", "bread", "rain", "sea", "night", "road", "king", "fire")
SEED = 11

FILTERS = (
    Compare("n", "<", 20),
    Not(Compare("n", "<", 20)),
    Compare("lang", "==", "de"),
    Or((In("n", (3, 5, 8)), Compare("lang", "==", "xx"))),
    Compare("n", "<", 0),
)


@pytest.fixture(scope="module")
def rows(noted: SearchApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchApp]:
    """300 documents of one chunk of four words, some of them equally good for any query."""
    random = Random(SEED)
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [
        {
            "_id": f"r{n}",
            "title": "",
            "text": " ".join(random.choices(WORDS, k=4)),
            "n": n,
            "lang": random.choice(["de", "en"]),
        }
        for n in range(300)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    noted.ingest(IngestRequest((str(path),), "rows"))
    yield noted
    noted.drop_collection("rows")


def ask(app: SearchApp, query: str, mode: Mode, **options: object) -> SearchResult:
    return app.searcher.search(query, "rows", SearchOptions(mode=mode, **options))  # type: ignore[arg-type]


def ids(result: SearchResult) -> list[str]:
    return [hit.document_id for hit in result.hits]


def test_words_are_found_stemmed_and_synonyms_are_not(rows: SearchApp) -> None:
    found = ask(rows, "kings", Mode.LEXICAL, k=300)
    assert found.mode == "lexical"
    assert {hit.text for hit in found.hits} == {text for text in texts(rows) if "king" in text.split()}
    assert ids(ask(rows, "monarch", Mode.LEXICAL)) == []
    assert "king" in ask(rows, "monarch", Mode.DENSE, k=1).hits[0].text


def texts(app: SearchApp) -> list[str]:
    return [one.text for one in app.catalog.documents.list(app.catalog.collections.get("rows").id, limit=300)]


def test_a_phrase_stands_word_after_word(rows: SearchApp) -> None:
    found = ask(rows, '"cat dog"', Mode.LEXICAL, k=300)
    assert {hit.text for hit in found.hits} == {text for text in texts(rows) if "cat dog" in text}


def test_a_search_by_words_needs_no_encoder(rows: SearchApp) -> None:
    took = ask(rows, "cat", Mode.LEXICAL).took_ms
    assert (took["encode"], took["search"]) == (0, 0)
    assert took["words"] > 0


def test_a_hybrid_hit_tells_both_scores(rows: SearchApp) -> None:
    hits = {mode: {hit.document_id: hit for hit in ask(rows, "cat dog", mode, k=50).hits} for mode in Mode}
    for hit in ask(rows, "cat dog", Mode.HYBRID, k=5).hits:
        assert hit.parts["dense"] == pytest.approx(hits[Mode.DENSE][hit.document_id].score)
        assert hit.parts["lexical"] == pytest.approx(hits[Mode.LEXICAL][hit.document_id].score)


@pytest.mark.parametrize("mode", Mode)
def test_pages_never_overlap_and_leave_nothing_out(rows: SearchApp, mode: Mode) -> None:
    whole = ask(rows, "cat dog sea", mode, k=300)
    pages = [ask(rows, "cat dog sea", mode, k=7, offset=offset) for offset in range(0, 300, 7)]
    assert [hit.document_id for page in pages for hit in page.hits] == ids(whole)
    assert [hit.rank for page in pages for hit in page.hits] == list(range(1, len(whole.hits) + 1))
    assert [hit.score for hit in whole.hits] == sorted((hit.score for hit in whole.hits), reverse=True)


@pytest.mark.parametrize("mode", Mode)
def test_a_page_past_the_end_is_empty(rows: SearchApp, mode: Mode) -> None:
    assert ask(rows, "cat", mode, offset=10_000).hits == ()


@pytest.mark.parametrize("offset", [-1, 10_001])
def test_an_offset_out_of_range_is_refused(rows: SearchApp, offset: int) -> None:
    with pytest.raises(UsageError) as refused:
        ask(rows, "cat", Mode.DENSE, offset=offset)
    assert str(refused.value) == f"A page can't begin after {offset} hits; choose a number from 0 to 10,000."


@pytest.mark.parametrize("mode", Mode)
def test_a_least_score_cuts_the_ranking_there(rows: SearchApp, mode: Mode) -> None:
    whole = ask(rows, "cat dog", mode, k=60)
    border = whole.hits[29].score
    expected = [hit.document_id for hit in whole.hits if hit.score >= border]
    assert ids(ask(rows, "cat dog", mode, k=len(expected) + 5, min_score=border)) == expected


@pytest.mark.parametrize("filter_", FILTERS)
@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.LEXICAL])
def test_a_filter_leaves_out_and_changes_nothing_else(rows: SearchApp, mode: Mode, filter_: Filter) -> None:
    """Whichever way it is run: over a list of ids, or by looking further down."""
    generation = rows.catalog.collections.live("rows")
    assert generation is not None
    encoder = rows.encoders.of_generation(generation, "rows")
    queries = ["cat dog", "monarch sea"]
    questions = Questions(queries, encoder.encode(queries, kind="query"))
    listed = scope_of(rows.catalog, generation, filter_)
    assert listed.chunk_ids is not None
    allowed = set(listed.chunk_ids)

    def rank(scope: Scope, depth: int) -> list[list[tuple[str, float]]]:
        retriever = Retriever(rows.catalog, rows.index, generation, scope, Timer(), exact=False)
        return [
            [(one.chunk_id, one.score) for one in each] for each in retriever.rank(questions, Approach(mode), depth)
        ]

    everything = rank(Scope(), 300)
    for depth in (5, 40, 300):
        expected = [[one for one in each if one[0] in allowed][:depth] for each in everything]
        assert rank(listed, depth) == expected
        assert rank(Scope(filter_), depth) == expected


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "query",
    [
        "AND (",
        "*",
        "NEAR(",
        '"',
        '""',
        "the",
        "\0",
        "\U0001f600",
        "שלום עולם",
        "'; DROP TABLE chunks; --",
        "n<20",
        "x" * 20_000,
    ],
)
def test_any_query_gets_an_answer(rows: SearchApp, query: str, mode: Mode) -> None:
    asked = f"{query} cat"[-20_000:]  # without a word, the encoder that counts words has no vector to give
    assert len(ask(rows, asked, mode).hits) == 10


def test_further_passages_of_a_document_are_counted(app: SearchApp, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("\n\n".join(["cat " * 12] * 3))
    (tmp_path / "short.txt").write_text("cat dog")
    app.ingest(IngestRequest((str(tmp_path / "long.txt"), str(tmp_path / "short.txt"))))
    hits = app.search("cat", k=2, mode="dense").hits
    assert [(hit.document_id, hit.more_passages) for hit in hits] == [("long.txt", 2), ("short.txt", 0)]


def test_an_unknown_mode_is_refused(rows: SearchApp) -> None:
    with pytest.raises(UsageError) as refused:
        rows.search("cat", "rows", mode="both")
    assert str(refused.value) == "There is no mode 'both'; choose one of dense, lexical, hybrid."
