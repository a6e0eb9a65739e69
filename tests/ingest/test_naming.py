import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from ingest.chunking import ChunkingSettings
from ingest.cleaning import clean_line
from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import IdTaken
from ingest.naming import Naming
from ingest.pipeline import IngestSettings
from ingest.readers.found import Found
from ingest.seen import Seen
from ingest.sink import HeldDocument

PRUNING = IngestSettings(ChunkingSettings(max_tokens=32), prune=True)
ROWS = "id,text\n1,{0} one\n2,{0} two\n"


@pytest.fixture
def seen() -> Iterator[Seen]:
    with closing(Seen()) as opened:
        yield opened


def texts(sink) -> dict[str, str]:
    return {key: encoded.document.text for key, encoded in sink.documents.items()}


def test_rows_that_are_numbered_alike_in_two_tables_all_go_in(write_tree, run, sink) -> None:
    root = write_tree({"a.csv": ROWS.format("cat"), "b.csv": ROWS.format("dog")})
    assert run(root).failed == ()
    expected = {"1": "cat one", "2": "cat two", "docs/b.csv#1": "dog one", "docs/b.csv#2": "dog two"}
    assert texts(sink) == expected
    write_tree({"a.csv": ROWS.format("cow")})
    summary = run(root)
    assert (summary.new, summary.changed, summary.unchanged) == (0, 2, 2)
    assert texts(sink) == expected | {"1": "cow one", "2": "cow two"}


def test_a_table_that_comes_in_later_takes_nobodys_ids_and_keeps_its_own(write_tree, run, sink) -> None:
    root = write_tree({"b.csv": ROWS.format("dog")})
    run(root)
    write_tree({"a.csv": ROWS.format("cat")})
    run(root / "a.csv")
    expected = {"1": "dog one", "2": "dog two", "a.csv#1": "cat one", "a.csv#2": "cat two"}
    assert texts(sink) == expected
    (root / "b.csv").unlink()
    write_tree({"a.csv": ROWS.format("cow")})
    assert run(root / "a.csv").changed == 2
    assert texts(sink) == expected | {"a.csv#1": "cow one", "a.csv#2": "cow two"}


def test_two_sheets_of_a_file_are_two_tables(write_tree, run, sink) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("More")):
        for row in (("id", "text"), (1, f"{sheet.title} one")):
            sheet.append(row)
    book.save(write_tree({}) / "a.xlsx")
    root = write_tree({})
    run(root)
    assert texts(sink) == {"1": "Sheet one", "docs/a.xlsx/More#1": "More one"}
    run(root)
    assert texts(sink) == {"1": "Sheet one", "docs/a.xlsx/More#1": "More one"}


def test_two_folders_of_one_name_are_told_apart(write_tree, run, sink, tmp_path: Path) -> None:
    root = write_tree({"a.txt": "first", "b.csv": ROWS.format("cat")})
    other = tmp_path / "other" / "docs"
    shutil.copytree(root, other)
    (other / "a.txt").write_text("second")
    (other / "b.csv").write_text(ROWS.format("dog"))
    run(root)
    run(other)
    expected = {
        "docs/a.txt": "first",
        f"{other}/a.txt": "second",
        "1": "cat one",
        "2": "cat two",
        "docs/b.csv#1": "dog one",
        "docs/b.csv#2": "dog two",
    }
    assert texts(sink) == expected
    (other / "a.txt").write_bytes(b"\0")
    assert len(run(root, other).failed) == 1
    assert texts(sink) == expected


@pytest.mark.parametrize("name", ["two  spaces.txt", "gro\u0308ße.txt", "new\nline.txt", os.fsdecode(b"by\xfftes.txt")])
def test_files_whose_names_look_alike_are_told_apart_and_found_again(
    name: str, write_tree, run, sink, tmp_path: Path
) -> None:
    root = write_tree({name: "first", clean_line(name): "beside"})
    other = tmp_path / "other" / "docs"
    shutil.copytree(root, other)
    (other / name).write_text("second")
    run(root)
    run(other)
    assert sorted(texts(sink).values()) == ["beside", "beside", "first", "second"]
    assert run(root, other, settings=PRUNING).removed == 0
    (root / name).unlink()
    run(root, settings=PRUNING)
    assert sorted(texts(sink).values()) == ["beside", "beside", "second"]


def test_the_ids_of_a_corpus_are_refused_rather_than_changed(write_tree, run, sink, tmp_path: Path) -> None:
    row = '{"_id": "x", "text": "%s"}\n'
    root = write_tree({"a.jsonl": row % "first", "b.jsonl": "\n" + row % "second"})
    reason = (
        "The document id 'x' of row 2 of 'docs/b.jsonl' is that of row 1 of 'docs/a.jsonl' already. Give each its own."
    )
    assert [failure.reason for failure in run(root).failed] == [reason]
    other = tmp_path / "corpus.jsonl"
    other.write_text(row % "third")
    reason = f"The document id 'x' of row 1 of 'corpus.jsonl' is that of '{root}/a.jsonl' already. Give each its own."
    assert [failure.reason for failure in run(other).failed] == [reason]
    assert texts(sink) == {"x": "first"}


def found(document_id: str, table: str = "", *, is_fixed: bool = False) -> Found:
    document = Document(document_id, "", "text", source="", origin="")
    return Found(document, f"place of {document_id}", table, has_fixed_id=is_fixed)


def held(origins: Mapping[str, Path]) -> dict[str, HeldDocument]:
    return {key: HeldDocument("", str(origin)) for key, origin in origins.items()}


def test_a_file_that_moved_takes_its_ids_along(seen: Seen, tmp_path: Path) -> None:
    file = SourceFile(tmp_path / "new.csv", "new.csv", tmp_path)
    before = held({"1": tmp_path / "old.csv"})
    assert Naming(seen).name(found("1", "new.csv"), file, before) == "1"


def test_rows_of_a_corpus_may_move_between_files_that_are_read_together(seen: Seen, tmp_path: Path) -> None:
    file, other = (SourceFile(tmp_path / name, name, tmp_path) for name in ("a.jsonl", "b.jsonl"))
    other.path.touch()
    before = held({"x": other.path})
    with pytest.raises(IdTaken):
        Naming(seen).name(found("x", "a.jsonl", is_fixed=True), file, before)
    seen.note_file(other.origin, is_read=True)
    assert Naming(seen).name(found("x", "a.jsonl", is_fixed=True), file, before) == "x"


def test_an_id_by_table_stays_when_the_short_one_comes_free(seen: Seen, tmp_path: Path) -> None:
    file = SourceFile(tmp_path / "b.csv", "docs/b.csv", tmp_path)
    before = held({"docs/b.csv#1": file.path})
    assert Naming(seen).name(found("1", "docs/b.csv"), file, before) == "docs/b.csv#1"
