"""EPUB: the chapters in reading order, headings as a path."""

from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote

from ingest.errors import ReadError
from ingest.readers.building import TextBuilder
from ingest.readers.found import Found, Opened
from ingest.readers.markup import add_html, parse_html, parse_xml
from ingest.readers.packages import open_package, read_member

_CONTAINER = "META-INF/container.xml"
_OPF = "{http://www.idpf.org/2007/opf}"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


def read_epub(file: Opened) -> Iterator[Found]:
    """The one document of the book, titled by its properties."""
    builder = TextBuilder(file)
    with open_package(file) as package:
        path = _root_path(file, parse_xml(read_member(file, package, _CONTAINER)))
        book = parse_xml(read_member(file, package, path))
        known = set(package.namelist())
        for chapter in _chapters(book, dirname(path)):
            if chapter in known and (page := parse_html(package.read(chapter))) is not None:
                add_html(builder, page)
    author = book.findtext(f".//{_DUBLIN_CORE}creator")
    yield builder.document(book.findtext(f".//{_DUBLIN_CORE}title") or "", {"author": author} if author else {})


def _root_path(file: Opened, container: Any) -> str:
    for element in container.iter("{*}rootfile"):
        if path := element.get("full-path"):
            return str(path)
    raise ReadError(f"{file.id!r} doesn't say where its book begins, so it is damaged.")


def _chapters(book: Any, folder: str) -> Iterator[str]:
    places = {item.get("id"): item.get("href", "") for item in book.iter(f"{_OPF}item")}
    for reference in book.iter(f"{_OPF}itemref"):
        if href := places.get(reference.get("idref")):
            yield normpath(join(folder, unquote(href)))
