"""Rows of any table as documents: which column is what, and what a row becomes.

Columns are told by their names, over the first rows; rows stream, a table is never held. A table in which none can
be told to hold the text is one document, a line a row, unless a person said which columns to take.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat

from ingest.cleaning import clean_cell, clean_line, clean_metadata
from ingest.documents import Document
from ingest.errors import EmptyText, ReadError, TableError
from ingest.readers.building import TextBuilder
from ingest.readers.found import Broken, Found, Opened, TableColumns, TableMapping, check_length
from ingest.readers.lines import line_of

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
_FIXED_ID = "_id"  # of a BEIR corpus: files of judgements name documents by it
_ID_NAMES = (_FIXED_ID, "id", "doc_id", "docid", "document_id", "key", "uuid")
_TITLE_NAMES = ("title", "name", "heading", "headline", "subject", "question")
_URL_NAMES = ("url", "link", "uri", "href")
_PEEKED_ROWS = 50  # rows of JSON Lines needn't all have the same keys
_JOINED_ROWS = 200  # lines that are added together


@dataclass(frozen=True, slots=True)
class Row:
    """Row `number` of a table, from 1; `values` by column, or the error that stands in its place."""

    number: int
    values: Mapping[str, object] | ReadError


def unlike(names: Sequence[object]) -> list[str]:
    """The names of columns, no two alike: a second "text" becomes "text (2)"; what is no name stays empty."""
    taken: dict[str, int] = {}
    found = []
    for name in ("" if name is None else str(name) for name in names):
        own = name
        while own.strip() and own in taken:
            taken[name] += 1
            own = f"{name} ({taken[name]})"
        taken.setdefault(own, 1)
        found.append(own if own.strip() else "")
    return found


def by_column(names: Sequence[str], cells: Sequence[object]) -> dict[str, object]:
    """The cells of a row by their columns' names; what stands in a column without one is kept under its number."""
    places = enumerate(chain(names, repeat("")), start=1)
    named = ((name, f"column {place}", cell) for (place, name), cell in zip(places, cells, strict=False))
    return {name or other: cell for name, other, cell in named if name or cell not in ("", None)}


def choose_columns(source: str, names: Sequence[str], mapping: TableMapping) -> TableColumns:
    """Which of the columns serve as text, id, title and url: as mapped, else by name in any case.

    Raises:
        TableError: None of them can serve as text, or a mapped one isn't there.
    """
    wanted = (mapping.id, mapping.title, mapping.text, *(mapping.metadata or ()))
    if missing := [name for name in wanted if name is not None and name not in names]:
        raise TableError(f"The table {source!r} has no column {missing[0]!r}: it has {_listed(names)}.")
    text = mapping.text or _known(names, _TEXT_NAMES)
    if text is None:
        raise TableError(
            f"The table {source!r} has no column that can serve as text: it has {_listed(names)}. "
            f"Say which one does with --text-column, or name one {_listed(_TEXT_NAMES[:5])}, or similar."
        )
    key, title = mapping.id or _known(names, _ID_NAMES), mapping.title or _known(names, _TITLE_NAMES)
    left = tuple(name for name in names if name not in {text, key, title})
    metadata = left if mapping.metadata is None else mapping.metadata
    return TableColumns(source, text=text, id=key, title=title, url=_known(names, _URL_NAMES), metadata=metadata)


def columns_of(file: Opened, names: Sequence[str]) -> TableColumns | None:
    """Which of the columns serve as what; None where no one was asked for, and none can be told to hold the text.

    Raises:
        TableError: One that was asked for isn't there, or others were asked for and the text's can't be told.
    """
    try:
        return choose_columns(file.id, names, file.columns)
    except TableError:
        if file.columns != TableMapping():
            raise
        return None


def read_rows(file: Opened, rows: Iterator[Row]) -> Iterator[Found | TableColumns | Broken]:
    """The columns, then one item a row; or the one document of a table without a column of text."""
    peeked = list(islice(rows, _PEEKED_ROWS))
    tables = [row.values for row in peeked if not isinstance(row.values, ReadError)]
    if not tables and not peeked:
        raise EmptyText(f"The table {file.id!r} has no rows.")
    if not tables:
        raise ReadError(f"The first {len(peeked)} rows of {file.id!r} are all broken. {peeked[0].values}")
    columns = columns_of(file, list(dict.fromkeys(chain.from_iterable(tables))))
    if columns is None:
        yield from _as_text(file, chain(peeked, rows))
        return
    yield columns
    for row in chain(peeked, rows):
        try:
            yield _document(file, columns, row)
        except ReadError as error:
            yield Broken(file.id, str(error))


def _as_text(file: Opened, rows: Iterator[Row]) -> Iterator[Found | TableColumns | Broken]:
    yield TableColumns(file.id)
    builder = TextBuilder(file)
    while some := list(islice(rows, _JOINED_ROWS)):
        whole = [row.values for row in some if not isinstance(row.values, ReadError)]
        builder.add("\n".join(filter(None, map(line_of, whole))))
        yield from (Broken(file.id, str(row.values)) for row in some if isinstance(row.values, ReadError))
    yield builder.document(file.stem)


def _document(file: Opened, columns: TableColumns, row: Row) -> Found:
    if isinstance(row.values, ReadError):
        raise row.values
    values = row.values
    if isinstance(raw := values.get(columns.text or ""), str):
        check_length(file, len(raw), row=row.number)  # to clean what is too long would take a minute
    title = clean_line(_text(values, columns.title))
    text = _text(values, columns.text) or title
    if not text:
        raise EmptyText(f"Row {row.number} of {file.id!r} has no text in column {columns.text!r}.")
    check_length(file, len(text), row=row.number)
    own_id = clean_line(_text(values, columns.id))
    document = Document(
        id=own_id or f"{file.id}#{row.number}",
        title=title,
        text=text,
        source=clean_line(_text(values, columns.url)) or file.id,
        origin=file.origin,
        metadata=clean_metadata({name: values[name] for name in _kept(file, columns, values)}),
    )
    return Found(
        document,
        f"row {row.number} of {file.id!r}",
        table=file.id if own_id else "",
        has_fixed_id=bool(own_id) and columns.id == _FIXED_ID,
    )


def _kept(file: Opened, columns: TableColumns, values: Mapping[str, object]) -> Iterator[str]:
    """The names of the row's metadata: those that were asked for, else all others, also those that come up late."""
    if file.columns.metadata is not None:
        return (name for name in columns.metadata if name in values)
    return (name for name in values if name not in (columns.text, columns.id, columns.title))


def _known(names: Sequence[str], known: Sequence[str]) -> str | None:
    by_name = {name.strip().lower(): name for name in reversed(names)}
    return next((by_name[name] for name in known if name in by_name), None)


def _text(values: Mapping[str, object], column: str | None) -> str:
    """The cell as cleaned text."""
    return "" if column is None else clean_cell(values.get(column))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "no columns at all"
