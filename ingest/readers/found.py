"""What readers are given, and what they yield.

A reader gets an open stream, never a path: it can't tell a file from a member of an archive.
An error that is raised ends its file; a `Broken` costs only the row or the member that it names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

from ingest.cleaning import clean_line, clean_metadata
from ingest.documents import MODIFIED, Document, MetadataValue, Section
from ingest.errors import EmptyText, TooLarge
from ingest.limits import Limits

_SHOWN_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Which column of every table serves as what; what is None is guessed from the names."""

    id: str | None = None
    title: str | None = None
    text: str | None = None
    metadata: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is open for reading from its start; `depth` counts the archives that it lies in."""

    id: str
    origin: str
    stream: BinaryIO
    modified: str | None = None  # ISO 8601, UTC
    limits: Limits = field(default_factory=Limits)
    columns: TableMapping = field(default_factory=TableMapping)
    depth: int = 0

    @property
    def name(self) -> str:
        """The last part of the id."""
        return PurePosixPath(self.id).name

    @property
    def stem(self) -> str:
        """The name without its ending: the title of what has no other."""
        return clean_line(PurePosixPath(self.id).stem)


@dataclass(frozen=True, slots=True)
class Found:
    """A document and where it was found: a file, or a row of it.

    Args:
        document: Its id is unique in its file, or in its table.
        place: For people, as in "row 3 of 'docs/faq.csv'".
        table: The table that has the id in a column; empty where the id is the file's, with a number or a path.
        has_fixed_id: Others refer to the id, so it may not be changed.
    """

    document: Document
    place: str
    table: str = ""
    has_fixed_id: bool = False


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table serves as what, those left are metadata; without a text it is one document."""

    source: str
    text: str | None = None
    id: str | None = None
    title: str | None = None
    url: str | None = None
    metadata: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.text is None:
            return f"{self.source}: one document, a line a row; with --text-column NAME --prune, each row is one"
        parts = {"text": self.text, "id": self.id, "title": self.title, "url": self.url}
        named = [f"{part}={name}" for part, name in parts.items() if name is not None]
        shown = ",".join(self.metadata[:_SHOWN_COLUMNS]) or "-"
        more = f" and {len(self.metadata) - _SHOWN_COLUMNS:,} more" if len(self.metadata) > _SHOWN_COLUMNS else ""
        return f"{self.source}: {' '.join(named)} metadata={shown}{more}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A row or a member that could not be read; `hides_ids`: the ids of what is lost can't be told."""

    source: str
    reason: str
    hides_ids: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """How many documents the file holds, told before the first of them."""

    count: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Member `number` of an archive is about to be read."""

    number: int
    id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A member of an archive for which there is no reader."""

    kind: str


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, packed; `number` counts all members from 0."""

    number: int
    path: str
    modified: str | None
    load: Callable[[], bytes]


Told = Found | TableColumns | Broken | Expected | Begun | Skipped
Item = Told | Member


@dataclass(frozen=True, slots=True)
class Format:
    """A family of files and how it is read: one row of the table of formats.

    Args:
        name: What people call it.
        suffixes: Ends of file names, in lower case.
        read: Yields what the file holds.
        marks: How a file of this kind begins, whatever it is called; none for kinds of text.
        member: The path that marks a packed file of this kind, such as "word/document.xml".
        holds_many: A file is many documents.
        has_line_each: A line of a file is about a document.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Opened], Iterator[Item]]
    marks: tuple[bytes, ...] = ()
    member: str = ""
    holds_many: bool = False
    has_line_each: bool = False


def document_of(
    file: Opened,
    *,
    title: str,
    text: str,
    metadata: Mapping[str, object] | None = None,
    sections: tuple[Section, ...] = (),
) -> Found:
    """The one document of a file, from cleaned text.

    Raises:
        EmptyText: There is no text.
        TooLarge: There is more of it than the limit allows.
    """
    if not text:
        raise EmptyText(f"{file.id!r} holds no text.")
    check_length(file, len(text))
    values: dict[str, MetadataValue] = clean_metadata(metadata or {})
    if file.modified is not None:
        values.setdefault(MODIFIED, file.modified)
    document = Document(file.id, title, text, source=file.id, origin=file.origin, metadata=values, sections=sections)
    return Found(document, repr(file.id))


def check_length(file: Opened, character_count: int, *, row: int | None = None) -> None:
    """Refuse a text of the file, or of one of its rows, that is longer than the limit.

    Raises:
        TooLarge: It is.
    """
    most = file.limits.characters
    if character_count > most:
        what = repr(file.id) if row is None else f"Row {row} of {file.id!r}"
        raise TooLarge(f"{what} has more than {most:,} characters. Split it, or raise the limit `characters`.")
