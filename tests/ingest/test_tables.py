import datetime
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import EmptyText, ReadError, TableError
from ingest.readers import count_documents, read_file
from ingest.readers.found import Found, Item, TableColumns
from ingest.readers.table import guess_columns


def read(path: Path) -> list[Item]:
    return list(read_file(SourceFile(path, f"docs/{path.name}", path.parent)))


def documents(items: Sequence[Item]) -> list[Document]:
    return [item.document for item in items if isinstance(item, Found)]


def test_a_beir_corpus_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"_id": "4983", "title": "White matter", "text": "It alters.", "metadata": {}}\n')
    assert read(path) == [
        TableColumns("docs/corpus.jsonl", text="text", id="_id", title="title", url=None, metadata=("metadata",)),
        Found(
            Document(
                id="4983",
                title="White matter",
                text="It alters.",
                source="docs/corpus.jsonl",
                origin=str(path),
                metadata={"metadata": "{}"},
            ),
            "docs/corpus.jsonl, row 1",
        ),
    ]


def test_columns_are_told_by_name_in_any_case_and_order() -> None:
    columns = guess_columns("faq.csv", ["Tag", "Link", "Answer", "Question", "Key"])
    assert columns == TableColumns(
        "faq.csv", text="Answer", id="Key", title="Question", url="Link", metadata=("Tag", "Link")
    )
    assert str(columns) == "faq.csv: text=Answer id=Key title=Question url=Link metadata=Tag,Link"


def test_a_table_without_text_names_its_columns() -> None:
    with pytest.raises(TableError) as caught:
        guess_columns("cups.csv", ["Team", "Cups"])
    assert str(caught.value) == (
        "The table 'cups.csv' has no column that can serve as text: it has 'Team', 'Cups'. "
        "Name one of them 'text', 'content', 'contents', 'body', 'passage', or similar."
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'title,text\n"One, two","first\nline"\n\nThree,second\n'),
        ("a.csv", 'title;text\n"One, two";"first\nline"\nThree;second\n'),
        ("a.tsv", 'title\ttext\nOne, two\t"first\nline"\nThree\tsecond\n'),
    ],
)
def test_delimited_rows_without_an_id_are_numbered(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    rows = [(row.id, row.title, row.text) for row in documents(read(path))]
    assert rows == [
        (f"docs/{name}#1", "One, two", "first\nline"),
        (f"docs/{name}#2", "Three", "second"),
    ]


def test_a_row_with_a_cell_too_many_or_without_text_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,fine\n2,a,b\n3,\n4\n5,fine too\n")
    items = read(path)
    assert [row.id for row in documents(items)] == ["1", "5"]
    assert [str(item) for item in items if isinstance(item, ReadError)] == [
        "Row 2 of 'docs/a.csv' has 3 cells, but the table has 2 columns.",
        "Row 3 of 'docs/a.csv' has no text in column 'text'.",
        "Row 4 of 'docs/a.csv' has no text in column 'text'.",
    ]


def test_a_title_stands_in_for_a_text_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"title": "Only a title", "text": ""}\n{"title": "NaN", "text": NaN}')
    assert [row.text for row in documents(read(path))] == ["Only a title", "NaN"]


def test_broken_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    deep = "[" * 100_000
    path.write_text('{"id": 7, "text": "good"}\n\n{"id": 8\n["list"]\n' + deep + '\n{"id": 9, "text": "good"}\n')
    items = read(path)
    assert [row.id for row in documents(items)] == ["7", "9"]
    starts = [str(item)[:40] for item in items if isinstance(item, ReadError)]
    assert starts == [
        "Line 3 of 'docs/a.jsonl' isn't JSON: Exp",
        "Line 4 of 'docs/a.jsonl' holds a list, n",
        "Line 5 of 'docs/a.jsonl' isn't JSON: max",
    ]


def test_lone_surrogates_and_a_url_are_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "x\\ud800", "text": "t\\udc00ext", "url": "https://example.org/a"}')
    (row,) = documents(read(path))
    assert (row.id, row.text, row.source) == ("x", "text", "https://example.org/a")


def test_parquet_rows_keep_their_scalars(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {
        "id": [1, 2],
        "body": ["first", "second"],
        "day": [datetime.date(2024, 5, 1), None],
        "tags": [["a", "b"], []],
        "price": [1.5, float("nan")],
    }
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    rows = documents(read(path))
    assert [(row.id, row.text, row.metadata) for row in rows] == [
        ("1", "first", {"day": "2024-05-01", "tags": '["a", "b"]', "price": 1.5}),
        ("2", "second", {"day": None, "tags": "[]", "price": None}),
    ]
    assert count_documents(SourceFile(path, "a.parquet", path)) == 2


def test_a_damaged_parquet_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 but nothing else PAR1")
    with pytest.raises(ReadError, match=r"^'docs/a.parquet' isn't a readable Parquet file: [^\n]+\.$"):
        read(path)


def test_a_table_without_rows_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n")
    with pytest.raises(EmptyText) as caught:
        read(path)
    assert str(caught.value) == "The table 'docs/a.csv' has no rows."


def test_rows_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"id": number, "text": "word"}) for number in range(100_000)]
    path.write_text("\n".join([*lines[:200], "{broken", *lines[200:]]))
    items = read_file(SourceFile(path, "docs/a.jsonl", tmp_path))
    first = [next(items) for _ in range(10)]
    assert isinstance(first[0], TableColumns)
    assert [row.id for row in documents(first)] == [str(number) for number in range(9)]
