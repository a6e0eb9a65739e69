"""Rows of any table as documents: which column is what, and what a row becomes.

Columns are told by their names, over the first rows; rows stream, a table is never held.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ingest.cleaning import clean_line, clean_metadata, clean_text
from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import EmptyText, ReadError, TableError
from ingest.readers.found import Found, Item, TableColumns

_TEXT_NAMES = (
    "text",
    "content",
    "contents",
    "body",
    "passage",
    "description",
    "answer",
    "abstract",
    "document",
    "summary",
    "message",
    "review",
    "comment",
    "sentence",
)
_ID_NAMES = ("_id", "id", "doc_id", "docid", "document_id", "key", "uuid")
_TITLE_NAMES = ("title", "name", "heading", "headline", "subject", "question")
_URL_NAMES = ("url", "link", "uri", "href")
_PEEKED_ROWS = 50  # rows of JSON Lines needn't all have the same keys


@dataclass(frozen=True, slots=True)
class Row:
    """Row `number` of a table, from 1; `values` by column, or the error that stands in its place."""

    number: int
    values: Mapping[str, object] | ReadError


def guess_columns(source: str, names: Sequence[str]) -> TableColumns:
    """Which of the columns serve as text, id, title and url; upper and lower case are the same.

    Raises:
        TableError: None of them can serve as text.
    """
    by_name = {name.strip().lower(): name for name in reversed(names)}
    text, key, title, url = (
        next((by_name[name] for name in known if name in by_name), None)
        for known in (_TEXT_NAMES, _ID_NAMES, _TITLE_NAMES, _URL_NAMES)
    )
    if text is None:
        raise TableError(
            f"The table {source!r} has no column that can serve as text: it has {_listed(names)}. "
            f"Name one of them {_listed(_TEXT_NAMES[:5])}, or similar."
        )
    metadata = tuple(name for name in names if name not in {text, key, title})
    return TableColumns(source=source, text=text, id=key, title=title, url=url, metadata=metadata)


def read_rows(file: SourceFile, rows: Iterator[Row]) -> Iterator[Item]:
    """The columns, then one item a row."""
    peeked = list(islice(rows, _PEEKED_ROWS))
    tables = [row.values for row in peeked if not isinstance(row.values, ReadError)]
    if not tables and not peeked:
        raise EmptyText(f"The table {file.id!r} has no rows.")
    if not tables:
        raise ReadError(f"The first {len(peeked)} rows of {file.id!r} are all broken. {peeked[0].values}")
    columns = guess_columns(file.id, list(dict.fromkeys(chain.from_iterable(tables))))
    yield columns
    for row in chain(peeked, rows):
        yield (row.values if isinstance(row.values, ReadError) else _document(file, columns, row.number, row.values))


def _document(file: SourceFile, columns: TableColumns, number: int, values: Mapping[str, object]) -> Found | ReadError:
    title = clean_line(_text(values, columns.title))
    text = clean_text(_text(values, columns.text)) or title
    if not text:
        return EmptyText(f"Row {number} of {file.id!r} has no text in column {columns.text!r}.")
    document = Document(
        id=clean_line(_text(values, columns.id)) or f"{file.id}#{number}",
        title=title,
        text=text,
        source=clean_line(_text(values, columns.url)) or file.id,
        origin=file.origin,
        metadata=clean_metadata({name: values[name] for name in columns.metadata if name in values}),
    )
    return Found(document, f"{file.id}, row {number}")


def _text(values: Mapping[str, object], column: str | None) -> str:
    value = None if column is None else clean_metadata({"": values.get(column)})[""]
    return "" if value is None else str(value)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "no columns at all"
