"""What readers yield: documents, the columns of a table, and errors that concern one row.

An error that is raised ends its file; one that is yielded costs only the row that it names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import ReadError


@dataclass(frozen=True, slots=True)
class Found:
    """A document and where it was found: a file, or a row of it."""

    document: Document
    place: str


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table serves as what; those left are metadata."""

    source: str
    text: str
    id: str | None
    title: str | None
    url: str | None
    metadata: tuple[str, ...]

    def __str__(self) -> str:
        parts = {"text": self.text, "id": self.id, "title": self.title, "url": self.url}
        named = [f"{part}={name}" for part, name in parts.items() if name is not None]
        return f"{self.source}: {' '.join(named)} metadata={','.join(self.metadata) or '-'}"


Item = Found | TableColumns | ReadError


@dataclass(frozen=True, slots=True)
class Reader:
    """How one family of formats is read; `count` estimates the documents of a file without parsing it."""

    read: Callable[[SourceFile], Iterator[Item]]
    count: Callable[[Path], int]
    is_table: bool = False
