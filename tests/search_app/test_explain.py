"""A score is told as a sum: over the words of the passage by meaning, over those of the query by words."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from search_app.app import SearchApp
from search_app.catalog.word_marks import IndexedText, Marks, marked_words
from search_app.engine import Engine
from search_app.errors import UsageError
from search_app.explain import BestSentences, Explanation, WordShare, explanation_html
from search_app.explain.sentences import sentences
from search_app.explain.shares import shares
from search_app.lexical import match_expression
from search_app.requests import IngestRequest
from search_app.retrieval import Mode
from search_app.search import Hit, SearchOptions

LONG = "rain sea. " * 3 + "The king's bread. " + "cat dog " * 30
BOOK = "# King\n\nSome bread here. A cat sat on the car! Then the dog came.\n\n## Rain\n\nrain rain sea <b>night</b>\n"


@pytest.fixture(scope="module")
def shelf(
    new_home: Callable[[], AbstractContextManager[Path]], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchApp]:
    """An opened home with a book in sections, read by two encoders, and a text that is longer than an encoder reads."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "book.md").write_text(BOOK)
    (folder / "long.txt").write_text(LONG)
    engine.address()
    with new_home() as home:
        (home / "engine").symlink_to(engine.folder, target_is_directory=True)
        with SearchApp.open(home) as opened:
            opened.ingest(IngestRequest((str(folder),)))
            opened.ingest(IngestRequest((str(folder / "long.txt"),), "whole", whole=True))
            yield opened
            for name in ("docs", "whole"):
                opened.drop_collection(name)


QUERIES = ("kitten", "bread rain", "hound unknown words here", "automobile", '"rain sea" loaf')


@pytest.mark.parametrize("collection", ["docs", "whole"])
def test_the_shares_of_all_words_add_up_to_the_score(shelf: SearchApp, collection: str) -> None:
    for query in QUERIES:
        result = shelf.search(query, collection, mode="dense")
        for hit, why in zip(result.hits, shelf.explain_all(result), strict=True):
            assert why.similarity == pytest.approx(hit.score, abs=1e-4)
            assert sum(word.share for word in why.words) + why.rest == pytest.approx(hit.score, abs=1e-4)


def test_words_of_title_and_headings_have_shares_but_no_place_in_the_text(shelf: SearchApp) -> None:
    result = shelf.search("monarch", mode="dense", k=1)
    why = shelf.explain(result, 1)
    (hit,) = result.hits
    before = [word for word in why.words if word.span is None]
    assert [word.word for word in before] == ["King"]
    assert all(hit.text[slice(*word.span)] == word.word for word in why.words if word.span)


def test_what_the_encoder_did_not_read_is_told(shelf: SearchApp) -> None:
    result = shelf.search("rain", "whole", mode="dense")
    (why,) = shelf.explain_all(result)
    read = result.hits[0].text[: why.read_end]
    assert 0 < why.read_end < len(LONG)
    assert read.endswith(why.words[-1].word)


def test_both_parts_of_a_hybrid_score_are_sums(shelf: SearchApp) -> None:
    for query in QUERIES:
        result = shelf.search(query, mode="hybrid")
        for hit, why in zip(result.hits, shelf.explain_all(result), strict=True):
            if "dense" in hit.parts:
                assert why.similarity == pytest.approx(hit.parts["dense"], abs=1e-4)
            if "lexical" in hit.parts:
                assert sum(why.word_scores.values()) == pytest.approx(hit.parts["lexical"], abs=1e-6)


def test_a_search_by_words_is_explained_by_words_alone(shelf: SearchApp) -> None:
    result = shelf.search("cats", mode="lexical")
    why = shelf.explain(result, 1)
    hit = result.hits[0]
    assert (why.similarity, why.words, why.note) == (None, (), "")
    assert {hit.text[slice(*span)].lower() for span in why.marks.text} == {"cat"}
    assert why.word_scores == {"cats": pytest.approx(hit.score, abs=1e-6)}
    assert why.sentence is not None
    assert "cat" in hit.text[slice(*why.sentence)]


def test_the_best_sentence_is_the_one_that_means_what_was_asked(shelf: SearchApp) -> None:
    result = shelf.search("hound", mode="dense", options=SearchOptions())
    hit = next(hit for hit in result.hits if hit.document_id.endswith("book.md") and "dog" in hit.text)
    why = shelf.explain(result, hit.rank)
    assert why.sentence is not None
    assert hit.text[slice(*why.sentence)] == "Then the dog came."


def test_the_best_sentence_alone_is_that_of_the_whole_explanation(shelf: SearchApp) -> None:
    for query, mode in product(("hound", "bread", "king sea"), ("dense", "hybrid", "lexical")):
        result = shelf.search(query, mode=mode)
        for why, hit in zip(shelf.explain_all(result), result.hits, strict=True):
            several = len(sentences(hit.text)) > 1
            assert shelf.best_sentence(result, hit.rank) == (why.sentence if several else None)


def test_the_best_sentence_of_a_passage_that_was_not_read_is_unknown_until_somebody_reads_it(shelf: SearchApp) -> None:
    shelf.best_sentences = BestSentences(shelf.catalog, shelf.encoders)
    first, second = shelf.search("hound", mode="dense"), shelf.search("rain", mode="dense")
    hit = next(hit for hit in first.hits if len(sentences(hit.text)) > 1)
    assert shelf.best_sentence(first, hit.rank, is_reading=False) is None
    read = shelf.best_sentence(first, hit.rank)
    assert read is not None
    assert shelf.best_sentence(first, hit.rank, is_reading=False) == read
    again = next(one for one in second.hits if one.chunk_id == hit.chunk_id)  # read for another query
    assert shelf.best_sentence(second, again.rank, is_reading=False) is not None


def test_searches_by_a_combination_and_by_a_document_add_up_too(shelf: SearchApp) -> None:
    for result in (
        shelf.search_combined("kitten - rain + 0.5 loaf"),
        shelf.similar(shelf.search("rain", mode="dense").hits[0].chunk_id),
    ):
        assert [why.similarity for why in shelf.explain_all(result)] == [
            pytest.approx(hit.score, abs=1e-4) for hit in result.hits
        ]


def test_a_page_is_explained_by_its_own_ranks(shelf: SearchApp) -> None:
    result = shelf.search("bread", options=SearchOptions(offset=1, mode=Mode.DENSE))
    assert [why.rank for why in shelf.explain_all(result)] == [hit.rank for hit in result.hits]
    with pytest.raises(UsageError) as refused:
        shelf.explain(result, 1)
    assert str(refused.value) == "The answer to 'bread' has no hit of rank 1, so there is none to explain."


def test_nothing_found_needs_no_explanation(shelf: SearchApp) -> None:
    assert shelf.explain_all(shelf.search("cat", where=["title=nothing"])) == ()


def test_tokens_of_one_word_are_one_share() -> None:
    passage = "The playing 日本"
    spans = [None, (0, 3), (4, 8), (8, 11), (12, 13), (13, 14), None]
    found = shares(passage, spans, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.05], text_start=4)
    assert found.words == (
        WordShare("The", 0.2, None),
        WordShare("playing", pytest.approx(0.7), (0, 7)),
        WordShare("日", 0.5, (8, 9)),
        WordShare("本", 0.6, (9, 10)),
    )
    assert (found.rest, found.total) == (pytest.approx(0.15), pytest.approx(2.15))


def test_bytes_of_one_character_and_a_blank_before_a_word_are_put_right() -> None:
    found = shares("a 🙂 bc", [(0, 1), (1, 3), (2, 3), (3, 6)], [1, 2, 3, 4], text_start=0)
    assert [(word.word, word.share, word.span) for word in found.words] == [
        ("a", 1, (0, 1)),
        ("🙂", 5, (2, 3)),
        ("bc", 4, (4, 6)),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("See e.g. the docs. Then go", ["See e.g. the docs.", "Then go"]),
        ("Head\n\nBody text\n- item", ["Head", "Body text", "- item"]),
        ("これは。それは！", ["これは。", "それは！"]),
        ('He said "No." She left.', ['He said "No."', "She left."]),
        (" \n ", []),
    ],
)
def test_a_passage_is_cut_into_sentences(text: str, expected: Sequence[str]) -> None:
    assert [text[slice(*span)] for span in sentences(text)] == expected


def marked(query: str, title: str, text: str) -> tuple[list[str], list[str]]:
    (marks,) = marked_words(match_expression(query), [IndexedText(title, (), text)])
    return [title[slice(*span)] for span in marks.title], [text[slice(*span)] for span in marks.text]


def test_marks_are_what_the_word_index_matches() -> None:
    assert marked("copying a file", "Files", "I copied FILES.") == (["Files"], ["copied", "FILES"])
    assert marked('"copy file" cat', "", "copy file, cat") == ([], ["copy file", "cat"])
    assert marked('"copy file" cat', "", "copy a file, cat") == ([], [])
    assert marked("café", "", "CAFE \ue000\ue001 cafés") == ([], ["CAFE", "cafés"])
    assert marked("cat", "".join(map(chr, range(0xE000, 0xF900))), "cat") == ([], ["cat"])
    assert marked("!?", "a", "b") == ([], [])
    assert marked("cat", "", "a\0\ud800 cat") == ([], ["cat"])


HIT = Hit(1, 0.5, "d", "c", "title", "source", "<b>Cat</b> & dog.\nRain.", 0, 23, {})


def test_html_escapes_every_text_and_marks_places() -> None:
    why = Explanation(1, 0.5, (WordShare("Cat", 0.2, (3, 6)), WordShare("dog", 0.04, (13, 16))), 0.26, (0, 17))
    html = explanation_html(HIT, replace(why, marks=Marks(text=((3, 6),))))
    assert html == (
        '<b class="best">&lt;b&gt;<span class="share-5" title="+0.2000"><mark>Cat</mark></span>&lt;/b&gt; &amp; '
        '<span class="share-1" title="+0.0400">dog</span>.</b><br>Rain.'
    )


def test_html_without_marks_is_the_text_alone() -> None:
    assert explanation_html(HIT, Explanation(1)) == "&lt;b&gt;Cat&lt;/b&gt; &amp; dog.<br>Rain."


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</b></mark>&lt;"])
def test_no_tag_of_a_text_gets_into_the_html(payload: str) -> None:
    hit = replace(HIT, text=f"rain {payload} cat")
    words = tuple(WordShare(hit.text[place], 0.1, (place, place + 1)) for place in range(len(hit.text)))
    html = explanation_html(hit, Explanation(1, 0.5, words, 0.0, (2, 9), Marks(text=((1, 12),))))
    left = re.sub(r'</?(?:b|mark|span)(?: class="(?:best|share-\d)")?(?: title="[+-][\d.]+")?>|<br>', "", html)
    assert "<" not in left
    assert ">" not in left
