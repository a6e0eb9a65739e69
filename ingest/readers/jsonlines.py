"""JSON Lines: one object a line; blank lines count as rows but give nothing."""

import json
from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.readers.decoding import open_text
from ingest.readers.found import Item, Opened
from ingest.readers.table import Row, read_rows


def read_jsonlines(file: Opened) -> Iterator[Item]:
    """The columns of the table, then one item a line."""
    with open_text(file) as stream:
        lines = enumerate(stream, start=1)
        yield from read_rows(file, (Row(number, _values(file, number, line)) for number, line in lines if line.strip()))


def _values(file: Opened, number: int, line: str) -> dict[str, object] | ReadError:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more than 4,300 digits
        return ReadError(f"Line {number} of {file.id!r} isn't JSON: {error}.")
    if isinstance(value, dict):
        return value
    return ReadError(f"Line {number} of {file.id!r} holds a {type(value).__name__}, not an object with named values.")
