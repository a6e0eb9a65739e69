"""The first rows of a table that has to be unpacked, read by a parsing process of its own that ends after them."""

import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePath

from ingest.discovery import SourceFile
from ingest.limits import Limits
from ingest.readers.found import Found, TableColumns, TableMapping, Told
from ingest.readers.head import TableHead
from ingest.sandbox.parser import Parser

_SUFFIXES = (".xlsx", ".parquet")


def is_packed(source: str) -> bool:
    """Whether a file of this name is looked at."""
    return PurePath(source).suffix.lower() in _SUFFIXES


def packed_head(source: str, content: bytes, limits: Limits, row_count: int = 5) -> TableHead | None:
    """The head of an XLSX or Parquet file; None for others, and where no column's name says that it holds the text.

    Args:
        source: The file's name, whose ending tells the format.
        content: All of its bytes.
        limits: What the file may cost.
        row_count: At most so many rows.
    """
    if not is_packed(source):
        return None
    parser = Parser(limits, TableMapping())
    with tempfile.TemporaryDirectory(prefix="twinsearch-head-") as folder:
        path = Path(folder) / f"table{PurePath(source).suffix}"
        path.write_bytes(content)
        try:
            told = (item for parsed in parser.read(SourceFile(path, source, path.parent)) for item in parsed.items)
            return _head(source, told, row_count)
        finally:
            parser.close()


def _head(source: str, told: Iterator[Told], row_count: int) -> TableHead | None:
    columns = next((item for item in told if isinstance(item, TableColumns | Found)), None)
    if not isinstance(columns, TableColumns) or columns.text is None:
        return None
    found = islice((item for item in told if isinstance(item, Found)), row_count)
    rows = tuple(_row(columns, item) for item in found)
    served = (columns.id, columns.title, columns.text, columns.url)
    names = (*(name for name in served if name is not None), *columns.metadata)
    return TableHead(source, tuple(dict.fromkeys(names)), rows, columns)


def _row(columns: TableColumns, found: Found) -> Mapping[str, object]:
    document = found.document
    served: dict[str | None, object] = {
        columns.id: document.id,
        columns.title: document.title,
        columns.text: document.text,
        columns.url: document.source,
    }
    return {name: value for name, value in served.items() if name is not None} | dict(document.metadata)
