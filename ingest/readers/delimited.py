"""CSV and TSV: the delimiter is told from the first row, which names the columns if it can.

A table whose columns have names, but none that says that it holds the text, is one document, and so is one without.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from ingest.errors import ReadError
from ingest.readers.building import TextBuilder
from ingest.readers.decoding import open_text
from ingest.readers.found import Item, Opened, TableColumns
from ingest.readers.lines import add_lines, column_names, lines_of
from ingest.readers.table import Row, by_column, columns_of, read_rows, unlike

_DELIMITERS = ",;\t|"
_HEADER_CHARACTERS = 1 << 16
_MAX_CELL_CHARACTERS = 20_000_000


def read_delimited(file: Opened) -> Iterator[Item]:
    """The columns of the table, then one item a row; or one document, a line a row."""
    with open_text(file, newline="") as stream:
        top = list(islice(_cells(file, stream), 2))
        stream.seek(0)
        if columns_of(file, unlike(top[0]) if top else []) is not None:
            yield from read_rows(file, _rows(file, stream))
            return
        if column_names(top):
            yield TableColumns(file.id)
        builder = TextBuilder(file)
        add_lines(builder, lines_of(_cells(file, stream)))
        yield builder.document(file.stem)


def delimited_rows(file: Opened) -> Iterator[Row]:
    """The rows under the header, as they stand there."""
    with open_text(file, newline="") as stream:
        yield from _rows(file, stream)


def _rows(file: Opened, stream: TextIO) -> Iterator[Row]:
    cells = _cells(file, stream)
    header = unlike(next(cells, []))
    for number, row in enumerate(cells, start=1):
        yield Row(number, _values(file, number, header, row))


def _cells(file: Opened, stream: TextIO) -> Iterator[list[str]]:
    """The rows in which something stands, as they stand there."""
    csv.field_size_limit(_MAX_CELL_CHARACTERS)  # the standard limit of 131,072 is less than a long article
    delimiter = "\t" if file.name.lower().endswith(".tsv") else _delimiter(stream)
    reader = csv.reader(stream, delimiter=delimiter, strict=False)
    try:
        yield from filter(any, reader)
    except csv.Error as error:
        raise ReadError(f"Line {reader.line_num} of {file.id!r} isn't readable as a table: {error}.") from error


def _delimiter(stream: TextIO) -> str:
    line = stream.readline(_HEADER_CHARACTERS)
    stream.seek(0)
    return max(_DELIMITERS, key=line.count)  # the comma stands first, so it wins a draw


def _values(file: Opened, number: int, header: list[str], cells: list[str]) -> dict[str, object] | ReadError:
    if any(cells[len(header) :]):
        return ReadError(
            f"Row {number} of {file.id!r} has {len(cells)} cells, but the table has {len(header)} columns."
        )
    return by_column(header, cells)
