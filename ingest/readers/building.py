"""Builds the text of a document part by part, and remembers under which headings and on which page each part stands.

Parts are cleaned one by one and joined by a blank line, so the whole is clean and every offset is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.cleaning import clean_line, clean_text
from ingest.documents import Section
from ingest.readers.found import Found, Opened, check_length, document_of

_BETWEEN = "\n\n"


@dataclass(slots=True)
class TextBuilder:
    """The document of `file` under construction."""

    file: Opened
    first_heading: str = ""
    _parts: list[str] = field(default_factory=list)
    length: int = 0
    _sections: list[Section] = field(default_factory=list)
    _path: list[tuple[int, str]] = field(default_factory=list)
    _page: int | None = None

    def begin_page(self, number: int, heading: str = "") -> None:
        """What is added from now on stands on page `number`, under its heading if it has one."""
        self._page = number
        self._path = [(0, clean_line(heading))] if clean_line(heading) else []

    def heading(self, level: int, name: str) -> None:
        """Add a heading; what is added after it stands under it, until one of the same level or above."""
        name = clean_line(name)
        if not name:
            return
        self.first_heading = self.first_heading or name
        self._path = [(above, other) for above, other in self._path if above < level]
        self._path.append((level, name))
        self.add(name)

    def add(self, text: str) -> None:
        """Add a part; one without text adds nothing.

        Raises:
            TooLarge: The document has become longer than the limit.
        """
        part = clean_text(text)
        if not part:
            return
        start = self.length + len(_BETWEEN) if self._parts else 0
        section = Section(start, tuple(name for _, name in self._path), self._page)
        if not self._sections or _place(self._sections[-1]) != _place(section):
            self._sections.append(section)
        self._parts.append(part)
        self.length = start + len(part)
        check_length(self.file, self.length)

    def document(self, title: str = "", metadata: Mapping[str, object] | None = None) -> Found:
        """The document, titled by `title`, else by its first heading, else by the file's name.

        Raises:
            EmptyText: Nothing was added.
        """
        named = clean_line(title) or self.first_heading or self.file.stem
        sections = tuple(section for section in self._sections if section.headings or section.page)
        if sections and sections[0].start > 0:
            sections = (Section(0), *sections)
        return document_of(
            self.file, title=named, text=_BETWEEN.join(self._parts), metadata=metadata, sections=sections
        )


def _place(section: Section) -> tuple[tuple[str, ...], int | None]:
    return section.headings, section.page
