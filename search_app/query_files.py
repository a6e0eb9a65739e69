"""Queries from a file: a text with one a line, a table, or JSON Lines; each once, in the file's order.

Of a table or an object, the query is what stands under one of `QUERY_NAMES`; of a table without these, the last column.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from typing import Literal

from search_app.catalog.judgements import query_key
from search_app.errors import UsageError
from search_app.search import check_query

QUERIES_MOST = 5000
QUERY_NAMES = ("query", "text", "question")


def read_queries(name: str, content: bytes) -> list[str]:
    """The queries of a file.

    Args:
        name: Ends in one of `QUERY_FORMS`.
        content: UTF-8.

    Raises:
        UsageError: It can't be read as what it is called, or holds no query or too many.
        QueryError: One of them is too long.
    """
    read = QUERY_FORMS.get(PurePath(name).suffix.lower())
    if read is None:
        raise UsageError(f"{name!r} can't be read as queries: its name must end in {', '.join(QUERY_FORMS)}.")
    try:
        lines = [" ".join(query.split()) for query in read(content.decode("utf-8-sig"))]
    except (ValueError, RecursionError, csv.Error) as error:  # a wrong byte and a wrong line of JSON are ValueErrors
        raise UsageError(f"{name!r} can't be read as {PurePath(name).suffix} in UTF-8: {error}.") from error
    first: dict[str, str] = {}
    for query in filter(None, lines):
        first.setdefault(query_key(query), query)
    queries = list(first.values())
    if not 0 < len(queries) <= QUERIES_MOST:
        raise UsageError(f"{name!r} holds {len(queries):,} queries; expected 1 to {QUERIES_MOST:,}.")
    for query in queries:
        check_query(query)
    return queries


def _of_table(text: str, *, delimiter: str, quoting: Literal[0, 3]) -> Iterator[str]:
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting) if row]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    found = next((names.index(name) for name in QUERY_NAMES if name in names), None)
    for row in rows if found is None else rows[1:]:
        yield row[-1] if found is None else row[found] if found < len(row) else ""


def _of_json_lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):  # a text of JSON may hold other ends of lines
        if line.strip():
            yield _query_of(json.loads(line), number)


def _query_of(value: object, number: int) -> str:
    if isinstance(value, dict):
        value = next((value[name] for name in QUERY_NAMES if name in value), None)
    if not isinstance(value, str):
        raise ValueError(f"line {number} has no text under {', '.join(map(repr, QUERY_NAMES))}")
    return value


QUERY_FORMS: Mapping[str, Callable[[str], Iterator[str] | list[str]]] = {
    ".txt": str.splitlines,
    ".tsv": partial(_of_table, delimiter="\t", quoting=csv.QUOTE_NONE),
    ".csv": partial(_of_table, delimiter=",", quoting=csv.QUOTE_MINIMAL),
    ".jsonl": _of_json_lines,
}
