"""A file as a query: parsed in the sandbox, cleaned and cut like every document, and never taken in."""

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

from ingest.chunking import ChunkingSettings, fit_title, iter_chunks, passage
from ingest.discovery import discover
from ingest.documents import Document
from ingest.errors import ReadError
from ingest.limits import Limits
from ingest.readers import READERS
from ingest.readers.found import Broken, Found
from ingest.sandbox.ahead import ParsingSettings, parse_files
from search_app.errors import QueryError

_PASSAGES_MOST = 64  # of a long file; more move the middle little


def read_example(path: Path, limits: Limits) -> Document:
    """The one document that a file holds.

    Raises:
        SourceNotFound: There is no such file.
        ReadError: It can't be turned into text.
        QueryError: It is no file of a known kind, or holds more than one document.
    """
    files = discover([path], suffixes=READERS).files if not path.is_dir() else ()
    if len(files) != 1:
        raise QueryError(f"{str(path)!r} is no file that can be read as an example. Name one document.")
    found: list[Document] = []
    with closing(parse_files(files, ParsingSettings(1, limits))) as told:
        for _, item in told:
            if isinstance(item, Broken):
                raise ReadError(item.reason)
            found += [item.document] if isinstance(item, Found) else []
            if len(found) > 1:
                raise QueryError(f"{str(path)!r} holds more than one document; an example is one. Split it.")
    if not found:
        raise QueryError(f"{str(path)!r} holds no document. Name a file with text.")
    return found[0]


def example_passages(document: Document, settings: ChunkingSettings, count_tokens: Callable[[str], int]) -> list[str]:
    """The first passages of the document as an encoder reads them, cut as the settings say."""
    fitted = fit_title(document, settings, count_tokens)
    chunks = islice(iter_chunks(fitted, settings, count_tokens), _PASSAGES_MOST)
    return [passage(fitted.title, chunk.headings, chunk.text) for chunk in chunks]
