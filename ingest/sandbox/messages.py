"""What goes over the pipe between a parser and its parent: frames of JSON, none larger than `FRAME_BYTES`.

A long text goes in pieces before the document that it belongs to, so no side holds it as JSON.
A parent believes no frame: what doesn't fit the records is a `BadMessage`.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.documents import Document, Section
from ingest.errors import TooLarge
from ingest.readers.found import Begun, Broken, Expected, Found, Skipped, TableColumns, Told

FRAME_BYTES = 8 << 20
LENGTH = struct.Struct("!I")
READY = b""  # the first frame of a process: from here on time counts

_TEXT_PIECE = 1 << 18  # characters
_TOGETHER_BYTES = 1 << 18  # small items share a frame
_RECORDS = {one.__name__: one for one in (TableColumns, Broken, Expected, Begun, Skipped)}


class BadMessage(Exception):
    """A frame that no parser of ours sends."""


@dataclass(frozen=True, slots=True)
class End:
    """The last message of a file; `reason` tells why it could not be read to its end."""

    reason: str | None = None
    hides_ids: bool = False
    is_exhausted: bool = False  # the parser ran out of memory, and must be replaced


@dataclass(slots=True)
class Packer:
    """Gathers messages into frames."""

    _waiting: list[str] = field(default_factory=list)
    _size: int = 0

    def pack(self, item: Told) -> Iterator[bytes]:
        """The frames that are full with this item."""
        if isinstance(item, Found):
            text = item.document.text
            if len(text) > _TEXT_PIECE:
                for start in range(0, len(text), _TEXT_PIECE):
                    yield from self._add(["Text", text[start : start + _TEXT_PIECE]])
                text = ""
            yield from self._add(_found(item, text))
        else:
            yield from self._add([type(item).__name__, _values(item)])

    def end(self, end: End) -> Iterator[bytes]:
        """The last frames of a file."""
        yield from self._add(["End", _values(end)])
        yield from self.flush()

    def flush(self) -> Iterator[bytes]:
        """What waits for more."""
        if self._waiting:
            yield f"[{','.join(self._waiting)}]".encode()
            self._waiting.clear()
            self._size = 0

    def _add(self, message: list[object]) -> Iterator[bytes]:
        packed = json.dumps(message, separators=(",", ":"))
        if len(packed) > FRAME_BYTES // 2:
            raise TooLarge("A document has more headings, or larger metadata, than can be kept. Split the file.")
        self._waiting.append(packed)
        self._size += len(packed)
        if self._size > _TOGETHER_BYTES:
            yield from self.flush()


@dataclass(slots=True)
class Unpacker:
    """Makes records out of frames; `origin` is set by whoever opened the file, not by the parser."""

    origin: str
    _pieces: list[str] = field(default_factory=list)

    def unpack(self, frame: bytes) -> Iterator[Told | End]:
        """The records of one frame.

        Raises:
            BadMessage: It holds something else.
        """
        try:
            messages = json.loads(frame)
            for kind, values in messages:
                if kind == "Text":
                    self._pieces.append(values)
                else:
                    yield self._record(kind, values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadMessage(f"{type(error).__name__}: {error}") from error

    def _record(self, kind: str, values: dict[str, Any]) -> Told | End:
        if kind == "End":
            return End(**values)
        if kind != "Found":
            if kind == "TableColumns":
                values["metadata"] = tuple(values["metadata"])
            return _RECORDS[kind](**values)
        sections = tuple(Section(start, tuple(names), page) for start, names, page in values.pop("sections"))
        found = {name: values.pop(name) for name in ("place", "table", "has_fixed_id")}
        if self._pieces:
            values["text"] = "".join(self._pieces)
            self._pieces.clear()
        return Found(Document(**values, origin=self.origin, sections=sections), **found)


def framed(payload: bytes) -> bytes:
    """The payload behind its length."""
    return LENGTH.pack(len(payload)) + payload


def _found(item: Found, text: str) -> list[object]:
    document = item.document
    values = {
        "id": document.id,
        "title": document.title,
        "text": text,
        "source": document.source,
        "metadata": dict(document.metadata),
        "sections": [(section.start, section.headings, section.page) for section in document.sections],
        "place": item.place,
        "table": item.table,
        "has_fixed_id": item.has_fixed_id,
    }
    return ["Found", values]


def _values(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in _slots(record)}


def _slots(record: object) -> Iterable[str]:
    return tuple(getattr(type(record), "__slots__", ()))
