"""PDF: the text by page; scans without a text layer hold none."""

import re
from collections.abc import Iterator
from typing import Any

from ingest.errors import EmptyText, ReadError
from ingest.readers.building import TextBuilder
from ingest.readers.found import Found, Opened

_HYPHENS = re.compile("[\x02\ufffe](?:\r\n)?")  # what PDFium writes for a hyphen at the end of a line
_EMPTY_TITLE = re.compile(r"untitled.*|microsoft word - .*|.*\.(?:docx?|jpe?g|png|pdf|indd)", re.IGNORECASE)


def read_pdf(file: Opened) -> Iterator[Found]:
    """The one document of the file, titled by its properties or the file's name."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(file.stream) as pdf:
            builder = TextBuilder(file)
            for number in range(len(pdf)):
                builder.begin_page(number + 1)
                builder.add(_page_text(pdf, number))
            title = str(pdf.get_metadata_dict().get("Title") or "")
            page_count = len(pdf)
    except pypdfium2.PdfiumError as error:
        raise ReadError(_sentence(file, str(error))) from error
    try:
        yield builder.document("" if _EMPTY_TITLE.fullmatch(title) else title, {"page_count": page_count})
    except EmptyText as error:
        where = f"on its {page_count:,} pages: they are pictures" if page_count > 1 else "on its page: it is a picture"
        raise EmptyText(f"{file.id!r} holds no text {where}. Run it through an OCR program.") from error


def _page_text(pdf: Any, number: int) -> str:
    page = pdf[number]
    text_page = page.get_textpage()
    try:
        return _HYPHENS.sub("", text_page.get_text_bounded())
    finally:
        text_page.close()
        page.close()


def _sentence(file: Opened, reason: str) -> str:
    if "password" in reason.lower():
        return f"{file.id!r} is encrypted. Save it without a password."
    return f"{file.id!r} isn't a readable PDF: {reason.rstrip('.')}."
