import datetime
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import EmptyText, ReadError, TableError
from ingest.limits import Limits
from ingest.readers import count_documents, read_file
from ingest.readers.found import Broken, Expected, Found, Opened, TableColumns, TableMapping, Told
from ingest.readers.table import choose_columns


def read(path: Path, **columns: Any) -> list[Told]:
    with path.open("rb") as stream:
        return list(read_file(Opened(f"docs/{path.name}", str(path), stream, columns=TableMapping(**columns))))


def documents(items: Sequence[Told]) -> list[Document]:
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
            "row 1 of 'docs/corpus.jsonl'",
            table="docs/corpus.jsonl",
            has_fixed_id=True,
        ),
    ]


def test_columns_are_told_by_name_in_any_case_and_order() -> None:
    columns = choose_columns("faq.csv", ["Tag", "Link", "Answer", "Question", "Key"], TableMapping())
    assert columns == TableColumns(
        "faq.csv", text="Answer", id="Key", title="Question", url="Link", metadata=("Tag", "Link")
    )
    assert str(columns) == "faq.csv: text=Answer id=Key title=Question url=Link metadata=Tag,Link"
    wide = choose_columns("wide.csv", ["text", *map(str, range(9_999))], TableMapping())
    assert str(wide) == f"wide.csv: text=text metadata={','.join(map(str, range(20)))} and 9,979 more"


def test_a_table_without_text_names_its_columns() -> None:
    with pytest.raises(TableError) as caught:
        choose_columns("cups.csv", ["Team", "Cups"], TableMapping())
    assert str(caught.value) == (
        "The table 'cups.csv' has no column that can serve as text: it has 'Team', 'Cups'. "
        "Say which one does with --text-column, or name one 'text', 'content', 'contents', 'body', 'passage', "
        "or similar."
    )


CUPS = "Team: Blues | City: St. Louis\nTeam: Reds | Cups: 2"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cups.csv", 'Team,City,Cups\nBlues,"St. Louis",\n\nReds,,2\n'),
        ("cups.tsv", "Team\tCity\tCups\t\nBlues\tSt. Louis\nReds\t\t2\t\n"),
        ("cups.jsonl", '{"Team": "Blues", "City": "St. Louis", "Cups": null}\n{"Team": "Reds", "Cups": 2}\n'),
        ("cups.json", '[{"Team": "Blues", "City": "St. Louis"}, {"Team": "Reds", "Cups": [2]}]'),
    ],
)
def test_a_table_without_a_column_of_text_is_a_document_with_a_line_a_row(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    columns, only = read(path)
    assert isinstance(only, Found)
    assert (only.document.id, only.document.title, only.document.text) == (f"docs/{name}", "cups", CUPS)
    told = f"docs/{name}: one document, a line a row; with --text-column NAME --prune, each row is one"
    assert str(columns) == told


def test_a_sheet_is_read_as_any_other_table(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (("Team", "City", "Cups"), ("Blues", "St. Louis", None), ("Reds", None, 2)):
        book.active.append(row)
    book.save(tmp_path / "cups.xlsx")
    columns, only = read(tmp_path / "cups.xlsx")
    assert isinstance(only, Found)
    assert only.document.text == f"Sheet\n\n{CUPS}"
    assert str(columns).startswith("docs/cups.xlsx/Sheet: one document, ")


def test_a_row_that_is_too_long_is_named_and_costs_only_itself() -> None:
    stream = io.BytesIO(b'{"text": "cat"}\n{"text": "catalogue"}\n')
    _, first, second = read_file(Opened("a.jsonl", "/a.jsonl", stream, limits=Limits(characters=5)))
    assert isinstance(first, Found)
    sentence = "Row 2 of 'a.jsonl' has more than 5 characters. Split it, or raise the limit `characters`."
    assert second == Broken("a.jsonl", sentence)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Cups of 2024,,\nTeam,City,Cups\nBlues,STL,1\n", "Cups of 2024\nTeam | City | Cups\nBlues | STL | 1"),
        ("1.5,2\n3,4\n", "1.5 | 2\n3 | 4"),
        ("A,A\nB,C\n", "A | A\nB | C"),
        ("just one\ncolumn\n", "just one\ncolumn"),
        ("Team,Cups\n", "Team | Cups"),
        ("Team,Cups\nBlues,1,moved\n", "Team: Blues | Cups: 1 | moved"),
    ],
    ids=["title", "numbers", "twice", "one column", "no rows", "a cell too many"],
)
def test_a_table_whose_columns_have_no_names_is_taken_as_it_stands(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert [one.text for one in documents(read(path))] == [text]


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


def test_mapped_columns_go_before_guessed_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,Team,City,Cups\nnot this,Blues,St. Louis,1\n")
    columns, row = read(path, text="Team", title="City", metadata=("Cups",))
    assert str(columns) == "docs/a.csv: text=Team title=City metadata=Cups"
    assert isinstance(row, Found)
    assert (row.document.text, row.document.title, row.document.metadata) == ("Blues", "St. Louis", {"Cups": "1"})


def test_a_mapped_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Team,Cups\nBlues,1\n")
    with pytest.raises(TableError) as caught:
        read(path, text="City")
    assert str(caught.value) == "The table 'docs/a.csv' has no column 'City': it has 'Team', 'Cups'."


def test_a_row_with_a_cell_too_many_or_without_text_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,fine\n2,a,b\n3,\n4\n5,fine too\n")
    items = read(path)
    assert [row.id for row in documents(items)] == ["1", "5"]
    assert [item.reason for item in items if isinstance(item, Broken)] == [
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
    starts = [item.reason[:40] for item in items if isinstance(item, Broken)]
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
    assert read(path)[0] == Expected(2)


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
    with path.open("rb") as stream:
        items = read_file(Opened("docs/a.jsonl", str(path), stream))
        first = [next(items) for _ in range(10)]
    assert count_documents(SourceFile(path, path.name, tmp_path), Limits()) == 100_000
    assert isinstance(first[0], TableColumns)
    assert [row.id for row in documents(first)] == [str(number) for number in range(9)]


ODD_ROWS = [("text", "text", None, "note"), ("one", "more", "unnamed", None, "beyond"), ("two",)]
ODD_COLUMNS = "metadata=text (2),column 3,note"


def test_columns_that_are_named_alike_or_not_at_all_lose_no_cell(tmp_path: Path) -> None:
    csv = tmp_path / "odd.csv"
    csv.write_text("text,text,,note,\none,more,unnamed,,beyond\ntwo\n")
    columns, one, two = read(csv)
    assert str(columns) == f"docs/odd.csv: text=text {ODD_COLUMNS},column 5"
    metadata = {"text (2)": "more", "column 3": "unnamed", "column 5": "beyond"}
    assert [each.metadata for each in documents([one, two])] == [metadata | {"note": ""}, {}]
    book = openpyxl.Workbook()
    for row in ODD_ROWS:
        book.active.append(row)
    book.save(tmp_path / "odd.xlsx")
    twice = pyarrow.Table.from_arrays([pyarrow.array([cell]) for cell in ("one", "more")], ["text", "text"])
    pyarrow.parquet.write_table(twice, tmp_path / "odd.parquet")
    assert documents(read(tmp_path / "odd.parquet"))[0].metadata == {"text (2)": "more"}
    found = documents(read(tmp_path / "odd.xlsx"))
    assert found[0].metadata == metadata | {"sheet": "Sheet", "row": 2, "note": None}
    assert found[1].text == "two"


def test_a_time_is_kept_as_filters_ask_for_it_and_read_as_people_write_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    noon = datetime.datetime(2024, 5, 1, 12, 30)
    for row in [("text", "at"), ("one", noon), (noon, None)]:
        book.active.append(row)
    book.save(tmp_path / "times.xlsx")
    first, second = documents(read(tmp_path / "times.xlsx"))
    assert first.metadata["at"] == "2024-05-01T12:30:00"
    assert second.text == "2024-05-01 12:30:00"


def test_a_key_that_comes_up_late_is_kept_unless_others_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    rows = [{"text": "usual", "tag": "a"}] * 60 + [{"text": "late", "tag": "b", "colour": "red"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert documents(read(path))[-1].metadata == {"tag": "b", "colour": "red"}
    assert documents(read(path, metadata=("tag",)))[-1].metadata == {"tag": "b"}
