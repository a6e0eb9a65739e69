"""DOCX: paragraphs and tables in order, headings by their style; notes and charts after what refers to them.

Headers, footers, comments and what was deleted are left out. The tree is walked here and not by python-docx, which
passes over content controls and inserted text.
"""

import re
from collections.abc import Iterator
from typing import Any

from ingest.readers.building import TextBuilder
from ingest.readers.drawings import drawn_texts
from ingest.readers.found import Found, Opened
from ingest.readers.markup import parse_xml
from ingest.readers.packages import check_package

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # a second copy of a text box
_UNSEEN = {_FALLBACK, f"{_WORD}del", f"{_WORD}moveFrom"}
_TEXTS = {f"{_WORD}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"}
_NOTES = {"footnotes": "footnote", "endnotes": "endnote"}  # by the kind of their relation
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)
_EMPTY_TITLES = {None, "Word Document"}
_BREAKS = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}noBreakHyphen": "-"}


def read_docx(file: Opened) -> Iterator[Found]:
    """The one document of the file, titled by its properties, its title, its first heading or its name."""
    import docx

    check_package(file)
    opened = docx.Document(file.stream)
    builder = TextBuilder(file)
    styles, notes = _levels(opened), _notes(opened)
    for block in _blocks(opened.element.body):
        if block.tag == f"{_WORD}tbl":
            builder.add("\n".join(_rows(block)))
        elif (level := styles.get(_style_id(block))) is not None:
            builder.heading(level, _text(block))
        else:
            builder.add(_text(block))
        for reference in block.iter(*(f"{_WORD}{note}Reference" for note in _NOTES.values())):
            builder.add(notes.get((reference.tag, reference.get(f"{_WORD}id")), ""))
        for text in drawn_texts(block, lambda key: bytes(opened.part.related_parts[key].blob)):
            builder.add(text)
    properties = opened.core_properties
    title = "" if properties.title in _EMPTY_TITLES else properties.title
    yield builder.document(title, {"author": properties.author} if properties.author else {})


def _levels(opened: Any) -> dict[str, int]:
    """The level of each style that makes a heading; the title of a document stands above all."""
    levels = {}
    for style in opened.styles:
        name = style.name or ""
        if match := _HEADING_STYLE.fullmatch(name):
            levels[style.style_id] = int(match[1])
        elif name.lower() == "title":
            levels[style.style_id] = 0
    return levels


def _notes(opened: Any) -> dict[tuple[str, str | None], str]:
    """The text of each footnote and endnote, by the tag and the id of what refers to it."""
    notes = {}
    for relation in opened.part.rels.values():
        note = _NOTES.get(relation.reltype.rpartition("/")[2])
        if note is None or relation.is_external:
            continue
        for element in parse_xml(relation.target_part.blob).iter(f"{_WORD}{note}"):
            notes[f"{_WORD}{note}Reference", element.get(f"{_WORD}id")] = _text(element)
    return notes


def _style_id(paragraph: Any) -> str:
    style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
    return "" if style is None else style.get(f"{_WORD}val", "")


def _blocks(body: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, those in content controls too."""
    waiting = list(reversed(body))
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{_WORD}p", f"{_WORD}tbl"):
            yield element
        elif isinstance(element.tag, str):
            waiting.extend(reversed(element))


def _rows(table: Any) -> Iterator[str]:
    """A line for each row; tables within cells are part of the cell."""
    for row in table.iterchildren(f"{_WORD}tr"):
        cells = (" ".join(_text(cell).split()) for cell in row.iter(f"{_WORD}tc") if _row_of(cell) is row)
        yield " | ".join(cells).strip(" |")


def _row_of(cell: Any) -> Any:
    return next(cell.iterancestors(f"{_WORD}tr"), None)


def _text(element: Any) -> str:
    parts: list[str] = []
    waiting = [element]
    while waiting:
        node = waiting.pop()
        if node.tag in _TEXTS:
            parts.append(node.text or "")
        elif node.tag in _BREAKS:
            parts.append(_BREAKS[node.tag])
        elif node.tag not in _UNSEEN:
            waiting.extend(reversed(node))
            if node.tag == f"{_WORD}p" and parts:
                parts.append("\n")
    return "".join(parts)
