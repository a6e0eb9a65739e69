"""EPUB: the chapters in reading order, headings as a path; one without any is headed as in the table of contents."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from ingest.errors import ReadError
from ingest.readers.building import TextBuilder
from ingest.readers.found import Found, Opened
from ingest.readers.markup import add_html, local_name, parse_html, parse_xml
from ingest.readers.packages import open_package, read_member

_CONTAINER = "META-INF/container.xml"
_OPF = "{http://www.idpf.org/2007/opf}"
_NCX = "application/x-dtbncx+xml"
_HEADINGS = {f"h{level}" for level in range(1, 7)}
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


def read_epub(file: Opened) -> Iterator[Found]:
    """The one document of the book, titled by its properties."""
    builder = TextBuilder(file)
    with open_package(file) as package:
        path = _root_path(file, parse_xml(read_member(file, package, _CONTAINER)))
        book = parse_xml(read_member(file, package, path))
        known = set(package.namelist())
        titles = _titles(package, book, dirname(path))
        for chapter in _chapters(book, dirname(path)):
            if chapter in known and (page := parse_html(package.read(chapter))) is not None:
                if not any(local_name(element) in _HEADINGS for element in page.iter()):
                    builder.heading(1, titles.get(chapter, ""))
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


def _titles(package: ZipFile, book: Any, folder: str) -> dict[str, str]:
    """The title of each chapter in the tables of contents; that of EPUB 3 counts where both name it."""
    found: dict[str, str] = {}
    for item in book.iter(f"{_OPF}item"):
        is_newer = "nav" in item.get("properties", "").split()
        path = normpath(join(folder, unquote(item.get("href", ""))))
        if (is_newer or item.get("media-type") == _NCX) and path in package.namelist():
            links = _nav_links if is_newer else _ncx_links
            named: dict[str, str] = {}
            for place, words in links(package.read(path)):  # the first that leads to a chapter is its own
                chapter = normpath(join(dirname(path), unquote(place.partition("#")[0])))
                named.setdefault(chapter, " ".join("".join(words).split()))
            found = found | named if is_newer else named | found
    return found


def _nav_links(content: bytes) -> Iterator[tuple[str, Iterable[str]]]:
    if (page := parse_html(content)) is not None:
        for link in page.iter("a"):
            yield link.get("href", ""), link.itertext()


def _ncx_links(content: bytes) -> Iterator[tuple[str, Iterable[str]]]:
    with suppress(ReadError):  # the book can be read without it
        for point in parse_xml(content).iter("{*}navPoint"):
            for target in point.iterchildren("{*}content"):
                yield (
                    target.get("src", ""),
                    (text for label in point.iterchildren("{*}navLabel") for text in label.itertext()),
                )
