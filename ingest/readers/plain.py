"""Plain text: the whole file is one document, titled by the file's name."""

from collections.abc import Iterator

from ingest.cleaning import clean_line, clean_text
from ingest.discovery import SourceFile
from ingest.documents import Document
from ingest.errors import EmptyText
from ingest.readers.decoding import read_text
from ingest.readers.found import Found


def read_plain(file: SourceFile) -> Iterator[Found]:
    """The one document of the file."""
    text = clean_text(read_text(file.path))
    if not text:
        raise EmptyText(f"{file.id!r} holds no text.")
    title = clean_line(file.path.stem)
    yield Found(Document(id=file.id, title=title, text=text, source=file.id, origin=file.origin), file.id)
