"""JSON Lines: one object a line; blank lines count as rows but give nothing."""

import json
from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.readers.decoding import open_text
from ingest.readers.found import Item, Opened
from ingest.readers.table import Row, read_rows


def read_jsonlines(file: Opened) -> Iterator[Item]:
    """The columns of the table, then one item a line."""
    yield from read_rows(file, jsonlines_rows(file))


def jsonlines_rows(file: Opened) -> Iterator[Row]:
    """The lines as they stand there, without the blank ones."""
    with open_text(file) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield Row(number, _values(file, number, line))


def _values(file: Opened, number: int, line: str) -> dict[str, object] | ReadError:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more than 4,300 digits
        return ReadError(f"Line {number} of {file.id!r} isn't JSON: {error}.")
    if isinstance(value, dict):
        return value
    return ReadError(f"Line {number} of {file.id!r} holds a {type(value).__name__}, not an object with named values.")
