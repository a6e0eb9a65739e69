"""What search prints: for people, and as the JSON that is promised."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_app.app import SearchApp
from search_app.cli.hits import place_text
from search_app.search import Hit

Twinsearch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def filled(noted: SearchApp, run_on: Twinsearch) -> Twinsearch:
    return partial(run_on, noted.home.path)


def test_hits_are_shown_with_rank_score_title_passage_and_source(filled: Twinsearch) -> None:
    code, out, err = filled("search", "kitten hound", "-k", "2")
    assert (code, err) == (0, "")
    assert re.sub(r"encode \d+ ms, search \d+ ms, words \d+ ms", "…", out) == (
        " 1. 0.949  cat\n"
        "    cat cat dog\n"
        "    notes/cat.txt\n"
        "\n"
        " 2. 0.707  dog\n"
        "    dog\n"
        "    notes/dog.txt\n"
        "\n"
        "2 hybrid hits from generation 1 of 'docs' (…)\n"
    )


@pytest.mark.parametrize(
    ("document_id", "source", "known", "place"),
    [
        ("docs/a.pdf", "docs/a.pdf", {"page": 3}, "docs/a.pdf, page 3"),
        ("docs/a.pptx", "docs/a.pptx", {"page": 2, "headings": ("Pumps",)}, "docs/a.pptx, slide 2, under Pumps"),
        ("docs/a.md", "docs/a.md", {"headings": ("Manual", "Install", "Linux")}, "docs/a.md, under Install > Linux"),
        ("docs/a.md", "docs/a.md", {"headings": ("Manual",)}, "docs/a.md"),
        ("docs/a.csv#7", "docs/a.csv", {}, "docs/a.csv, row 7"),
        ("7", "docs/a.csv", {"metadata": {"row": "back"}}, "docs/a.csv, id 7"),
        ("docs/a.xlsx/FAQ#2", "docs/a.xlsx/FAQ", {"metadata": {"sheet": "FAQ", "row": 2}}, "docs/a.xlsx/FAQ, row 2"),
        ("7", "docs/a.xlsx/FAQ", {"metadata": {"sheet": "FAQ", "row": 2}}, "docs/a.xlsx/FAQ, row 2, id 7"),
        ("Manual", "https://a.example/b", {}, "https://a.example/b"),
    ],
)
def test_a_hit_says_where_its_passage_stands(document_id: str, source: str, known: dict[str, Any], place: str) -> None:
    hit = Hit(1, 0.5, document_id, "chunk", "Manual", source, "text", 0, 4, **{"metadata": {}, **known})
    assert place_text(hit) == place


def test_a_search_by_words_says_so(filled: Twinsearch) -> None:
    code, out, err = filled("search", "cats", "--mode", "lexical")
    assert (code, err) == (0, "")
    assert re.fullmatch(r" 1\. \d\.\d{3}  cat\n.*1 lexical hit from .* \(words \d+ ms\)\n", out, re.DOTALL)


def test_the_next_page_begins_where_the_first_ends(filled: Twinsearch) -> None:
    whole = json.loads(filled("search", "cat", "-k", "4", "--json")[1])["hits"]
    assert json.loads(filled("search", "cat", "-k", "2", "--offset", "2", "--json")[1])["hits"] == whole[2:]
    least = str(whole[0]["score"])
    assert json.loads(filled("search", "cat", "--min-score", least, "--exact", "--json")[1])["hits"] == whole[:1]


def test_an_unknown_mode_is_refused_with_those_there_are(filled: Twinsearch) -> None:
    code, out, err = filled("search", "cat", "--mode", "both")
    assert (code, out) == (2, "")
    assert err.endswith("'both' is not one of 'dense', 'lexical', 'hybrid'.\n")


def test_nothing_found_is_said(filled: Twinsearch) -> None:
    assert filled("search", "cat", "--where", "source=elsewhere") == (0, "Nothing found in 'docs'.\n", "")


def test_json_has_the_promised_shape(filled: Twinsearch) -> None:
    code, out, err = filled("search", "kitten", "-k", "1", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert list(found) == [
        *("schema", "query", "collection", "generation", "encoder", "mode", "fusion", "rerank", "took_ms", "hits")
    ]
    assert (found["fusion"], found["rerank"]) == ({"method": "standout", "weight": 0.4}, None)
    assert (found["schema"], found["query"], found["collection"], found["generation"]) == (1, "kitten", "docs", 1)
    assert found["encoder"]["name"] == "fluent"
    assert re.fullmatch(r"[0-9a-f]{64}", found["encoder"]["fingerprint"])
    assert found["mode"] == "hybrid"
    assert {"encode", "search", "total"} <= set(found["took_ms"])


def test_a_hit_in_json_has_the_promised_shape(filled: Twinsearch) -> None:
    (hit,) = json.loads(filled("search", "kitten", "-k", "1", "--json")[1])["hits"]
    assert hit.pop("score") == pytest.approx(2 / 5**0.5, abs=1e-6)
    assert re.fullmatch(r"[0-9a-f]{32}", hit.pop("chunk_id"))
    assert hit == {
        "rank": 1,
        "document_id": "notes/cat.txt",
        "title": "cat",
        "source": "notes/cat.txt",
        "text": "cat cat dog",
        "start": 0,
        "end": 11,
        "metadata": {"modified": "2023-11-14T22:13:20"},
        "headings": [],
        "page": None,
        "more_passages": 0,
        "copies": 0,
        "also_at": [],
        "parts": {"dense": pytest.approx(2 / 5**0.5, abs=1e-6)},
    }


def test_json_keeps_letters_of_every_language(twinsearch: Twinsearch, tmp_path: Path) -> None:
    (tmp_path / "Übung.txt").write_text("cat 日本")
    twinsearch("ingest", tmp_path / "Übung.txt")
    assert '"text": "cat 日本"' in twinsearch("search", "cat", "--json")[1]


def test_conditions_narrow_the_search(filled: Twinsearch) -> None:
    found = json.loads(filled("search", "cat dog", "--where", "title=dog", "--json")[1])
    assert [hit["document_id"] for hit in found["hits"]] == ["notes/dog.txt"]


def test_an_explanation_says_both_parts_of_the_score_as_sums(filled: Twinsearch) -> None:
    code, out, err = filled("search", "kitten cat", "-k", "1", "--explain")
    assert (code, err) == (0, "")
    assert re.search(
        r"    notes/cat\.txt\n"
        r"    by meaning 0\.894 = cat 0\.894 \+ dog 0\.000 \+ signs 0\.000\n"
        r"    by words (\d\.\d{3}) = cat \1\n",
        out,
    )


def test_an_explanation_in_json_stands_in_its_hit(filled: Twinsearch) -> None:
    (hit,) = json.loads(filled("search", "kitten", "-k", "1", "--explain", "--mode", "dense", "--json")[1])["hits"]
    why = hit["explanation"]
    assert [(word["word"], word["span"]) for word in why["words"]] == [
        ("cat", [0, 3]),
        ("cat", [4, 7]),
        ("dog", [8, 11]),
    ]
    assert sum(word["share"] for word in why["words"]) + why["rest"] == pytest.approx(hit["score"], abs=1e-4)
    assert list(why) == ["rank", "similarity", "words", "rest", "sentence", "marks", "word_scores", "read_end", "note"]


def test_answers_to_a_batch_are_explained_too(filled: Twinsearch, tmp_path: Path) -> None:
    (tmp_path / "queries.txt").write_text("kitten\nhound\n")
    lines = filled("search", "--batch", tmp_path / "queries.txt", "-k", "1", "--explain")[1].splitlines()
    assert [json.loads(line)["hits"][0]["explanation"]["rank"] for line in lines] == [1, 1]
