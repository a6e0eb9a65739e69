from collections.abc import Callable
from io import BytesIO

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.limits import Limits
from ingest.readers.found import TableColumns
from ingest.sandbox.head import packed_head

ROWS = [{"id": f"r{n}", "title": f"t{n}", "text": f"cat {n}", "lang": "en"} for n in range(9)]


def xlsx(rows: list[dict[str, str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in ([*rows[0]], *([*one.values()] for one in rows)):
        book.active.append(row)
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()


def parquet(rows: list[dict[str, str]]) -> bytes:
    packed = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), packed)
    return packed.getvalue()


@pytest.mark.parametrize(("name", "packed"), [("a.xlsx", xlsx), ("b.parquet", parquet)])
def test_the_first_rows_of_a_packed_table_show_what_its_columns_serve_as(
    name: str, packed: Callable[[list[dict[str, str]]], bytes]
) -> None:
    head = packed_head(name, packed(ROWS), Limits(), row_count=2)
    assert head is not None
    assert [{key: row[key] for key in ROWS[0]} for row in head.rows] == ROWS[:2]
    assert set(ROWS[0]) <= set(head.names)
    assert isinstance(head.guess, TableColumns)
    assert (head.guess.id, head.guess.title, head.guess.text) == ("id", "title", "text")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.xlsx", xlsx([{"x": "1", "y": "2"}])), ("b.parquet", b"PAR1 broken"), ("c.csv", b"text\ncat\n")],
)
def test_what_has_no_text_or_can_not_be_read_has_no_head(name: str, content: bytes) -> None:
    assert packed_head(name, content, Limits()) is None
