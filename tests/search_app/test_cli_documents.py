"""What documents list, failed, show and remove print, and what they leave."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from search_app.app import SearchApp

Twinsearch = Callable[..., tuple[int, str, str]]


def test_documents_are_listed_page_by_page(twinsearch: Twinsearch, notes: Path) -> None:
    twinsearch("ingest", notes)
    code, out, _ = twinsearch("documents", "list", "--offset", 1, "--limit", 2)
    head, *rows = [line.split() for line in out.splitlines()]
    assert (code, head) == (0, ["document", "title", "state", "chunks", "tokens", "not", "seen"])
    assert rows == [
        ["notes/cat.txt", "cat", "committed", "1", "0"],
        ["notes/dog.txt", "dog", "committed", "1", "0"],
    ]


def test_a_list_can_be_narrowed_by_a_pattern_and_a_state(twinsearch: Twinsearch, notes: Path) -> None:
    twinsearch("ingest", notes)
    found = json.loads(twinsearch("documents", "list", "--source", "notes/?a*.txt", "--json")[1])
    assert [one["id"] for one in found] == ["notes/cat.txt", "notes/rain.txt"]
    assert twinsearch("documents", "list", "--source", "notes/c%")[1] == "(none)\n"
    assert twinsearch("documents", "list", "--state", "pending")[1] == "(none)\n"


def test_of_many_broken_rows_the_first_are_told_and_the_others_counted(twinsearch: Twinsearch, notes: Path) -> None:
    twinsearch("ingest", notes)
    assert twinsearch("documents", "failed") == (0, "(none)\n", "")
    (notes / "rows.jsonl").write_text('{"text": "cat"}\n' + "{\n" * 12)
    twinsearch("ingest", notes)
    lines = twinsearch("documents", "failed")[1].splitlines()
    assert (len(lines), lines[-1]) == (11, "2 more of 'notes/rows.jsonl' failed.")
    assert lines[0].startswith("Line 2 of 'notes/rows.jsonl' isn't JSON: ")


def test_a_document_is_shown_with_its_text_its_chunks_and_its_copies(twinsearch: Twinsearch, notes: Path) -> None:
    (notes / "old").mkdir()
    (notes / "old" / "dog.txt").write_text("dog")
    twinsearch("ingest", notes)
    code, out, _ = twinsearch("documents", "show", "notes/dog.txt")
    assert code == 0
    assert out.splitlines()[:6] == [
        "id: notes/dog.txt",
        "title: dog",
        f"file: {notes / 'dog.txt'}",
        "state: committed",
        "also at: notes/old/dog.txt",
        "modified: 2023-11-14T22:13:20",
    ]
    assert out.splitlines()[7] == "dog"
    assert out.splitlines()[-1].split() == ["0", "0-3", "3", "dog"]
    copy = twinsearch("documents", "show", "notes/old/dog.txt")[1]
    assert "copy of: notes/dog.txt" in copy.splitlines()


def test_removing_asks_and_says_how_many(twinsearch: Twinsearch, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twinsearch("ingest", notes)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, err = twinsearch("documents", "remove", "notes/dog.txt")
    assert (code, err) == (130, "Remove document 'notes/dog.txt' from collection 'docs'? [y/N]: Interrupted.\n")
    assert twinsearch("documents", "remove", "notes/dog.txt", "notes/?a*", "--yes") == (0, "3 removed.\n", "")
    assert [one["id"] for one in json.loads(twinsearch("documents", "list", "--json")[1])] == ["notes/bread.txt"]


@pytest.mark.parametrize("absent", ["nothing/*", "Notes/d*"])
def test_what_is_not_there_can_not_be_removed(twinsearch: Twinsearch, notes: Path, absent: str) -> None:
    twinsearch("ingest", notes)
    code, _, err = twinsearch("documents", "remove", "notes/d*", absent, "--yes")
    sentence = f"The collection holds no document {absent!r}. `twinsearch documents list` shows what there is.\n"
    assert (code, err) == (1, sentence)
    assert len(json.loads(twinsearch("documents", "list", "--json")[1])) == 4


def test_a_removed_document_leaves_nothing_in_any_generation_nor_in_the_cache(
    twinsearch: Twinsearch, shared_home: Path, notes: Path
) -> None:
    (notes / "twice.md").write_text("rain sea night")  # the text of rain.txt under another title
    twinsearch("ingest", notes)
    twinsearch("reindex", "docs", "--encoder", "literal")
    twinsearch("documents", "remove", "notes/dog.txt", "notes/twice.md", "--yes")
    with SearchApp.open(shared_home) as app:
        held = [
            sorted(one for page in app.index.ids(g.physical_name) for one in page) for g in app.generations.list("docs")
        ]
        assert held[0] == held[1] == sorted(app.catalog.documents.chunk_ids(1))
        assert len(held[0]) == 3
        assert app.vector_cache.size == 2 * 3
        assert app.search("dog", mode="lexical").hits[0].document_id == "notes/cat.txt"
        assert app.check().remaining == ()


def test_a_removed_document_comes_in_again_as_long_as_its_file_is_there(twinsearch: Twinsearch, notes: Path) -> None:
    twinsearch("ingest", notes)
    twinsearch("documents", "remove", "notes/dog.txt", "--yes")
    assert twinsearch("ingest", notes)[1].startswith("docs: 1 new, 0 changed, 3 unchanged")
