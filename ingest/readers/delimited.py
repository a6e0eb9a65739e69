"""CSV and TSV: the first row names the columns, the delimiter is told from it."""

import csv
from collections.abc import Iterator
from typing import TextIO

from ingest.errors import ReadError
from ingest.readers.decoding import open_text
from ingest.readers.found import Item, Opened
from ingest.readers.table import Row, read_rows

_DELIMITERS = ",;\t|"
_HEADER_CHARACTERS = 1 << 16
_MAX_CELL_CHARACTERS = 20_000_000


def read_delimited(file: Opened) -> Iterator[Item]:
    """The columns of the table, then one item a row."""
    yield from read_rows(file, delimited_rows(file))


def delimited_rows(file: Opened) -> Iterator[Row]:
    """The rows under the header, as they stand there."""
    with open_text(file, newline="") as stream:
        yield from _rows(file, stream)


def _rows(file: Opened, stream: TextIO) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)  # the standard limit of 131,072 is less than a long article
    delimiter = "\t" if file.name.lower().endswith(".tsv") else _delimiter(stream)
    reader = csv.reader(stream, delimiter=delimiter, strict=False)
    try:
        header = next(reader, [])
        filled = (cells for cells in reader if any(cells))
        for number, cells in enumerate(filled, start=1):
            yield Row(number, _values(file, number, header, cells))
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
    return dict(zip(header, cells, strict=False))
