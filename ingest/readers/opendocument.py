"""ODT: headings, paragraphs and tables of the text, in order; footnotes after what refers to them."""

from collections.abc import Iterator
from typing import Any

from ingest.readers.building import TextBuilder
from ingest.readers.found import Found, Opened
from ingest.readers.markup import parse_xml
from ingest.readers.packages import open_package, read_member

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _OFFICE = _OASIS % "text", _OASIS % "table", _OASIS % "office"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_BREAKS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n", f"{_TEXT}s": " "}
_NOTE = f"{_TEXT}note"
_UNSEEN = {_NOTE, f"{_TEXT}tracked-changes", f"{_OFFICE}annotation", f"{_TEXT}sequence-decls"}


def read_odt(file: Opened) -> Iterator[Found]:
    """The one document of the file, titled by its properties, its first heading or its name."""
    with open_package(file) as package:
        root = parse_xml(read_member(file, package, "content.xml"))
        title = parse_xml(package.read("meta.xml")).findtext(f".//{_TITLE}") if "meta.xml" in package.namelist() else ""
    builder = TextBuilder(file)
    for block in _blocks(root.find(f"{_OFFICE}body")):
        if block.tag == f"{_TABLE}table":
            builder.add("\n".join(_rows(block)))
        elif block.tag == f"{_TEXT}h":
            builder.heading(_level(block), _text_of(block))
        else:
            builder.add(_text_of(block))
        for note in block.iterfind(f".//{_NOTE}/{_TEXT}note-body"):
            builder.add(_text_of(note))
    yield builder.document(title or "")


def _blocks(body: Any) -> Iterator[Any]:
    waiting = [body] if body is not None else []
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{_TEXT}p", f"{_TEXT}h", f"{_TABLE}table"):
            yield element
        elif element.tag not in _UNSEEN:
            waiting.extend(reversed(element))


def _level(heading: Any) -> int:
    level = heading.get(f"{_TEXT}outline-level", "1")
    return int(level) if level.isdecimal() else 1


def _rows(table: Any) -> Iterator[str]:
    for row in table.iter(f"{_TABLE}table-row"):
        cells = (" ".join(_text_of(cell).split()) for cell in row.iterchildren(f"{_TABLE}table-cell"))
        yield " | ".join(cells).strip(" |")


def _text_of(element: Any) -> str:
    """All text below the element; a paragraph within it begins a line."""
    from lxml import etree

    parts: list[str] = []
    events = etree.iterwalk(element, events=("start", "end"))
    for event, node in events:
        if event == "start" and node.tag in _UNSEEN:
            events.skip_subtree()
        elif event == "start":
            parts.append(_BREAKS.get(node.tag, "\n" if node.tag == f"{_TEXT}p" and parts else ""))
            parts.append(node.text or "")
        elif node is not element:
            parts.append(node.tail or "")
    return "".join(parts)
