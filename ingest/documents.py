"""What a person put in, as cleaned text.

A document's id is stable from run to run: it comes from names and columns, never from the content. Its
content hash covers everything that a search, a page or a pruning looks at: equal hashes mean nothing is to be done.
The time of the file's last change is left out: a file that was only touched is unchanged.
Sections begin at offsets into the cleaned text, ascending.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

MetadataValue = str | int | float | bool | None
_FIELD_BYTES = 100  # of a name and a value in a dictionary, beside their characters
MODIFIED = "modified"  # the metadata that a reader adds: when the file was last changed, ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document that begins at `start` and ends where the next one begins."""

    start: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file, a row or a page.

    `source` is what a person is shown; `origin` is the absolute path of the file that was read.
    """

    id: str
    title: str
    text: str
    source: str
    origin: str
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()

    @property
    def content_hash(self) -> str:
        """SHA-256 in hex over all but the id and `modified`, as canonical JSON."""
        return _hash([self.title, self.text, self.source, self.origin, *self._rest])

    @property
    def body_hash(self) -> str:
        """The same without source and origin: equal for copies of one document in several places."""
        return _hash([self.title, self.text, *self._rest])

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory: a table may have thousands of columns."""
        fields = sum(_FIELD_BYTES + len(name) + len(str(value)) for name, value in self.metadata.items())
        return len(self.text) + fields

    @property
    def _rest(self) -> tuple[object, object]:
        sections = [(section.start, section.headings, section.page) for section in self.sections]
        return {name: value for name, value in self.metadata.items() if name != MODIFIED}, sections


def page_label(source: str, page: int) -> str:
    """For example "page 3", or "slide 3" where the source is a presentation."""
    return f"{'slide' if source.lower().endswith('.pptx') else 'page'} {page:,}"


def _hash(content: list[object]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
