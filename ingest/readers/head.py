"""The first rows of a table and what its columns would serve as, before all of it is read.

Only formats that are plain text are looked at: whatever has to be unpacked is parsed in the sandbox alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from pathlib import PurePath
from types import MappingProxyType

from ingest.errors import ReadError, TableError
from ingest.readers.delimited import delimited_rows
from ingest.readers.found import Opened, TableColumns, TableMapping
from ingest.readers.jsonlines import jsonlines_rows
from ingest.readers.table import Row, choose_columns

HEAD_BYTES = 1 << 18  # as much of a file as is looked at

_ROWS: Mapping[str, Callable[[Opened], Iterator[Row]]] = MappingProxyType(
    {".csv": delimited_rows, ".tsv": delimited_rows, ".jsonl": jsonlines_rows, ".ndjson": jsonlines_rows}
)


@dataclass(frozen=True, slots=True)
class TableHead:
    """The first rows of a table; `guess` is None where no column's name says that it holds the text."""

    source: str
    names: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]
    guess: TableColumns | None


def table_head(source: str, content: bytes, row_count: int = 5) -> TableHead | None:
    """The head of a file; None where it is no table of plain text, or has no row that can be read.

    Args:
        source: The file's name, whose ending tells the format.
        content: Its first bytes; a row that they cut off is left out.
        row_count: At most so many rows.
    """
    read = _ROWS.get(PurePath(source).suffix.lower())
    if read is None:
        return None
    head = content if len(content) < HEAD_BYTES else content[: content.rfind(b"\n", 0, HEAD_BYTES) + 1]
    try:
        found = list(islice(read(Opened(source, source, BytesIO(head))), row_count))
    except ReadError:
        return None
    rows = tuple(one.values for one in found if not isinstance(one.values, ReadError))
    names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    return TableHead(source, names, rows, _guess(source, names)) if rows else None


def _guess(source: str, names: tuple[str, ...]) -> TableColumns | None:
    try:
        return choose_columns(source, names, TableMapping())
    except TableError:
        return None
