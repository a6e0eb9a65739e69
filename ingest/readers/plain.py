"""Plain text, and what reads well as such: the whole file is one document, titled by the file's name."""

from collections.abc import Iterator

from ingest.cleaning import clean_text
from ingest.readers.decoding import read_text
from ingest.readers.found import Found, Opened, document_of


def read_plain(file: Opened) -> Iterator[Found]:
    """The one document of the file."""
    yield document_of(file, title=file.stem, text=clean_text(read_text(file)))
