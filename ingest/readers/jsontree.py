"""JSON: a list of objects is a table; anything else is one document, a value a line."""

import json
from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.readers.building import TextBuilder
from ingest.readers.decoding import decode
from ingest.readers.found import Broken, Found, Opened, TableColumns
from ingest.readers.lines import leaves
from ingest.readers.table import Row, read_rows

_JOINED_LINES = 200


def read_json(file: Opened) -> Iterator[Found | TableColumns | Broken]:
    """The rows of a table, else the one document of the file."""
    try:
        value = json.loads(decode(file))
    except ValueError as error:  # also a number of more than 4,300 digits
        raise ReadError(f"{file.id!r} isn't JSON: {error}.") from error
    except RecursionError as error:
        raise ReadError(f"{file.id!r} isn't JSON: it is nested too deeply.") from error
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        yield from read_rows(file, (Row(number, item) for number, item in enumerate(value, start=1)))
        return
    yield _as_text(file, value)


def _as_text(file: Opened, value: object) -> Found:
    builder = TextBuilder(file)
    lines: list[str] = []
    for path, leaf in leaves(value):
        lines.append(f"{path}: {leaf}" if path else str(leaf))
        if len(lines) == _JOINED_LINES:
            builder.add("\n".join(lines))
            lines.clear()
    builder.add("\n".join(lines))
    return builder.document(file.stem)
