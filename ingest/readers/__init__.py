"""Which reader reads which file: a new format is one module and one row of the table.

The content decides where a format has a mark, the name where it has none: kinds of text look alike.
Whatever a reader meets in a file ends here as a `ReadError`: parsers of other people's files raise anything.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ingest.discovery import SourceFile, suffix_of
from ingest.errors import EmptyText, ReadError, TooLarge
from ingest.limits import Limits
from ingest.readers.archives import read_tar, read_zip
from ingest.readers.books import read_epub
from ingest.readers.decoding import undecodable
from ingest.readers.delimited import read_delimited
from ingest.readers.found import Begun, Broken, Format, Found, Member, Opened, Skipped, Told
from ingest.readers.html import read_html
from ingest.readers.jsonlines import read_jsonlines
from ingest.readers.jsontree import read_json
from ingest.readers.mail import read_eml
from ingest.readers.markdown import read_markdown
from ingest.readers.opendocument import read_odt
from ingest.readers.packages import open_package
from ingest.readers.parquet import read_parquet
from ingest.readers.pdf import read_pdf
from ingest.readers.plain import read_plain
from ingest.readers.sheets import read_xlsx
from ingest.readers.slides import read_pptx
from ingest.readers.word import read_docx
from ingest.sandbox.opening import open_regular

_PACKED = (b"PK\x03\x04", b"PK\x05\x06")
_PLAIN = Format("text", (".txt", ".text", ".rst", ".rest", ".adoc", ".asciidoc", ".org"), read_plain)
_HTML = Format("HTML", (".html", ".htm", ".xhtml"), read_html)
_ZIP = Format("ZIP", (".zip",), read_zip, _PACKED, holds_many=True)

FORMATS = (
    _PLAIN,
    Format("Markdown", (".md", ".markdown"), read_markdown),
    _HTML,
    Format("PDF", (".pdf",), read_pdf, (b"%PDF-",)),
    Format("DOCX", (".docx",), read_docx, _PACKED, member="word/document.xml"),
    Format("PPTX", (".pptx",), read_pptx, _PACKED, member="ppt/presentation.xml"),
    Format("XLSX", (".xlsx", ".xlsm"), read_xlsx, _PACKED, member="xl/workbook.xml", holds_many=True),
    Format("ODT", (".odt",), read_odt, _PACKED, member="content.xml"),
    Format("EPUB", (".epub",), read_epub, _PACKED, member="META-INF/container.xml"),
    Format("EML", (".eml",), read_eml, holds_many=True),
    Format("CSV", (".csv", ".tsv"), read_delimited, holds_many=True, has_line_each=True),
    Format("JSON Lines", (".jsonl", ".ndjson"), read_jsonlines, holds_many=True, has_line_each=True),
    Format("JSON", (".json",), read_json, holds_many=True),
    Format("Parquet", (".parquet",), read_parquet, (b"PAR1",), holds_many=True),
    _ZIP,
    Format("TAR", (".tar.gz", ".tgz", ".tar"), read_tar, (b"\x1f\x8b",), holds_many=True),
)
READERS = {suffix: one for one in FORMATS for suffix in one.suffixes}

_REFUSED = {
    b"\xd0\xcf\x11\xe0": "is an old Office file or mail, or an encrypted one. Save it without a password, as .docx, "
    ".pptx, .xlsx or .eml",
    b"{\\rtf": "is RTF. Save it as .docx",
}
_HTML_BEGINS = (b"<!doctype html", b"<html")
_HEAD_BYTES = 4096
_BLOCK_BYTES = 1 << 20


def format_of(file: Opened) -> Format:
    """What the file is, by its content and its name.

    Raises:
        ReadError: It is nothing that can be read.
    """
    head = file.stream.read(_HEAD_BYTES)
    file.stream.seek(0)
    if reason := next((reason for mark, reason in _REFUSED.items() if head.startswith(mark)), None):
        raise ReadError(f"{file.id!r} {reason}.")
    named = READERS.get(suffix_of(file.name))
    if head.startswith(_PACKED):
        return _packed_format(file, named)
    if marked := next((one for one in FORMATS if one.marks and head.startswith(one.marks)), None):
        return marked
    if named is not None and not named.marks:
        return named
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_BEGINS):
        return _HTML
    if named is None and b"\0" in head:
        known = ", ".join(READERS)
        raise ReadError(f"There is no reader for {file.id!r}. Files that can be read end in {known}.")
    return named or _PLAIN


def hides_ids(name: str) -> bool:
    """Whether documents may be lost with a file of this name whose ids can't be told from it."""
    named = READERS.get(suffix_of(name))
    return named is None or named.holds_many


def read_file(file: Opened, *, skip: int = 0) -> Iterator[Told]:
    """What the file holds, as it is read; `skip` leaves out that many members of an archive, and what isn't in one.

    Raises:
        ReadError: The file can't be read, or not to its end; what came before is good.
    """
    has_result = skip > 0
    with _door(file):
        for item in _told(file, skip):
            has_result = has_result or isinstance(item, Found | Broken)
            yield item
    if not has_result:
        raise EmptyText(f"{file.id!r} holds no file that can be read.")


def count_documents(file: SourceFile, limits: Limits) -> int:
    """About how many documents the file holds, without parsing it; 1 when that can't be told."""
    named = READERS.get(suffix_of(file.path.name))
    if named is None or not named.has_line_each:
        return 1
    try:
        stream, _ = open_regular(file.path, root=file.root, shown=file.id, limits=limits)  # a pipe would never end
        with stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK_BYTES), b""))
    except (OSError, ReadError):  # reading it tells the reason
        return 1


def _told(file: Opened, skip: int) -> Iterator[Told]:
    form = format_of(file)
    _check_depth(file, form)
    for item in form.read(file):
        if not isinstance(item, Member):
            if not skip:
                yield item
        elif item.number >= skip:
            yield from _read_member(file, item)


def _read_member(file: Opened, member: Member) -> Iterator[Told]:
    """The documents of one file in an archive; what goes wrong costs only them."""
    inner = replace(file, id=f"{file.id}/{member.path}", modified=member.modified, depth=file.depth + 1)
    if suffix_of(inner.name) not in READERS:
        yield Skipped(suffix_of(inner.name))
        return
    if file.depth == 0:
        yield Begun(member.number, inner.id)
    try:
        with _door(inner):
            inner = replace(inner, stream=io.BytesIO(member.load()))
        yield from read_file(inner)
    except ReadError as error:
        yield Broken(inner.id, str(error), hides_ids=hides_ids(inner.name))


def _check_depth(file: Opened, form: Format) -> None:
    is_archive = form.read in (read_zip, read_tar) or (form.read is read_eml and file.depth > file.limits.depth)
    if file.depth and is_archive and file.depth >= file.limits.depth:
        raise TooLarge(
            f"{file.id!r} lies in {file.depth} archives, one in the other. Unpack them, or raise the limit `depth`."
        )


def _packed_format(file: Opened, named: Format | None) -> Format:
    with open_package(file) as package:
        paths = set(package.namelist())
    marked = next((one for one in FORMATS if one.member and one.member in paths), None)
    return marked or (named if named is not None and named.marks == _PACKED else _ZIP)


@contextmanager
def _door(file: Opened) -> Iterator[None]:
    """Where every error that a file causes becomes a `ReadError`."""
    try:
        yield
    except (ReadError, MemoryError):  # memory is the parser's affair, which is then replaced
        raise
    except UnicodeDecodeError as error:
        raise undecodable(file, error.encoding) from error
    except RecursionError as error:
        raise ReadError(f"{file.id!r} is nested too deeply to be read.") from error
    except OSError as error:
        raise ReadError(f"{file.id!r} can't be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged file makes its parser raise KeyError, ValueError and what not
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ReadError(f"{file.id!r} is damaged, or its parser can't read it: {reason}.") from error
