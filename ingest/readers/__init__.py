"""Which reader reads which file: a new format is one module and one row of the table.

Whatever a reader meets in a file ends here as a `ReadError`; other exceptions are our own mistakes.
"""

from collections.abc import Iterator
from pathlib import Path

from ingest.discovery import SourceFile
from ingest.errors import ReadError
from ingest.readers.decoding import undecodable
from ingest.readers.delimited import count_lines, read_delimited
from ingest.readers.found import Item, Reader
from ingest.readers.jsonlines import read_jsonlines
from ingest.readers.markdown import read_markdown
from ingest.readers.parquet import count_rows, read_parquet
from ingest.readers.plain import read_plain


def _one(path: Path) -> int:  # noqa: ARG001 - a file that is one document, whatever it holds
    return 1


_PLAIN = Reader(read_plain, _one)
_MARKDOWN = Reader(read_markdown, _one)
_DELIMITED = Reader(read_delimited, count_lines, is_table=True)

READERS = {
    ".txt": _PLAIN,
    ".text": _PLAIN,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".csv": _DELIMITED,
    ".tsv": _DELIMITED,
    ".jsonl": Reader(read_jsonlines, count_lines, is_table=True),
    ".parquet": Reader(read_parquet, count_rows, is_table=True),
}


def reader_for(file: SourceFile) -> Reader:
    """The reader of this kind of file.

    Raises:
        ReadError: There is none.
    """
    reader = READERS.get(file.path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise ReadError(f"There is no reader for {file.id!r}. Files that can be read end in {known}.")
    return reader


def is_table(file: SourceFile) -> bool:
    """Whether the file holds many documents."""
    reader = READERS.get(file.path.suffix.lower())
    return reader is not None and reader.is_table


def read_file(file: SourceFile) -> Iterator[Item]:
    """What the file holds, as it is read.

    Raises:
        ReadError: The file can't be read, or not to its end; what came before is good.
    """
    try:
        yield from reader_for(file).read(file)
    except UnicodeDecodeError as error:
        raise undecodable(file.path, error.encoding) from error
    except OSError as error:
        raise ReadError(f"{file.id!r} can't be read: {error.strerror or error}.") from error


def count_documents(file: SourceFile) -> int:
    """About how many documents the file holds, without parsing it; 1 when that can't be told."""
    try:
        return reader_for(file).count(file.path)
    except (ReadError, OSError):  # reading it tells the reason
        return 1
