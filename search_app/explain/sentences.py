"""Cuts a passage into sentences: at full stops before a gap, at the full stops of East Asia, and at empty lines.

Offsets are exact, sentences come in order and don't overlap, and what lies between them is white space.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[^a-z\s])|(?<=[。！？])|\n\s*\n|\n(?=\s*[-*•\d])")


def sentences(text: str) -> list[Span]:
    """The places of the sentences; none in a text of white space."""
    return [span for start, end in _pieces(text) if (span := _trimmed(text, start, end))]


def _pieces(text: str) -> Iterator[Span]:
    start = 0
    for gap in _END.finditer(text):
        yield start, gap.end()
        start = gap.end()
    yield start, len(text)


def _trimmed(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    own = piece.strip()
    begin = start + piece.find(own)
    return (begin, begin + len(own)) if own else None
