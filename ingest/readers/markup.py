"""Adds an HTML tree to a text: headings as headings, blocks as parts, a table row as a line.

The tree is walked with a stack of lxml's own, so no depth of nesting is too deep.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.readers.building import TextBuilder

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_UNSEEN = {"script", "style", "noscript", "template", "head", "svg", "math", "object", "iframe", "select", "textarea"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "summary", "table", "tr", "ul",
}  # fmt: skip
_CELLS = {"td", "th"}
_SPACE = re.compile(r"\s+")
_CELL_END = " | "


def parse_html(content: bytes) -> Any:
    """The tree of a UTF-8 page, however broken it is; None when it holds nothing."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    return etree.fromstring(content, parser) if content.strip() else None


def parse_xml(content: bytes) -> Any:
    """The tree of an XML part; entities are left alone.

    Raises:
        ReadError: It isn't XML.
    """
    from lxml import etree

    from ingest.errors import ReadError

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"A part isn't XML: {error.msg}.") from error


def add_html(builder: TextBuilder, root: Any) -> None:
    """Add all that a person would see of the tree."""
    from lxml import etree

    walk = _Walk(builder)
    events = etree.iterwalk(root, events=("start", "end"))
    for event, element in events:
        tag = local_name(element)
        if event == "end":
            walk.leave(tag)
            walk.write(element.tail if element is not root else None)
        elif tag in _UNSEEN:
            events.skip_subtree()
        else:
            walk.enter(tag)
            walk.write(element.text)
    walk.flush()


def local_name(element: Any) -> str:
    """The element's name without its namespace, in lower case; empty for what isn't an element."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


@dataclass(slots=True)
class _Walk:
    builder: TextBuilder
    _text: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)  # of the table at hand
    _tables: int = 0
    _verbatim: int = 0

    def enter(self, tag: str) -> None:
        """An element begins."""
        if tag == "table":
            self.flush()
            self._tables += 1
        elif tag == "pre":
            self._verbatim += 1
            self._break()
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._break()
        elif tag == "br":
            self._text.append(" " if self._tables else "\n")

    def leave(self, tag: str) -> None:
        """An element ends."""
        if tag == "table":
            self._end_row()
            self._tables -= 1
            self.flush()
        elif tag == "tr":
            self._end_row()
        elif tag in _CELLS:
            self._text.append(_CELL_END)
        elif tag in _HEADINGS and not self._tables:
            self.builder.heading(_HEADINGS[tag], "".join(self._text))
            self._text.clear()
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._break()
        if tag == "pre":
            self._verbatim -= 1

    def write(self, text: str | None) -> None:
        """Text stands here; white space counts in `pre` only."""
        if text:
            self._text.append(text if self._verbatim else _SPACE.sub(" ", text))

    def flush(self) -> None:
        """What was gathered becomes a part of its own."""
        self._lines.append("".join(self._text).strip(" "))
        self._text.clear()
        self.builder.add("\n".join(line for line in self._lines if line))
        self._lines.clear()

    def _break(self) -> None:
        """The end of a block: within a table only a space."""
        if self._tables:
            self._text.append(" ")
        else:
            self.flush()

    def _end_row(self) -> None:
        cells = "".join(self._text).split(_CELL_END)
        self._text.clear()
        self._lines.append(_CELL_END.join(" ".join(cell.split()) for cell in cells).strip(" |"))
