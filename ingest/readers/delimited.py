"""CSV and TSV: the first row names the columns, the delimiter is told from it."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ingest.discovery import SourceFile
from ingest.errors import ReadError
from ingest.readers.decoding import encoding_of
from ingest.readers.found import Item
from ingest.readers.table import Row, read_rows

_DELIMITERS = ",;\t|"
_HEADER_CHARACTERS = 1 << 16
_MAX_CELL_CHARACTERS = 20_000_000
_BLOCK_BYTES = 1 << 20


def read_delimited(file: SourceFile) -> Iterator[Item]:
    """The columns of the table, then one item a row."""
    with file.path.open(encoding=encoding_of(file.path), newline="") as stream:
        yield from read_rows(file, _rows(file, stream))


def count_lines(path: Path) -> int:
    """Line ends in the file: the rows, or somewhat more."""
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK_BYTES), b""))


def _rows(file: SourceFile, stream: TextIO) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)  # the standard limit of 131,072 is less than a long article
    delimiter = "\t" if file.path.suffix.lower() == ".tsv" else _delimiter(stream)
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


def _values(file: SourceFile, number: int, header: list[str], cells: list[str]) -> dict[str, object] | ReadError:
    if any(cells[len(header) :]):
        return ReadError(
            f"Row {number} of {file.id!r} has {len(cells)} cells, but the table has {len(header)} columns."
        )
    return dict(zip(header, cells, strict=False))
