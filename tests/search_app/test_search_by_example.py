"""Documents are found by a document, by parts with weights and by a file; scores can be worked out on paper."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from ingest.errors import ReadError
from search_app.app import SearchApp
from search_app.errors import IndexFailure, QueryError, UnknownDocument, UsageError
from search_app.filters import Compare
from search_app.requests import IngestRequest
from search_app.retrieval import Mode
from search_app.search import SearchOptions, SearchResult

Twinsearch = Callable[..., tuple[int, str, str]]


def ranked(result: SearchResult) -> list[tuple[str, float]]:
    """Names of documents with scores to three places; what shares no word is left out."""
    hits = [(hit.document_id.removeprefix("notes/").removesuffix(".txt"), round(hit.score, 3)) for hit in result.hits]
    return [hit for hit in hits if abs(hit[1]) > 1e-3]


@pytest.fixture
def filled(noted: SearchApp, run_on: Twinsearch) -> Twinsearch:
    return partial(run_on, noted.home.path)


def test_similar_gives_the_nearest_documents_without_the_one_itself(noted: SearchApp) -> None:
    result = noted.similar("notes/cat.txt")
    assert ranked(result) == [("dog", 0.447)]  # 1/√5
    assert len(result.hits) == 3
    assert (result.mode, result.query) == ("dense", "notes/cat.txt")


def test_similar_takes_a_chunk_and_a_filter(noted: SearchApp) -> None:
    chunk_id = noted.search("cat", k=1).hits[0].chunk_id
    assert ranked(noted.similar(chunk_id)) == [("dog", 0.447)]
    not_dog = SearchOptions(where=Compare("title", "!=", "dog"))
    assert [hit.document_id for hit in noted.similar("notes/cat.txt", options=not_dog).hits] == [
        "notes/bread.txt",
        "notes/rain.txt",
    ]


def test_similar_to_a_long_document_is_near_to_its_middle(app: SearchApp, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("cat " * 12 + "\n\n" + "dog " * 12)
    rows = [{"_id": "both", "text": "cat dog"}, {"_id": "cat", "text": "cat"}, {"_id": "dog sea", "text": "dog sea"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({**row, "title": ""}) + "\n" for row in rows))
    app.ingest(IngestRequest((str(tmp_path / "long.txt"), str(tmp_path / "rows.jsonl"))))
    found = [(name, round(score, 1)) for name, score in ranked(app.similar("long.txt"))]  # its title is a word too
    assert found == [("both", 1.0), ("cat", 0.7), ("dog sea", 0.5)]


def test_similar_to_what_is_not_there_says_where_the_ids_stand(noted: SearchApp) -> None:
    with pytest.raises(UnknownDocument) as refused:
        noted.similar("cat")
    assert str(refused.value) == (
        "Collection 'docs' holds no document and no chunk 'cat'. The ids stand in `twinsearch search --json`."
    )


def test_similar_to_a_document_whose_vectors_are_lost_says_how_to_mend_it(app: SearchApp, notes: Path) -> None:
    app.ingest(IngestRequest((str(notes),)))
    live = app.catalog.collections.live("docs")
    assert live is not None
    app.index.delete(live.physical_name, [app.search("kitten", k=1).hits[0].chunk_id])
    with pytest.raises(IndexFailure) as refused:
        app.similar("notes/cat.txt")
    assert str(refused.value) == (
        "Milvus has lost vectors of 'notes/cat.txt'. Run `twinsearch check --repair` to restore them."
    )


def test_what_is_taken_away_from_a_query_goes_down(noted: SearchApp) -> None:
    assert ranked(noted.search_combined("cat + hound")) == [("cat", 0.949), ("dog", 0.707)]
    assert ranked(noted.search_combined("2 cat + hound"))[0][0] == "cat"
    assert ranked(noted.search_combined("kitten - dog")) == [("cat", 0.316), ("dog", -0.707)]  # 1/√10
    assert ranked(noted.search_combined("cat + 2 hound")) == [("dog", 0.894), ("cat", 0.8)]  # 2/√5, 4/5


@pytest.mark.parametrize("mode", [Mode.LEXICAL, Mode.HYBRID])
def test_such_queries_are_searched_by_meaning_only(noted: SearchApp, mode: Mode, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("cat")
    options = SearchOptions(mode=mode)
    for ask in (
        lambda: noted.search_combined("cat + dog", options=options),
        lambda: noted.similar("notes/cat.txt", options=options),
        lambda: noted.search_like_file(tmp_path / "a.txt", options=options),
    ):
        with pytest.raises(UsageError) as refused:
            ask()
        assert str(refused.value) == (
            f"Such a query is searched by meaning; leave the mode {mode.value!r} out, or choose dense."
        )


def test_a_file_is_a_query_and_is_not_taken_in(noted: SearchApp, tmp_path: Path) -> None:
    (tmp_path / "dog.md").write_text("# Hound\n\nkitten kitten")
    assert ranked(noted.search_like_file(tmp_path / "dog.md")) == [("cat", 1.0), ("dog", 0.447)]
    assert noted.status().collections[0].document_count == 4


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("two.jsonl", '{"_id":"1","text":"cat"}\n{"_id":"2","text":"dog"}\n', "holds more than one document"),
        ("zero.txt", "a\0b", "Save it as UTF-8 and try again"),
        ("empty.txt", "", "no text|is empty|holds no"),
        ("folder", None, "is no file that can be read as an example. Name one document."),
    ],
)
def test_a_file_that_is_no_document_is_refused(
    noted: SearchApp, tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)
    with pytest.raises((QueryError, ReadError), match=told):
        noted.search_like_file(path)


def test_the_commands_print_what_the_verbs_find(filled: Twinsearch, noted: SearchApp, tmp_path: Path) -> None:
    (tmp_path / "dog.md").write_text("hound")
    for arguments, expected in (
        (("similar", "notes/cat.txt"), noted.similar("notes/cat.txt")),
        (("search", "--combine", "cat + 2 hound"), noted.search_combined("cat + 2 hound")),
        (("search", "--file", tmp_path / "dog.md"), noted.search_like_file(tmp_path / "dog.md")),
    ):
        code, out, err = filled(*arguments, "--json")
        assert (code, err) == (0, "")
        found = [(hit["document_id"], hit["score"]) for hit in json.loads(out)["hits"]]
        assert found == [(hit.document_id, pytest.approx(hit.score)) for hit in expected.hits]


def test_a_batch_is_answered_line_by_line(filled: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "queries.txt"
    path.write_text('kitten\n\n{"_id": "q2", "text": "loaf"}\n{not json\n')
    code, out, err = filled("search", "--batch", path, "-k", "1")
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["query"] for answer in answers] == ["kitten", "loaf", "{not json"]
    assert [answer["hits"][0]["document_id"] for answer in answers[:2]] == ["notes/cat.txt", "notes/bread.txt"]


def test_a_batch_names_the_line_that_holds_no_query(filled: Twinsearch, tmp_path: Path) -> None:
    path = tmp_path / "queries.txt"
    path.write_text("kitten\n" + "x" * 20_001)
    assert filled("search", "--batch", path) == (
        2,
        "",
        f"Line 2 of '{path}' holds no query: The query has 20,001 characters; at most 20,000 are read. Shorten it.\n",
    )
    path.write_bytes(b"\xff\xfe")
    code, out, err = filled("search", "--batch", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"'{path}' isn't UTF-8 (")


def test_one_thing_is_asked_at_a_time(filled: Twinsearch, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("cat")
    for arguments in ((), ("cat", "--file", tmp_path / "q"), ("--file", tmp_path / "q", "--batch", tmp_path / "q")):
        code, out, err = filled("search", *arguments)
        assert (code, out) == (2, "")
        assert err.endswith("Error: Give one of: a query, --file FILE, --batch FILE.\n")


@pytest.fixture(scope="module")
def near(noted: SearchApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchApp]:
    """Two texts that are nearly the same, one that is another, and a file that holds exactly the same."""
    folder = tmp_path_factory.mktemp("near") / "near"
    folder.mkdir()
    long = " ".join(Random(2).choices(["cat", "dog", "sea", "road", "king", "fire", "rain", "night"], k=200))
    (folder / "a.txt").write_text(f"{long} rain")
    (folder / "b.txt").write_text(f"{long} rain bread")
    for name in ("c.md", "d.md"):
        (folder / name).write_text("# Bread\n\ncat bread loaf")
    noted.ingest(IngestRequest((str(folder),), "near"))
    yield noted
    noted.drop_collection("near")


def test_of_documents_nearly_the_same_the_best_is_shown(near: SearchApp) -> None:
    hits = near.search("cat dog", "near").hits
    assert [(hit.document_id.removeprefix("near/"), hit.copies, hit.also_at) for hit in hits] == [
        (hits[0].document_id.removeprefix("near/"), 1, ()),
        ("c.md", 0, ("near/d.md",)),
    ]
    assert hits[0].document_id in {"near/a.txt", "near/b.txt"}
    everything = near.searcher.search("cat dog", "near", SearchOptions(mode=Mode.DENSE)).hits
    assert sorted(hit.document_id for hit in everything) == ["near/a.txt", "near/b.txt", "near/c.md"]


def test_pages_of_collapsed_documents_fit_together(near: SearchApp) -> None:
    whole = near.search("cat dog", "near").hits
    pages = [near.search("cat dog", "near", options=SearchOptions(collapse=True, offset=n), k=1).hits for n in range(3)]
    assert [hit.document_id for page in pages for hit in page] == [hit.document_id for hit in whole]


def test_copies_are_told_in_words(filled: Twinsearch, near: SearchApp) -> None:
    code, out, _ = filled("search", "cat dog", "-c", "near")
    assert code == 0
    assert ", 1 more nearly the same\n" in out
    assert "    near/c.md\n    also at near/d.md\n" in out
    assert filled("search", "cat dog", "-c", "near", "--all-copies")[1].count(" near/") == 4
